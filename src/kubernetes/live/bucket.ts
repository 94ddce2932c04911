/** A token bucket: so many requests a second, and a few at once. */
import { Effect } from "effect"
import { monotonicMillis } from "../../wire/monotonic.ts"

/** The result waits for its turn; `qps` 0 or less means no limit. */
export const makeBucket = (qps: number, burst: number): Effect.Effect<void> => {
  if (qps <= 0) return Effect.void
  const capacity = Math.max(1, burst)
  let tokens = capacity
  let at: number | undefined
  return Effect.flatMap(monotonicMillis, (now) => {
    tokens = Math.min(capacity, tokens + ((now - (at ?? now)) / 1000) * qps)
    at = now
    // Below zero the turn is booked ahead.
    tokens -= 1
    return tokens >= 0 ? Effect.void : Effect.sleep(Math.ceil((-tokens / qps) * 1000))
  })
}
