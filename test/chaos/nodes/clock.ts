/** What time it is, what a process believes that it is, and how the two come apart. */
import { type Clock, Effect } from "effect"

export const makeClock = () => {
  /** Milliseconds. `real` is what the judge goes by; the process sees the other two. */
  const time = { real: 0, wall: 1_800_000_000_000, monotonic: 0 }
  const nanos = (millis: number) => BigInt(Math.round(millis)) * 1_000_000n
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => time.wall,
    currentTimeMillis: Effect.sync(() => time.wall),
    currentTimeNanosUnsafe: () => nanos(time.wall),
    currentTimeNanos: Effect.sync(() => nanos(time.wall)),
    monotonicTimeNanosUnsafe: () => nanos(time.monotonic),
    monotonicTimeNanos: Effect.sync(() => nanos(time.monotonic)),
    sleep: () => Effect.die("a period does not sleep")
  }
  return {
    clock,
    real: () => time.real,
    pass: (millis: number) => {
      time.real += millis
      time.wall += millis
      time.monotonic += millis
    },
    /** Somebody sets the wall clock. */
    jump: (millis: number) => {
      time.wall += millis
    },
    /** The machine sleeps: the monotonic clock does not count that. */
    suspend: (millis: number) => {
      time.real += millis
      time.wall += millis
    },
    /** The process takes time for passed that has not. */
    deceive: (millis: number) => {
      time.wall += millis
      time.monotonic += millis
    }
  }
}
export type WorldClock = ReturnType<typeof makeClock>
