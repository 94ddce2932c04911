/**
 * The clock for waiting and for ages. The wall clock gets corrected, by hours where a machine woke up with a wrong one,
 * and then nobody should wait for hours, nor take what has just begun for overdue.
 */
import { Clock, Effect } from "effect"

/** In milliseconds, with fractions. */
export const monotonicOf = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe() / 1_000n) / 1_000

/** In whole milliseconds: a fraction of one would be slept again and again. */
export const monotonicMillis: Effect.Effect<number> = Clock.clockWith((clock) =>
  Effect.succeed(Math.floor(monotonicOf(clock)))
)
