/**
 * The clock for waiting and for ages. The wall clock gets corrected, by hours where a machine woke up with a wrong one,
 * and then nobody should wait for hours, nor take what has just begun for overdue.
 */
import { Clock, Effect } from "effect"

export const monotonicMillis: Effect.Effect<number> = Effect.map(Clock.monotonicTimeNanos, (nanos) =>
  Number(nanos / 1_000_000n)
)
