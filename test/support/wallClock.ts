/** A wall clock that is corrected while monotonic time, and with it all sleeping, goes on as before. */
import { Clock, Effect } from "effect"

/** `correct` moves it by so many milliseconds. */
export const onWallClock = <A, E, R>(
  body: (correct: (millis: number) => void) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Clock.clockWith((clock) => {
    let shift = 0
    const now = () => clock.currentTimeMillisUnsafe() + shift
    const corrected: Clock.Clock = { ...clock, currentTimeMillisUnsafe: now, currentTimeMillis: Effect.sync(now) }
    const run = body((millis) => {
      shift += millis
    })
    return Effect.provideService(run, Clock.Clock, corrected)
  })
