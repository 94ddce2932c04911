/** What a replica says about itself, and waiting for it to say so. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Replica } from "./Cluster.ts"
import { eventually } from "./eventually.ts"
import { httpText } from "./http.ts"

/** For tests that kill: the Lease of a dead leader is over soon. */
export const quickLease: ReadonlyArray<string> = [
  "--leader-elect-lease-duration=4s",
  "--leader-elect-renew-deadline=3s",
  "--leader-elect-retry-period=500ms"
]

export const metric = (replica: Replica, line: RegExp) =>
  Effect.map(httpText(`${replica.origin}/metrics`), (text) => Number(line.exec(text)?.[1] ?? "0"))

export const leads = (replica: Replica) =>
  metric(replica, /^leader_election_master_status\{name="cloud-controller-manager"\} (\S+)$/m)

/** A Lease whose holder was killed has to run out first. */
export const untilLeading = (replica: Replica) =>
  eventually(leads(replica), (value) => assert.strictEqual(value, 1), "60 seconds")

/** Under which it writes itself into the Lease. */
export const identityOf = (replica: Replica): Effect.Effect<string> =>
  Effect.map(
    replica.output,
    (text) => /attempting to acquire the leader lease.* identity=(\S+)$/m.exec(text)?.[1] ?? ""
  )

/** Every Service that is there has been looked at, and the queue is empty again. */
export const settled = (replica: Replica) =>
  eventually(
    Effect.all([
      metric(replica, /^workqueue_adds_total\{name="service"\} (\S+)$/m),
      metric(replica, /^workqueue_depth\{name="service"\} (\S+)$/m),
      metric(replica, /^workqueue_unfinished_work_seconds\{name="service"\} (\S+)$/m)
    ]),
    ([adds, depth, unfinished]) => {
      assert.isAbove(adds, 0)
      assert.deepStrictEqual([depth, unfinished], [0, 0])
    }
  )

export const stop = Effect.fnUntraced(function* (replica: Replica) {
  yield* replica.signal("SIGTERM")
  return yield* replica.exit
})
