/** What a work queue reports about itself: counts as they happen, depths and ages read when somebody looks. */
import { Clock, Effect, Metric } from "effect"
import { pull, touch } from "../observability/Family.ts"
import * as metrics from "../observability/metrics.ts"
import { monotonicOf } from "../wire/monotonic.ts"

export interface Observed<P> {
  readonly name: string
  readonly priorities: ReadonlyArray<P>
  /** How many wait with a priority, and since when the oldest. */
  readonly depth: (priority: P) => { readonly count: number; readonly oldest: number | undefined }
  /** When each key that runs was started. */
  readonly running: () => Iterable<number>
}

export const makeQueueMetrics = Effect.fnUntraced(function* <P extends string>(observed: Observed<P>) {
  const clock = yield* Clock.Clock
  const name = { name: observed.name }
  const seconds = (since: number) => (monotonicOf(clock) - since) / 1_000
  for (const priority of observed.priorities) {
    const labels = { queue: observed.name, priority }
    yield* pull(metrics.queueDepth.of(labels), () => observed.depth(priority).count)
    yield* pull(metrics.queueOldestAge.of(labels), () => {
      const { oldest } = observed.depth(priority)
      return oldest === undefined ? 0 : seconds(oldest)
    })
  }
  yield* pull(metrics.workqueueDepth.of(name), () =>
    observed.priorities.reduce((sum, priority) => sum + observed.depth(priority).count, 0)
  )
  yield* pull(metrics.workqueueUnfinishedWork.of(name), () =>
    [...observed.running()].reduce((sum, since) => sum + seconds(since), 0)
  )
  yield* pull(metrics.workqueueLongestRunning.of(name), () => Math.max(0, ...[...observed.running()].map(seconds)))

  const adds = metrics.workqueueAdds.of(name)
  const retries = metrics.workqueueRetries.of(name)
  const queued = metrics.workqueueQueueDuration.of(name)
  const worked = metrics.workqueueWorkDuration.of(name)
  for (const series of [adds, retries, queued, worked]) yield* touch(series)
  return {
    added: Metric.update(adds, 1),
    retried: Metric.update(retries, 1),
    taken: (millis: number) => Metric.update(queued, millis / 1_000),
    finished: (millis: number) => Metric.update(worked, millis / 1_000)
  }
})
