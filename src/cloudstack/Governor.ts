/**
 * Good manners towards CloudStack: a `CloudStackApi` around a `CloudStackApi` that decides when each call goes.
 *
 * A 429 pauses everybody, and the call is sent again because a throttled call was not looked at. Reads are repeated
 * when they fail in passing, mutations never. While CloudStack fails, or throttles whatever it is asked, reads wait and
 * one of them goes every 15 s to see; mutations fail at once without being sent, because the state they were decided on
 * grows old.
 */
import { Duration, Effect, Layer, Metric, Random, Result } from "effect"
import type { Settings } from "../config/Settings.ts"
import { apiCallDuration, apiCalls, credentialsValid } from "../observability/metrics.ts"
import { monotonicMillis } from "../wire/monotonic.ts"
import { type Answer, CloudStackApi, CloudStackError, DeadlineExceeded, type Parameters } from "./Api.ts"
import { isRead, makeGate } from "./governor/Gate.ts"

const readRetries = 3
const throttleRetries = 5
/** The next probe must not be late because this one hangs. */
const probeDeadline = Duration.seconds(14)

export const layer: Layer.Layer<CloudStackApi, never, CloudStackApi | Settings> = Layer.effect(
  CloudStackApi,
  Effect.gen(function* () {
    const below = yield* CloudStackApi
    const gate = yield* makeGate

    const send = Effect.fnUntraced(function* (command: string, parameters: Parameters) {
      const call = below.call(command, parameters)
      const bounded = gate.probing() ? Effect.timeoutOrElse(call, late(command)) : call
      const [took, result] = yield* Effect.timed(Effect.result(bounded))
      yield* measure(command, took, result)
      yield* gate.learn(result)
      return result
    })

    const call = Effect.fnUntraced(function* (command: string, parameters: Parameters) {
      const since = yield* monotonicMillis
      let throttles = 0
      let failures = 0
      while (true) {
        yield* gate.enter(command, since)
        const result = yield* send(command, parameters)
        if (Result.isSuccess(result)) return result.success
        const error = result.failure
        if (error.reason._tag === "Throttled") {
          if (throttles >= throttleRetries) return yield* error
          throttles++
        } else if (isRead(command) && error.transient && failures < readRetries) {
          yield* Effect.sleep(backoff(failures, yield* Random.next))
          failures++
        } else {
          return yield* error
        }
      }
    })

    return CloudStackApi.of({ call })
  })
)

const late = (command: string) => ({
  duration: probeDeadline,
  orElse: () => Effect.fail(new CloudStackError({ command, reason: new DeadlineExceeded({ after: probeDeadline }) }))
})

/** 200 ms doubling to 5 s, a fifth up or down by `chance`. */
const backoff = (failures: number, chance: number): number =>
  Math.round(Math.min(5_000, 200 * 2 ** failures) * (0.8 + 0.4 * chance))

const measure = Effect.fnUntraced(function* (
  command: string,
  took: Duration.Duration,
  result: Result.Result<Answer, CloudStackError>
) {
  const outcome = Result.isSuccess(result) ? "success" : result.failure.reason._tag
  yield* Metric.update(apiCalls.of({ command, outcome }), 1)
  yield* Metric.update(apiCallDuration.of({ command }), Duration.toSeconds(took))
  if (outcome === "success") yield* Metric.update(credentialsValid.of({}), 1)
  if (outcome === "Unauthorised") yield* Metric.update(credentialsValid.of({}), 0)
})
