/**
 * What the next run for a Service would do: the run itself, rehearsed on CloudStack and the cluster as they are, with
 * nobody to carry out what it asks for. Each Service is seen alone: what one would change the next one does not know.
 */
import { Effect, Layer, References } from "effect"
import { layer as cloudServices } from "../../cloudstack/layers.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { type PlannedCall, Rehearsal, layer as rehearsedApi } from "./previewApi.ts"
import { type ClusterChanges, RehearsedCluster, layer as rehearsedCluster } from "./previewCluster.ts"
import { type ReconcileResult, reconcileService } from "./reconcile.ts"
import { ServiceController } from "./ServiceController.ts"

export interface Preview extends ClusterChanges {
  /** `<namespace>/<name>`. */
  readonly service: string
  readonly result: ReconcileResult | "Failed"
  /** Why it would fail before it has done all of it. */
  readonly error?: string
  readonly calls: ReadonlyArray<PlannedCall>
}

export const routerCommandsOf = ({ calls }: Preview): number => calls.filter(({ router }) => router).length

/** Caches of its own: what a rehearsal believes to be there must not reach those who carry it out. */
export const layer = Layer.fresh(
  Layer.merge(
    cloudServices.pipe(Layer.provideMerge(rehearsedApi)),
    ServiceController.layerRehearsed.pipe(Layer.provideMerge(rehearsedCluster))
  )
)

export const preview = Effect.fn("service.preview")(function* ({ key }: Pick<Service, "key">) {
  const rehearsal = yield* Rehearsal
  const cluster = yield* RehearsedCluster
  // What is logged as done is not done.
  const run = Effect.provideService(reconcileService(key), References.MinimumLogLevel, "None")
  const outcome = yield* Effect.result(run)
  const made: Preview = {
    service: key,
    ...(outcome._tag === "Success"
      ? { result: outcome.success }
      : { result: "Failed", error: outcome.failure.message }),
    calls: yield* rehearsal.takeCalls,
    ...(yield* cluster.takeChanges)
  }
  return made
})
