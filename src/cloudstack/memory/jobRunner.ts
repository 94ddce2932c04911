/** Runs jobs: at once if nothing takes time, else beside the call that submitted them. */
import { Clock, Duration, Effect, FiberSet, Result } from "effect"
import type { JobPlan } from "./command.ts"
import { type FaultKind, pick } from "./faults.ts"
import { failJob, finishJob } from "./jobs.ts"
import type { Job } from "./records.ts"
import { makeRouters } from "./routers.ts"
import type { State } from "./state.ts"

export interface Store {
  readonly get: Effect.Effect<State>
  readonly change: <A>(f: (state: State, now: number) => readonly [A, State]) => Effect.Effect<A>
}

export const makeJobRunner = Effect.fnUntraced(function* (store: Store, pushTime: Duration.Duration) {
  const routers = makeRouters(pushTime)
  const running = yield* FiberSet.make<void>()
  const pushMillis = Duration.toMillis(pushTime)

  /** What the job would do now: whether it succeeds, and whom it has to tell. */
  const expectation = Effect.fnUntraced(function* (plan: JobPlan) {
    const state = yield* store.get
    const outcome = plan.run(state, yield* Clock.currentTimeMillis)
    const pushes = Result.isSuccess(outcome) ? (outcome.success.pushes ?? []) : []
    const millis = Math.max(state.jobMillis, pushMillis * pushes.length)
    return { succeeds: Result.isSuccess(outcome), pushes, millis }
  })

  const commit = ({ id }: Job, plan: JobPlan) =>
    store.change((state, now) => [undefined, finishJob(state, id, plan, plan.run(state, now), now)])

  /** A job that will succeed marks its object, waits for the routers it has to tell, and takes effect at the end. */
  const work = Effect.fnUntraced(function* (row: Job, plan: JobPlan) {
    if (pushMillis === 0 && (yield* store.get).jobMillis === 0) return yield* commit(row, plan)
    const { millis, pushes, succeeds } = yield* expectation(plan)
    const { begin } = plan
    if (begin !== undefined && succeeds) yield* store.change((state) => [undefined, begin(state)])
    const idle = millis - pushMillis * pushes.length
    if (idle > 0) yield* Effect.sleep(idle)
    if (pushMillis === 0) return yield* commit(row, plan)
    return yield* routers.push(pushes, commit(row, plan))
  })

  const fail = Effect.fnUntraced(function* (row: Job, plan: JobPlan, fault: FaultKind & { readonly _tag: "failJob" }) {
    const { jobMillis } = yield* store.get
    if (jobMillis > 0) yield* Effect.sleep(jobMillis)
    // A job that was killed leaves its object as it is, one that fails cleans up.
    const undo = fault.result ? plan.undo : undefined
    yield* store.change((state, now) => [undefined, failJob(undo?.(state) ?? state, row.id, now, fault)])
  })

  /** `after` is done when the job has ended, whatever became of it. */
  return Effect.fnUntraced(function* (
    { plan, row }: { readonly plan: JobPlan; readonly row: Job },
    hits: ReadonlyArray<FaultKind>,
    after: Effect.Effect<void>
  ) {
    if (pick(hits, "stuckJob") !== undefined) return yield* after
    const failure = pick(hits, "failJob")
    const job = (failure === undefined ? work(row, plan) : fail(row, plan, failure)).pipe(
      Effect.catchCause((cause) => Effect.logError("a simulated job broke", cause)),
      Effect.ensuring(after)
    )
    const { jobMillis } = yield* store.get
    if (jobMillis === 0 && pushMillis === 0) return yield* job
    yield* FiberSet.run(running, job)
  })
})
