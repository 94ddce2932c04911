/** Whether CloudStack answers to settings: one harmless call, by which a changed key is tried and a start is waited for. */
import { Effect, Layer, Schedule } from "effect"
import { CloudStackApi, type CloudStackError } from "../../cloudstack/Api.ts"
import { layerLive } from "../../cloudstack/live/layerLive.ts"
import { type CloudSettings, Settings } from "../../config/Settings.ts"
import { HealthChecks } from "../../observability/HealthChecks.ts"

/** Every role that a controller can live with may list machines; in a project it shows the membership as well. */
const askOnce = Effect.gen(function* () {
  const { current } = yield* Settings
  const { call } = yield* CloudStackApi
  const { projectId } = yield* current
  yield* call("listVirtualMachines", {
    listall: "true",
    page: "1",
    pagesize: "1",
    ...(projectId === undefined ? {} : { projectid: projectId })
  })
})

export const tryCall = (settings: CloudSettings): Effect.Effect<void, CloudStackError> =>
  askOnce.pipe(Effect.provide(Layer.provideMerge(layerLive, Settings.layerOf(settings))), Effect.asVoid)

/**
 * Not ready until CloudStack has answered once. What it is asked later shows in metrics: a replica that has worked is
 * of no more use elsewhere while CloudStack is away.
 */
export const readiness = Effect.gen(function* () {
  const checks = yield* HealthChecks
  const { current } = yield* Settings
  let waiting: string | undefined = "it has not been asked yet"
  yield* checks.add({
    name: "cloudstack",
    of: "readiness",
    check: Effect.suspend(() => (waiting === undefined ? Effect.void : Effect.fail(waiting)))
  })
  yield* Effect.flatMap(current, tryCall).pipe(
    Effect.tapError((error) =>
      Effect.suspend(() => {
        const changed = waiting !== error.reason._tag
        waiting = error.reason._tag
        return changed ? Effect.logWarning("waiting for CloudStack", error) : Effect.void
      })
    ),
    Effect.retry(Schedule.spaced("15 seconds")),
    Effect.orDie // only in type: it is retried for ever
  )
  waiting = undefined
  yield* Effect.logInfo("CloudStack answers")
})
