import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Coalesce from "../../src/runtime/Coalesce.ts"

const setUp = Effect.gen(function* () {
  const fired: Array<{ readonly at: number; readonly signals: ReadonlyArray<string> }> = []
  const coalesce = yield* Coalesce.make<string, never, never>({
    ...Coalesce.membershipTiming,
    fire: (signals) =>
      TestClock.testClockWith((clock) =>
        Effect.sync(() => void fired.push({ at: clock.currentTimeMillisUnsafe() / 1_000, signals: [...signals] }))
      )
  })
  yield* Effect.forkScoped(coalesce.run, { startImmediately: true })
  return { coalesce, fired }
})

describe("Coalesce", () => {
  it.effect("fires 2 s after the last signal, with each signal once", () =>
    Effect.gen(function* () {
      const { coalesce, fired } = yield* setUp
      for (const signal of ["a", "b", "a"]) {
        yield* coalesce.signal(signal)
        yield* TestClock.adjust("1 second")
      }
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(fired, [{ at: 4, signals: ["a", "b"] }])
    })
  )

  it.effect("fires 10 s after the first although it never gets quiet", () =>
    Effect.gen(function* () {
      const { coalesce, fired } = yield* setUp
      for (let second = 0; second < 25; second++) {
        yield* coalesce.signal(`node-${second}`)
        yield* TestClock.adjust("1 second")
      }
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        fired.map(({ at, signals }) => [at, signals.length]),
        [
          [10, 10],
          [20, 10],
          [26, 5]
        ]
      )
    })
  )

  it.effect("loses nothing that comes while it fires", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const coalesce = yield* Coalesce.make<string, never, never>({
        ...Coalesce.membershipTiming,
        fire: (signals) =>
          Effect.sleep("30 seconds").pipe(Effect.andThen(Effect.sync(() => void seen.push(...signals))))
      })
      yield* Effect.forkScoped(coalesce.run, { startImmediately: true })
      yield* coalesce.signal("a")
      yield* TestClock.adjust("10 seconds")
      yield* coalesce.signal("b")
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(seen, ["a", "b"])
    })
  )

  it.effect("fails when firing fails", () =>
    Effect.gen(function* () {
      const coalesce = yield* Coalesce.make({ ...Coalesce.membershipTiming, fire: () => Effect.fail("broken") })
      const running = yield* Effect.forkScoped(Effect.flip(coalesce.run), { startImmediately: true })
      yield* coalesce.signal("a")
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Fiber.join(running), "broken")
    })
  )
})
