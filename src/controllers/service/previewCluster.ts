/** The cluster as a rehearsal sees it: Services are read as they are, writes and Events are written down and not sent. */
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

/** What would have been written since the last time it was taken. */
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
  const rehearsed = Services.of({
    ...services,
    write: (service, write) =>
      Effect.sync(() => {
        const patch = servicePatch(service, write)
        if (patch === undefined) return Option.some(service)
        writes = [...writes, patch]
        const after = written(service, write)
        return after.deleting && after.finalizers.length === 0 ? Option.none() : Option.some(after)
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
    return taken
  })
  return Context.make(Services, rehearsed).pipe(
    Context.add(Events, events),
    Context.add(RehearsedCluster, { takeChanges })
  )
})

/** Takes the place of the Services that it reads. */
export const layer: Layer.Layer<Services | Events | RehearsedCluster, never, Services> = Layer.effectContext(make)
