/** Waiting for something that another process will do: looks again until what it sees passes. */
import { Effect, Schedule } from "effect"

/** `check` throws as `assert` does; when time is up, what it threw last is the failure. */
export const eventually = <A, E, R>(
  look: Effect.Effect<A, E, R>,
  check: (seen: A) => void,
  within: "20 seconds" | "60 seconds" | "2 minutes" = "20 seconds"
): Effect.Effect<A, unknown, R> =>
  look.pipe(
    Effect.flatMap((seen) =>
      Effect.try({
        try: () => {
          check(seen)
          return seen
        },
        catch: (failure) => failure
      })
    ),
    Effect.retry(Schedule.spaced("200 millis").pipe(Schedule.upTo({ duration: within })))
  )
