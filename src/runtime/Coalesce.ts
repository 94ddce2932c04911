/**
 * Collects signals and hands them on together, once it has been quiet for a while but never later than a limit after
 * the first. A rollout of k nodes so becomes one change of membership, not k.
 */
import { Duration, Effect, Latch } from "effect"
import { monotonicMillis } from "../wire/monotonic.ts"

export interface Options<A, E, R> {
  readonly quiet: Duration.Duration
  /** After the first signal of a batch. */
  readonly atMost: Duration.Duration
  readonly fire: (signals: ReadonlySet<A>) => Effect.Effect<void, E, R>
}

export interface Coalesce<A, E = never, R = never> {
  readonly signal: (value: A) => Effect.Effect<void>
  /** The loop that fires; signals that come while it fires start the next batch. Run it under supervision, once. */
  readonly run: Effect.Effect<never, E, R>
}

/** What membership changes wait for. */
export const membershipTiming = { quiet: Duration.seconds(2), atMost: Duration.seconds(10) }

export const make = Effect.fnUntraced(function* <A, E, R>(
  options: Options<A, E, R>
): Effect.fn.Return<Coalesce<A, E, R>> {
  const quiet = Duration.toMillis(options.quiet)
  const atMost = Duration.toMillis(options.atMost)
  const some = yield* Latch.make(false)
  let signals = new Set<A>()
  let first = 0
  let last = 0

  const signal = (value: A) =>
    Effect.map(monotonicMillis, (at) => {
      if (signals.size === 0) first = at
      last = at
      signals.add(value)
      some.openUnsafe()
    })

  /** Sleeps until nothing has come for long enough; a signal that comes meanwhile only moves `last`. */
  const settled = Effect.gen(function* () {
    while (true) {
      const due = Math.min(last + quiet, first + atMost)
      const left = due - (yield* monotonicMillis)
      if (left <= 0) return
      yield* Effect.sleep(Duration.millis(left))
    }
  })

  const batch = Effect.gen(function* () {
    yield* some.await
    yield* settled
    const taken = signals
    signals = new Set()
    some.closeUnsafe()
    yield* options.fire(taken)
  })

  return { signal, run: Effect.forever(batch) }
})
