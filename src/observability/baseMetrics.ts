/** The metrics that are there from the start: which build runs, what the process costs, and the zeros of the rest. */
import { performance } from "node:perf_hooks"
import { Effect, Layer, Metric } from "effect"
import { pull, pullCount, touch } from "./Family.ts"
import * as metrics from "./metrics.ts"

/**
 * Series that exist before their first event, so that the first is seen as an increase. Gauges only where zero is
 * true from the start: whether a key is valid is not known before the first call.
 */
const zeros = [
  metrics.loadBalancerSyncs.of({}),
  metrics.nodeSyncErrors.of({}),
  metrics.nodeSyncLatency.of({}),
  metrics.hostUpdateLatency.of({}),
  metrics.taintRemovalDelay.of({}),
  metrics.initialNodeSyncDelay.of({}),
  metrics.timeToAddress.of({}),
  metrics.apiUp.of({}),
  metrics.apiThrottled.of({}),
  metrics.jobsInFlight.of({}),
  metrics.nodeDeletionPaused.of({}),
  metrics.configReloads.of({ outcome: "accepted" }),
  metrics.configReloads.of({ outcome: "rejected" })
]

export const layer = (version: string): Layer.Layer<never> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      yield* Effect.forEach(zeros, touch, { discard: true })
      yield* Metric.update(metrics.buildInfo.of({ version, node: process.version }), 1)
      yield* Metric.update(metrics.processStart.of({}), performance.timeOrigin / 1_000)
      yield* pull(metrics.processMemory.of({}), () => process.memoryUsage.rss())
      yield* pull(metrics.heapUsed.of({}), () => process.memoryUsage().heapUsed)
      yield* pull(metrics.eventLoopUtilisation.of({}), () => performance.eventLoopUtilization().utilization)
      yield* pullCount(metrics.processCpu.of({}), () => {
        const { system, user } = process.cpuUsage()
        return (system + user) / 1_000_000
      })
    })
  )
