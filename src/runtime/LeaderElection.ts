/** Leader election as client-go does it, on one Lease: at most one process works, and it knows when to stop. */

import { randomUUID } from "node:crypto"
import { hostname } from "node:os"
import { Cause, Context, Deferred, Duration, Effect, Fiber, Layer, Metric, Random } from "effect"
import { Events } from "../kubernetes/Events.ts"
import type { Leases } from "../kubernetes/Leases.ts"
import * as metrics from "../observability/metrics.ts"
import { type Election, type Moment, makeCandidate, momentNow } from "./Candidate.ts"
import { jitter, timingProblems } from "./electionTiming.ts"
import { Fence, LostLeadership, margin } from "./Fence.ts"

/** `<hostname>_<uuid>`: no two processes share it, also on one machine. */
export const makeIdentity: Effect.Effect<string> = Effect.sync(() => `${hostname()}_${randomUUID()}`)

/** How long after the lease a leader that can not renew still counts as healthy. */
const healthGrace = Duration.seconds(20)

export class LeaderElection extends Context.Service<
  LeaderElection,
  {
    /**
     * Waits for the lease, then runs the work while renewing.
     * Fails as soon as the lease is lost, without waiting for the work to end. Interrupted from outside, it waits for
     * the work to end, renewing meanwhile, and releases the lease.
     */
    readonly lead: <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E | LostLeadership, R>
    readonly isLeader: Effect.Effect<boolean>
    /** False only if we lead and have not renewed for the lease's duration and 20 s more. */
    readonly healthy: Effect.Effect<boolean>
    /** Fails unless we lead and, on both clocks, enough of the lease is left. */
    readonly ensure: Effect.Effect<void, LostLeadership>
  }
>()("ccm/runtime/LeaderElection") {
  static readonly layerNoDeps = (election: Election): Layer.Layer<LeaderElection, never, Leases | Events> =>
    Layer.effect(this, make(election))

  /** The fence of this election, for everything that changes CloudStack. */
  static readonly layerFence: Layer.Layer<Fence, never, LeaderElection> = Layer.effect(
    Fence,
    Effect.map(LeaderElection, ({ ensure }) => ({ ensure }))
  )
}

/** The greater of the times that the two clocks say have passed. */
const elapsed = (since: Moment, now: Moment) => Math.max(now.monotonic - since.monotonic, now.wall - since.wall)

const make = Effect.fnUntraced(function* (election: Election) {
  const problems = timingProblems(election.timing)
  if (problems.length > 0) return yield* Effect.die(new Error(`leader election: ${problems.join("; ")}`))
  const events = yield* Events
  const candidate = yield* makeCandidate(election)
  const { identity, name, namespace, timing } = election
  const leaseMillis = Duration.toMillis(timing.leaseDuration)
  const status = metrics.leaderStatus.of({ name })
  yield* Metric.update(status, 0)
  let leading = false

  const announce = Effect.fnUntraced(function* (what: string) {
    yield* Effect.logInfo(what, { lease: `${namespace}/${name}`, identity })
    const lease = candidate.holder()
    if (lease === undefined) return
    yield* events.record({
      about: {
        kind: "Lease",
        apiVersion: "coordination.k8s.io/v1",
        namespace,
        name,
        uid: lease.uid,
        resourceVersion: lease.resourceVersion
      },
      type: "Normal",
      reason: "LeaderElection",
      message: `${identity} ${what}`,
      component: "cloud-controller-manager"
    })
  })

  const acquire = Effect.gen(function* () {
    yield* Effect.logInfo("attempting to acquire the leader lease", { lease: `${namespace}/${name}`, identity })
    while ((yield* candidate.attempt) !== "held") {
      yield* Effect.sleep(Duration.times(timing.retryPeriod, 1 + (yield* Random.next) * jitter))
    }
    leading = true
    yield* Metric.update(status, 1)
    yield* announce("became leader")
  })

  /** Until one attempt succeeds; fails at once if another holder is seen, for it works already. */
  const renewOnce = Effect.gen(function* () {
    while (true) {
      const attempt = yield* candidate.attempt
      if (attempt === "held") return
      if (attempt === "other") {
        return yield* new LostLeadership({ why: `the lease is held by ${candidate.holder()?.holderIdentity}` })
      }
      yield* Effect.sleep(timing.retryPeriod)
    }
  })

  const renew = Effect.forever(
    Effect.andThen(
      Effect.sleep(timing.retryPeriod),
      Effect.timeoutOrElse(renewOnce, {
        duration: timing.renewDeadline,
        orElse: () => new LostLeadership({ why: "the lease could not be renewed in time" })
      })
    )
  )

  const resign = Effect.fnUntraced(function* (release: boolean) {
    leading = false
    yield* Metric.update(status, 0)
    yield* announce("stopped leading")
    if (release) yield* candidate.release
  })

  const lead = <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E | LostLeadership, R> =>
    Effect.scoped(
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const lost = yield* Deferred.make<never, LostLeadership>()
          yield* Effect.onInterrupt(restore(acquire), () => candidate.release)
          yield* Effect.addFinalizer(() => resign(!Deferred.isDoneUnsafe(lost)))
          const renewing = Effect.tapCause(renew, (cause) =>
            Cause.hasInterruptsOnly(cause) ? Effect.void : Deferred.failCause(lost, cause)
          )
          yield* Effect.forkScoped(renewing, { uninterruptible: false })
          const working = yield* Effect.forkDetach(work, { startImmediately: true, uninterruptible: false })
          return yield* restore(Effect.raceFirst(Fiber.join(working), Deferred.await(lost))).pipe(
            Effect.onExit(() =>
              Deferred.isDoneUnsafe(lost) ? Effect.sync(() => working.interruptUnsafe()) : Fiber.interrupt(working)
            )
          )
        })
      )
    )

  const ensure = Effect.gen(function* () {
    const since = candidate.renewed()
    if (!leading || since === undefined) return yield* new LostLeadership({ why: "this process does not lead" })
    const left = leaseMillis - elapsed(since, yield* momentNow)
    if (left < Duration.toMillis(margin)) {
      return yield* new LostLeadership({ why: `too little of the leader lease remains: ${Math.round(left)} ms` })
    }
  })

  const healthy = Effect.map(momentNow, (now) => {
    const since = candidate.renewed()
    return !leading || since === undefined || elapsed(since, now) <= leaseMillis + Duration.toMillis(healthGrace)
  })

  return { lead, ensure, healthy, isLeader: Effect.sync(() => leading) }
})
