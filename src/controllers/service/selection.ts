/** Which Services are handled, and which of their changes mean work. Pure. */
import { prefix } from "../../domain/Annotations.ts"
import type { Service } from "../../kubernetes/objects.ts"

export const finalizer = "service.kubernetes.io/load-balancer-cleanup"

const classOf = (service: Service): string => service.loadBalancerClass ?? ""

/** `loadBalancerClass` is the value of the flag; without it only Services without a class are ours. */
export const wants = (service: Service, loadBalancerClass: string | undefined): boolean =>
  service.type === "LoadBalancer" && !service.deleting && classOf(service) === (loadBalancerClass ?? "")

/**
 * Something of ours may be left behind. The finalizer is shared by all load balancer controllers, so it alone does not
 * say that: what CloudStack holds decides.
 */
export const mayNeedCleanup = (service: Service, loadBalancerClass: string | undefined): boolean =>
  service.finalizers.includes(finalizer) && !wants(service, loadBalancerClass)

/** The Service belongs to another load balancer controller now; its finalizer is that one's to keep. */
export const isElsewhere = (service: Service, loadBalancerClass: string | undefined): boolean =>
  service.type === "LoadBalancer" && classOf(service) !== (loadBalancerClass ?? "")

export const isHandled = (service: Service, loadBalancerClass: string | undefined): boolean =>
  wants(service, loadBalancerClass) || mayNeedCleanup(service, loadBalancerClass)

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
export const needsUpdate = (before: Service, after: Service, loadBalancerClass: string | undefined): boolean => {
  const wanted = wants(before, loadBalancerClass)
  if (wanted !== wants(after, loadBalancerClass)) return true
  return wanted && meaning(before) !== meaning(after)
}
