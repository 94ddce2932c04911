/**
 * Upstream's metrics of node syncs. A sync is all that one change of nodes makes due; a Service counts in it if its load
 * balancer had to be changed, or could not be.
 */
import { Cause, Clock, Duration, Effect, Exit, Metric } from "effect"
import { hostUpdateLatency, loadBalancerSyncs, nodeSyncErrors, nodeSyncLatency } from "../../observability/metrics.ts"
import type { ReconcileResult } from "./reconcile.ts"

export const makeNodeSync = () => {
  const due = new Set<string>()
  let since = 0

  const begin = (keys: ReadonlyArray<string>) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      if (due.size === 0) since = now
      for (const key of keys) due.add(key)
    })

  /** The Service has had its turn, for whatever reason, or is gone. */
  const settled = Effect.fnUntraced(function* (key: string) {
    if (!due.delete(key) || due.size > 0) return
    yield* Metric.update(nodeSyncLatency.of({}), ((yield* Clock.currentTimeMillis) - since) / 1_000)
  })

  const count = Effect.fnUntraced(function* <E>(took: Duration.Duration, exit: Exit.Exit<ReconcileResult, E>) {
    const failed = Exit.isFailure(exit)
    if (failed ? Cause.hasInterruptsOnly(exit.cause) : exit.value !== "Changed") return
    yield* Metric.update(loadBalancerSyncs.of({}), 1)
    yield* Metric.update(hostUpdateLatency.of({}), Duration.toSeconds(took))
    if (failed) yield* Metric.update(nodeSyncErrors.of({}), 1)
  })

  const measured = Effect.fnUntraced(function* <E, R>(
    key: string,
    forNodes: boolean,
    run: Effect.Effect<ReconcileResult, E, R>
  ) {
    const [took, exit] = yield* Effect.timed(Effect.exit(run))
    if (forNodes) yield* count(took, exit)
    yield* settled(key)
    return yield* exit
  })

  return { begin, settled, measured }
}
