/**
 * Asks after all awaited jobs together: soon at first, since most jobs take well under a second, and ever more rarely
 * as a job grows old. With several jobs one list tells which of them still run, so that only ended ones are queried.
 */
import { Deferred, Duration, Effect, Latch, Metric, Option, Result, Schema } from "effect"
import { Settings } from "../../config/Settings.ts"
import { jobDuration, jobsInFlight } from "../../observability/metrics.ts"
import { monotonicMillis } from "../../wire/monotonic.ts"
import {
  type Answer,
  CallPriority,
  CloudStackApi,
  CloudStackError,
  DeadlineExceeded,
  type Priority,
  ServerFault
} from "../Api.ts"
import { classifyJob } from "../classify.ts"
import { PendingJobs } from "../schemas/jobs.ts"

interface Watched {
  readonly jobId: string
  readonly command: string
  readonly since: number
  readonly timeout: Duration.Duration
  readonly priority: Priority
  readonly outcome: Deferred.Deferred<Answer, CloudStackError>
  waiters: number
  nextAt: number
}

const soonest = 100
const latest = 5_000
/** From so many jobs on, a list is cheaper than a query each. */
const worthAList = 4
const betweenLists = 250

const decodePending = Schema.decodeUnknownOption(PendingJobs)

export const makePoller = Effect.gen(function* () {
  const api = yield* CloudStackApi
  const settings = yield* Settings
  const scope = yield* Effect.scope
  const watched = new Map<string, Watched>()
  const wake = Latch.makeUnsafe()
  let polling = false

  const settle = Effect.fnUntraced(function* (job: Watched, result: Result.Result<Answer, CloudStackError>) {
    watched.delete(job.jobId)
    const outcome = Result.isSuccess(result) ? "success" : result.failure.reason._tag
    const millis = (yield* monotonicMillis) - job.since
    yield* Metric.update(jobDuration.of({ command: job.command, outcome }), millis / 1000)
    yield* Metric.update(jobsInFlight.of({}), watched.size)
    yield* Deferred.completeWith(job.outcome, Effect.fromResult(result))
  })

  const postpone = Effect.fnUntraced(function* (job: Watched, atLeast: number) {
    const now = yield* monotonicMillis
    const age = now - job.since
    if (age >= Duration.toMillis(job.timeout)) {
      const { command, jobId } = job
      const reason = new DeadlineExceeded({ after: job.timeout })
      return yield* settle(job, Result.fail(new CloudStackError({ command, jobId, reason })))
    }
    job.nextAt = now + Math.ceil(Math.max(atLeast, Math.min(latest, Math.max(soonest, age / 3))))
  })

  const query = Effect.fnUntraced(function* (job: Watched, atLeast: number) {
    const { command, jobId } = job
    const asking = Effect.provideService(api.call("queryAsyncJobResult", { jobid: jobId }), CallPriority, job.priority)
    const answer = yield* Effect.result(asking)
    if (Result.isSuccess(answer)) {
      const outcome = classifyJob(command, jobId, answer.success)
      return yield* Option.isSome(outcome) ? settle(job, outcome.value) : postpone(job, atLeast)
    }
    if (answer.failure.reason._tag !== "NotFound") return yield* postpone(job, atLeast)
    // Not passed on as NotFound: that would say that the object of the command is gone.
    const reason = new ServerFault({ code: 431, text: "the server does not know the job any more" })
    yield* settle(job, Result.fail(new CloudStackError({ command, jobId, reason })))
  })

  /** Ids that certainly still run; none if the role may not list or the list failed. */
  const stillPending = api.call("listAsyncJobs", {}).pipe(
    Effect.option,
    Effect.map(Option.flatMap(decodePending)),
    Effect.map(Option.map(({ asyncjobs = [] }) => new Set(asyncjobs.map(({ jobid }) => jobid)))),
    // On behalf of all who wait, not only of the one for whom the polling began.
    Effect.provideService(CallPriority, "edit")
  )

  const round = Effect.fnUntraced(function* (now: number) {
    if (watched.size < worthAList) {
      const due = [...watched.values()].filter(({ nextAt }) => nextAt <= now)
      return yield* Effect.forEach(due, (job) => query(job, 0), { concurrency: worthAList, discard: true })
    }
    const pending = yield* stillPending
    const jobs = [...watched.values()]
    // Without the list, polling must leave half of the allowed calls to everybody else.
    const { qps } = (yield* settings.current).rateLimit
    const spacing = Option.isSome(pending) || qps === 0 ? betweenLists : (watched.size * 2_000) / qps
    yield* Effect.forEach(
      jobs,
      (job) => {
        if (Option.isSome(pending)) return pending.value.has(job.jobId) ? postpone(job, spacing) : query(job, spacing)
        return job.nextAt <= now ? query(job, spacing) : Effect.void
      },
      { concurrency: worthAList, discard: true }
    )
  })

  const poll = Effect.gen(function* () {
    while (true) {
      wake.closeUnsafe()
      if (watched.size === 0) {
        polling = false
        return
      }
      const now = yield* monotonicMillis
      const at = Math.min(...[...watched.values()].map(({ nextAt }) => nextAt))
      if (at > now) yield* Effect.raceFirst(Effect.sleep(at - now), wake.await)
      else yield* round(now)
    }
  }).pipe(
    // Whoever waits must hear of a defect here: nobody else would.
    Effect.onError((cause) =>
      Effect.suspend(() => {
        polling = false
        const stranded = [...watched.values()]
        watched.clear()
        return Effect.forEach(stranded, ({ outcome }) => Deferred.failCause(outcome, cause), { discard: true })
      })
    )
  )

  const watch = Effect.fnUntraced(function* (jobId: string, command: string, since: number) {
    const known = watched.get(jobId)
    if (known !== undefined) {
      known.waiters++
      return known
    }
    const now = yield* monotonicMillis
    const { jobTimeout: timeout } = yield* settings.current
    const priority = yield* CallPriority
    const outcome = Deferred.makeUnsafe<Answer, CloudStackError>()
    const nextAt = Math.max(now, since + soonest)
    const job: Watched = { jobId, command, since, timeout, priority, outcome, waiters: 1, nextAt }
    watched.set(jobId, job)
    yield* Metric.update(jobsInFlight.of({}), watched.size)
    wake.openUnsafe()
    if (!polling) {
      polling = true
      yield* Effect.forkIn(poll, scope)
    }
    return job
  })

  const leave = (job: Watched) =>
    Effect.sync(() => {
      job.waiters--
      if (job.waiters === 0 && watched.get(job.jobId) === job) watched.delete(job.jobId)
    })

  /** The outcome of a job that was sent at `since`, on the monotonic clock; several may await the same one. */
  return (jobId: string, command: string, since: number): Effect.Effect<Answer, CloudStackError> =>
    Effect.acquireUseRelease(watch(jobId, command, since), ({ outcome }) => Deferred.await(outcome), leave)
})
