/** Where calls wait for their turn, and where each outcome decides how the next ones go. */
import { Deferred, Duration, Effect, Latch, Metric, Result } from "effect"
import { Settings } from "../../config/Settings.ts"
import { apiRate, apiThrottled, apiUp, apiWaiting } from "../../observability/metrics.ts"
import { monotonicMillis } from "../../wire/monotonic.ts"
import { type Answer, CallPriority, CloudStackError, type Priority, Unreachable } from "../Api.ts"
import * as Pace from "./Pace.ts"
import { next, type Waiter } from "./WaitingLine.ts"

/** Changes nothing on the server, so it may be sent again. */
export const isRead = (command: string): boolean => /^(list|get|query|find)/i.test(command)

interface Turn extends Waiter {
  readonly command: string
  readonly granted: Deferred.Deferred<void, CloudStackError>
}

/** What no limit is: more than anybody can use, so that the sums stay finite. */
const unlimited: Pace.Limits = { qps: 1e6, burst: 1e6 }

const failureTags: ReadonlySet<string> = new Set(["Unavailable", "Unreachable", "DeadlineExceeded", "Malformed"])

const notSent = (command: string) =>
  new CloudStackError({
    command,
    reason: new Unreachable({ sent: false, text: "CloudStack is failing and is only probed; not sent" })
  })

export const makeGate = Effect.gen(function* () {
  const settings = yield* Settings
  const scope = yield* Effect.scope
  const limits = Effect.map(settings.current, ({ rateLimit }) => (rateLimit.qps === 0 ? unlimited : rateLimit))

  let pace = Pace.start(yield* limits, yield* monotonicMillis)
  const line = new Set<Turn>()
  let serving = false
  const wake = Latch.makeUnsafe()

  /** Grants turns as they come due; ends when nobody waits. */
  const serve = Effect.gen(function* () {
    while (true) {
      wake.closeUnsafe()
      const turn = next(line)
      if (turn === undefined) {
        serving = false
        return
      }
      const allowed = yield* limits
      const now = yield* monotonicMillis
      const at = Pace.readyAt(pace, allowed, now)
      if (at > now) {
        // Whole milliseconds: the last fraction of one would be slept again and again.
        yield* Effect.raceFirst(Effect.sleep(Math.ceil(at - now)), wake.await)
      } else {
        line.delete(turn)
        pace = Pace.sent(pace, allowed, now)
        yield* Deferred.succeed(turn.granted, undefined)
      }
    }
  }).pipe(
    // Whoever waits must hear of a defect here: nobody else would.
    Effect.onError((cause) =>
      Effect.suspend(() => {
        serving = false
        const waiting = [...line]
        line.clear()
        return Effect.forEach(waiting, (turn) => Deferred.failCause(turn.granted, cause), { discard: true })
      })
    )
  )

  const countWaiting = (priority: Priority) =>
    Effect.suspend(() =>
      Metric.update(apiWaiting.of({ priority }), [...line].filter((turn) => turn.priority === priority).length)
    )

  /** Waits until a call that came at `since` may go. */
  const enter = Effect.fnUntraced(function* (command: string, since: number) {
    if (pace.probeAt !== undefined && !isRead(command)) return yield* notSent(command)
    const allowed = yield* limits
    const now = yield* monotonicMillis
    if (line.size === 0 && Pace.readyAt(pace, allowed, now) <= now) {
      pace = Pace.sent(pace, allowed, now)
      return
    }
    const priority = yield* CallPriority
    const turn: Turn = { command, since, priority, granted: Deferred.makeUnsafe() }
    line.add(turn)
    if (!serving) {
      serving = true
      yield* Effect.forkIn(serve, scope)
    }
    yield* countWaiting(priority)
    yield* Effect.ensuring(
      Deferred.await(turn.granted),
      Effect.andThen(
        Effect.sync(() => line.delete(turn)),
        countWaiting(priority)
      )
    )
  })

  const beginOutage = (error: CloudStackError) =>
    Effect.suspend(() => {
      const stranded = [...line].filter(({ command }) => !isRead(command))
      for (const turn of stranded) line.delete(turn)
      return Effect.andThen(
        Effect.logWarning("CloudStack fails; probing it every 15 s", { last: error.message }),
        Effect.forEach(stranded, ({ command, granted }) => Deferred.fail(granted, notSent(command)), { discard: true })
      )
    })

  const learnFailure = Effect.fnUntraced(function* (error: CloudStackError) {
    const wasUp = pace.probeAt === undefined
    pace = Pace.failed(pace, yield* monotonicMillis)
    yield* Metric.update(apiUp.of({}), 0)
    if (wasUp && pace.probeAt !== undefined) yield* beginOutage(error)
  })

  const learnThrottle = Effect.fnUntraced(function* (error: CloudStackError, retryAfter: Duration.Duration) {
    const now = yield* monotonicMillis
    const before = pace
    const millis = Duration.toMillis(retryAfter)
    pace = Pace.throttled(pace, yield* limits, now, millis)
    yield* Metric.update(apiThrottled.of({}), 1)
    yield* Metric.update(apiRate.of({}), pace.rate)
    if (pace.probeAt === undefined) {
      if (now >= before.pausedUntil) yield* Effect.logWarning("CloudStack throttles: all calls pause", { millis })
    } else if (before.probeAt === undefined) yield* beginOutage(error)
  })

  const learnAnswer = Effect.gen(function* () {
    const isBack = pace.probeAt !== undefined
    pace = Pace.answered(pace)
    yield* Metric.update(apiUp.of({}), 1)
    yield* Metric.update(apiThrottled.of({}), 0)
    yield* Metric.update(apiRate.of({}), pace.rate)
    if (!isBack) return
    yield* Effect.logInfo("CloudStack answers again")
    wake.openUnsafe()
  })

  return {
    enter,
    learn: (result: Result.Result<Answer, CloudStackError>) => {
      if (Result.isSuccess(result)) return learnAnswer
      const { reason } = result.failure
      if (reason._tag === "Withheld") return Effect.void
      if (reason._tag === "Throttled") return learnThrottle(result.failure, reason.retryAfter)
      return failureTags.has(reason._tag) ? learnFailure(result.failure) : learnAnswer
    },
    /** While CloudStack fails, whatever goes is a probe. */
    probing: () => pace.probeAt !== undefined
  }
})
