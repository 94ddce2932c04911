/** The cloud-node-lifecycle controller: the shutdown taint, and the deletion of Nodes whose VMs are proved to be gone. */
import { Duration, Effect } from "effect"
import { CallPriority } from "../../cloudstack/Api.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import { makeMemory } from "./Memory.ts"
import { reconcile } from "./reconcile.ts"

export interface Options {
  /** `--node-monitor-period`. */
  readonly nodeMonitorPeriod: Duration.Duration
}

/** One period after the other, each starting this long after the one before has ended. Run it only while leading. */
export const run = Effect.fnUntraced(
  function* (options: Options) {
    const nodes = yield* Nodes
    yield* nodes.synced
    const memory = yield* makeMemory
    const period = reconcile(memory, { period: Duration.toMillis(options.nodeMonitorPeriod) })
    return yield* Effect.forever(Effect.andThen(period, Effect.sleep(options.nodeMonitorPeriod)))
  },
  Effect.provideService(CallPriority, "membership"),
  Effect.annotateLogs({ controller: "cloud-node-lifecycle" })
)
