/** Which Services are handled, and which of their changes mean work. Pure. */
import { addressIdAnnotation, prefix } from "../../domain/Annotations.ts"
import type { Refusal } from "../../domain/Refusal.ts"
import { readFlag } from "../../domain/SelectionFlag.ts"
import type { Service } from "../../kubernetes/objects.ts"

export const finalizer = "service.kubernetes.io/load-balancer-cleanup"

/** What decides whose a Service is; the operator may change it while it is served. */
export interface Selection {
  /** `--load-balancer-class`; absent = only Services without a class. */
  readonly loadBalancerClass?: string
  /** `service-policy`: all of them, or only those that say so. */
  readonly policy: "all" | "annotated"
}

const isOfClass = (service: Service, { loadBalancerClass = "" }: Selection): boolean =>
  (service.loadBalancerClass ?? "") === loadBalancerClass

/** It shows what we published: a load balancer is there, or was a moment ago. */
const isPublished = (service: Service): boolean => service.annotations[addressIdAnnotation] !== undefined

/** A word that is not understood keeps what is there, and lets nothing begin. */
export const isSelected = (service: Service, selection: Selection): boolean => {
  if (!isOfClass(service, selection)) return false
  const flag = readFlag(service.annotations)
  if (flag._tag === "Invalid") return isPublished(service)
  return flag._tag === "Yes" || (flag._tag === "Absent" && selection.policy === "all")
}

export const wants = (service: Service, selection: Selection): boolean =>
  service.type === "LoadBalancer" && !service.deleting && isSelected(service, selection)

/** Why a Service that may be ours does not begin. */
export const refuseFlag = (service: Service, selection: Selection): Refusal | undefined => {
  const flag = readFlag(service.annotations)
  const waits = service.type === "LoadBalancer" && !service.deleting && isOfClass(service, selection)
  return waits && flag._tag === "Invalid" && !isPublished(service) ? flag.refusal : undefined
}

/**
 * Something of ours may be left behind. The finalizer is shared by all load balancer controllers, so it alone does not
 * say that: what CloudStack holds decides.
 */
export const mayNeedCleanup = (service: Service, selection: Selection): boolean =>
  service.finalizers.includes(finalizer) && !wants(service, selection)

/** By its own word: the only thing that ends a load balancer, whatever the operator changes. */
export const hasEnded = (service: Service): boolean =>
  service.deleting || service.type !== "LoadBalancer" || readFlag(service.annotations)._tag === "No"

/** Whoever the Service belongs to by class and policy: it was ours, so its finalizer is for us to remove. */
export const wasOurs = (service: Service, selection: Selection): boolean =>
  isSelected(service, selection) || isPublished(service)

export const isHandled = (service: Service, selection: Selection): boolean =>
  wants(service, selection) || mayNeedCleanup(service, selection) || refuseFlag(service, selection) !== undefined

/** Annotations that cannot change what is wanted: our own notes and kubectl's copy of the manifest. */
const withoutMeaning: ReadonlySet<string> = new Set([
  `${prefix}id`,
  `${prefix}network-id`,
  "kubectl.kubernetes.io/last-applied-configuration"
])

const meaning = (service: Service): string =>
  JSON.stringify([
    service.uid,
    service.sourceRanges,
    service.ports,
    service.sessionAffinity,
    service.loadBalancerIP ?? "",
    service.externalIPs,
    Object.entries(service.annotations)
      .filter(([name]) => !withoutMeaning.has(name))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
    service.externalTrafficPolicy,
    service.healthCheckNodePort ?? 0,
    service.ipFamilies.length
  ])

/** Upstream's list of fields (any annotation counts there); status and our own annotations mean no work. */
export const needsUpdate = (before: Service, after: Service, selection: Selection): boolean => {
  const wanted = wants(before, selection)
  if (wanted !== wants(after, selection)) return true
  const waits = refuseFlag(after, selection) !== undefined
  return (wanted || waits) && meaning(before) !== meaning(after)
}
