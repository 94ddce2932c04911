/** Writes what users of the Service read: its ingress, and which address and network serve it. */
import { Effect, Option, Schema } from "effect"
import { addressIdAnnotation, networkIdAnnotation } from "../../domain/Annotations.ts"
import type { PublicAddress } from "../../domain/Cloud.ts"
import { KubeError } from "../../kubernetes/KubeError.ts"
import type { Ingress, Service } from "../../kubernetes/objects.ts"
import { Services, type ServiceWrite } from "../../kubernetes/Services.ts"
import { finalizer } from "./selection.ts"

/** The API server did not take a write; told in upstream's words. */
export class WriteFailed extends Schema.TaggedError<WriteFailed>()("WriteFailed", {
  purpose: Schema.String,
  error: KubeError
}) {
  override get message(): string {
    return `failed to ${this.purpose}: ${this.error.message}`
  }
}

const purposes: Readonly<Record<ServiceWrite["_tag"], string>> = {
  AddFinalizer: "add load balancer cleanup finalizer",
  RemoveFinalizer: "remove load balancer cleanup finalizer",
  SetIngress: "update load balancer status",
  Annotate: "update load balancer status"
}

/** Order counts, absent `ports` equal none. */
const sameIngress = (a: ReadonlyArray<Ingress>, b: ReadonlyArray<Ingress>): boolean => {
  const text = (list: ReadonlyArray<Ingress>) =>
    JSON.stringify(list.map(({ hostname, ip, ipMode, ports }) => [ip, hostname, ipMode, ports ?? []]))
  return text(a) === text(b)
}

const notes = (address: PublicAddress | undefined): Readonly<Record<string, string | null>> => ({
  [addressIdAnnotation]: address?.id ?? null,
  [networkIdAnnotation]: address?.networkId ?? null
})

/** What has to be written; nothing if the Service says it all already. */
export const pendingWrites = (
  service: Service,
  ingress: ReadonlyArray<Ingress>,
  address: PublicAddress | undefined
): ReadonlyArray<ServiceWrite> => {
  const annotations = Object.entries(notes(address)).filter(
    ([name, value]) => (service.annotations[name] ?? null) !== value
  )
  return [
    ...(sameIngress(service.ingress, ingress) ? [] : [{ _tag: "SetIngress" as const, ingress }]),
    ...(annotations.length === 0 ? [] : [{ _tag: "Annotate" as const, annotations: Object.fromEntries(annotations) }])
  ]
}

/** What only a Service of the type can show; the API server refuses it for others. */
const isShowing = (write: ServiceWrite): boolean => write._tag === "SetIngress" && write.ingress.length > 0

/** None if the Service has gone meanwhile. One that has changed its type shows no address: its turn comes again. */
export const publish = Effect.fn("service.publish")(function* (service: Service, writes: ReadonlyArray<ServiceWrite>) {
  const services = yield* Services
  let current = Option.some(service)
  for (const write of writes) {
    if (Option.isNone(current)) return current
    const now = Option.filter(yield* services.find(service.key), ({ uid }) => uid === service.uid)
    if (Option.isNone(now)) return now
    if (isShowing(write) && now.value.type !== "LoadBalancer") continue
    const purpose = purposes[write._tag]
    current = yield* Effect.mapError(
      services.write(current.value, write),
      (error) => new WriteFailed({ purpose, error })
    )
  }
  return current
})

/** Before the first thing is made in CloudStack: from here on the Service cannot vanish without our clean-up. */
export const holdFinalizer = (service: Service) =>
  service.finalizers.includes(finalizer)
    ? Effect.succeed(Option.some(service))
    : publish(service, [{ _tag: "AddFinalizer", finalizer }])

/** After the last thing is gone in CloudStack. */
export const dropFinalizer = (service: Service) =>
  service.finalizers.includes(finalizer)
    ? publish(service, [{ _tag: "RemoveFinalizer", finalizer }])
    : Effect.succeed(Option.some(service))
