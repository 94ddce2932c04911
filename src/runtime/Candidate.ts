/**
 * One candidate's dealings with the Lease: try to take or renew it, and give it back.
 *
 * Another holder's record is trusted for as long as *its* duration after this process saw it change, measured on the
 * local clock: timestamps in the object come from clocks that may be wrong.
 */
import { Clock, Duration, Effect, Equal, Metric, Option } from "effect"
import type { KubeError } from "../kubernetes/KubeError.ts"
import { type Lease, type LeaseSpec, Leases } from "../kubernetes/Leases.ts"
import { touch } from "../observability/Family.ts"
import * as metrics from "../observability/metrics.ts"
import { monotonicOf } from "../wire/monotonic.ts"
import type { ElectionTiming } from "./electionTiming.ts"

export interface Election {
  readonly namespace: string
  readonly name: string
  /** `<hostname>_<uuid>`. */
  readonly identity: string
  readonly timing: ElectionTiming
}

/** A moment on both clocks: the monotonic one may stand still during a suspend, the wall clock may be corrected. */
export interface Moment {
  readonly monotonic: number
  readonly wall: number
}

export const momentNow = Clock.clockWith((clock) =>
  Effect.succeed<Moment>({ monotonic: monotonicOf(clock), wall: clock.currentTimeMillisUnsafe() })
)

/** How an attempt ended: we hold the lease, somebody else does, or the API server did not let us know. */
export type Attempt = "held" | "other" | "failed"

interface Observed {
  readonly lease: Lease
  readonly at: number
}

const specOf = ({
  holderIdentity,
  leaseDurationSeconds,
  acquireTime,
  renewTime,
  leaseTransitions
}: Lease): LeaseSpec => ({
  holderIdentity,
  leaseDurationSeconds,
  acquireTime,
  renewTime,
  leaseTransitions
})

export const makeCandidate = Effect.fnUntraced(function* (election: Election) {
  const leases = yield* Leases
  const { identity, name, namespace, timing } = election
  const requestTimeout = Duration.max(Duration.seconds(1), Duration.times(timing.renewDeadline, 0.5))
  const slowPath = metrics.leaderSlowPath.of({ name })
  yield* touch(slowPath)
  let observed: Observed | undefined
  /** When the last successful write was sent; the lease is counted from there. */
  let renewed: Moment | undefined
  /** A write is on its way, or was cut off there: it may have made us the holder. */
  let underWay = false

  const holding = () => observed?.lease.holderIdentity === identity

  const request = <A>(operation: string, effect: Effect.Effect<A, KubeError>) =>
    effect.pipe(
      Effect.timeoutOption(requestTimeout),
      Effect.flatMap((answer) =>
        Option.isSome(answer)
          ? Effect.succeed(answer)
          : Effect.as(Effect.logWarning(`${operation} of the lease: no answer in time`), Option.none<A>())
      ),
      Effect.catch((error) =>
        Effect.as(Effect.logWarning(`${operation} of the lease failed: ${error.message}`), Option.none<A>())
      )
    )

  const write = Effect.fnUntraced(function* (
    operation: string,
    send: (now: number) => Effect.Effect<Lease, KubeError>
  ) {
    const sent = yield* momentNow
    underWay = true
    const written = yield* request(operation, send(sent.wall))
    underWay = false
    if (Option.isNone(written)) return false
    observed = { lease: written.value, at: sent.monotonic }
    renewed = sent
    return true
  })

  const ours = (now: number, kept: Pick<LeaseSpec, "acquireTime" | "leaseTransitions">): LeaseSpec => ({
    holderIdentity: identity,
    leaseDurationSeconds: Math.round(Duration.toSeconds(timing.leaseDuration)),
    renewTime: now,
    acquireTime: kept.acquireTime,
    leaseTransitions: kept.leaseTransitions
  })

  const create = write("create", (now) =>
    leases.create(namespace, name, ours(now, { acquireTime: now, leaseTransitions: 0 }))
  )

  const attempt = Effect.gen(function* (): Effect.fn.Return<Attempt> {
    const known = observed?.lease
    if (known !== undefined && holding()) {
      if (yield* write("update", (now) => leases.update(known, ours(now, known)))) return "held"
      yield* Metric.update(slowPath, 1)
    }
    const answer = yield* request("get", leases.get(namespace, name))
    if (Option.isNone(answer)) return "failed"
    if (Option.isNone(answer.value)) return (yield* create) ? "held" : "failed"

    const lease = answer.value.value
    const { monotonic } = yield* momentNow
    if (observed === undefined || !Equal.equals(specOf(observed.lease), specOf(lease)))
      observed = { lease, at: monotonic }
    const until = observed.at + lease.leaseDurationSeconds * 1_000
    if (lease.holderIdentity !== "" && lease.holderIdentity !== identity && monotonic < until) return "other"
    const taken = yield* write("update", (now) =>
      leases.update(
        lease,
        ours(
          now,
          lease.holderIdentity === identity ? lease : { acquireTime: now, leaseTransitions: lease.leaseTransitions + 1 }
        )
      )
    )
    return taken ? "held" : "failed"
  })

  const giveBack = (lease: Lease) =>
    write("release", (now) =>
      leases.update(lease, {
        holderIdentity: "",
        leaseDurationSeconds: 1,
        renewTime: now,
        acquireTime: now,
        leaseTransitions: lease.leaseTransitions
      })
    )

  /**
   * A released lease may be taken at once. With the version last seen: if somebody took it, nothing happens. If it is
   * ours all the same, a write that was cut off on the way has arrived. All in the time of one request: the process has
   * to end.
   */
  const release = Effect.gen(function* () {
    renewed = undefined
    const lease = holding() ? observed?.lease : undefined
    if (lease === undefined && !underWay) return
    if (lease === undefined || !(yield* giveBack(lease))) {
      const found = Option.flatten(yield* request("get", leases.get(namespace, name)))
      if (Option.isSome(found) && found.value.holderIdentity === identity) yield* giveBack(found.value)
    }
    renewed = undefined
  }).pipe(Effect.timeoutOption(requestTimeout))

  return { attempt, release, renewed: () => renewed, holder: () => observed?.lease }
})
