/**
 * The cluster as a rehearsal sees it: Services are read as they are but for what it wrote itself; writes and Events are
 * written down and not sent.
 */
import { Context, Effect, Layer, Option } from "effect"
import { Events } from "../../kubernetes/Events.ts"
import type { JsonObject } from "../../kubernetes/json.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { servicePatch } from "../../kubernetes/patches.ts"
import { Services, type ServiceWrite } from "../../kubernetes/Services.ts"

/** An Event that would be told. */
export interface PlannedNote {
  readonly type: "Normal" | "Warning"
  readonly reason: string
  readonly message: string
}

export interface ClusterChanges {
  /** Patches of the Service's status, in order. */
  readonly writes: ReadonlyArray<JsonObject>
  readonly notes: ReadonlyArray<PlannedNote>
}

/** What would have been written since the last time it was taken, which from then on was never written. */
export class RehearsedCluster extends Context.Service<
  RehearsedCluster,
  { readonly takeChanges: Effect.Effect<ClusterChanges> }
>()("ccm/controllers/service/RehearsedCluster") {}

const written = (service: Service, write: ServiceWrite): Service => {
  switch (write._tag) {
    case "AddFinalizer":
      return { ...service, finalizers: [...service.finalizers, write.finalizer] }
    case "RemoveFinalizer":
      return { ...service, finalizers: service.finalizers.filter((finalizer) => finalizer !== write.finalizer) }
    case "SetIngress":
      return { ...service, ingress: write.ingress }
    case "Annotate": {
      const all = Object.entries({ ...service.annotations, ...write.annotations })
      return { ...service, annotations: Object.fromEntries(all.flatMap(([k, v]) => (v === null ? [] : [[k, v]]))) }
    }
  }
}

const make = Effect.map(Services, (services) => {
  let writes: ReadonlyArray<JsonObject> = []
  let notes: ReadonlyArray<PlannedNote> = []
  // The cache knows the result of a write, so the run must find it there too.
  const after = new Map<string, Option.Option<Service>>()
  const rehearsed = Services.of({
    ...services,
    find: (key) =>
      Effect.suspend(() => {
        const known = after.get(key)
        return known === undefined ? services.find(key) : Effect.succeed(known)
      }),
    write: (service, write) =>
      Effect.sync(() => {
        const patch = servicePatch(service, write)
        if (patch === undefined) return Option.some(service)
        writes = [...writes, patch]
        const result = written(service, write)
        const left = result.deleting && result.finalizers.length === 0 ? Option.none() : Option.some(result)
        after.set(service.key, left)
        return left
      })
  })
  const events = Events.of({
    record: ({ message, reason, type }) =>
      Effect.sync(() => {
        notes = [...notes, { type, reason, message }]
      })
  })
  const takeChanges = Effect.sync(() => {
    const taken = { writes, notes }
    writes = []
    notes = []
    after.clear()
    return taken
  })
  return Context.make(Services, rehearsed).pipe(
    Context.add(Events, events),
    Context.add(RehearsedCluster, { takeChanges })
  )
})

/** Takes the place of the Services that it reads. */
export const layer: Layer.Layer<Services | Events | RehearsedCluster, never, Services> = Layer.effectContext(make)
