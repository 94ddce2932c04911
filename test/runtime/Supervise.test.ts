import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { supervise } from "../../src/runtime/Supervise.ts"

/** A loop that remembers that it was stopped. */
const watched = (stopped: Array<string>, name: string) =>
  Effect.onInterrupt(Effect.never, () => Effect.sync(() => void stopped.push(name)))

describe("supervise", () => {
  it.effect("the first failure ends all with its cause", () =>
    Effect.gen(function* () {
      const stopped: Array<string> = []
      const running = yield* Effect.forkScoped(
        supervise({
          nodes: watched(stopped, "nodes"),
          services: Effect.delay(Effect.fail("broken"), "5 seconds"),
          watch: watched(stopped, "watch")
        })
      )
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(stopped, [])
      yield* TestClock.adjust("1 second")
      const exit = yield* Fiber.await(running)
      assert.strictEqual(Exit.isFailure(exit) && Cause.squash(exit.cause), "broken")
      assert.sameMembers(stopped, ["nodes", "watch"])
    })
  )

  it.effect("so does a defect", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(supervise({ a: Effect.never, b: Effect.die(new Error("a bug")) }))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    })
  )

  it.effect("and a loop that just returns", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(supervise({ a: Effect.never, b: Effect.void }))
      assert.strictEqual(error.message, "b ended by itself")
    })
  )

  it.effect("and one that is interrupted by something else", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkScoped(Effect.never)
      const running = yield* Effect.forkScoped(supervise({ a: Effect.never, b: Fiber.join(fiber) }), {
        startImmediately: true
      })
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* Effect.flip(Fiber.join(running))).message, "b ended by itself")
    })
  )

  it.effect("interrupted, it waits until every loop has ended in its own way", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const slow = Effect.onInterrupt(Effect.never, () =>
        Effect.delay(
          Effect.sync(() => void log.push("drained")),
          "5 seconds"
        )
      )
      const running = yield* Effect.forkScoped(supervise({ quick: watched(log, "stopped"), slow, alsoSlow: slow }), {
        startImmediately: true
      })
      yield* TestClock.adjust("1 second")
      const stopping = yield* Effect.forkScoped(Fiber.interrupt(running), { startImmediately: true })
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(stopping.pollUnsafe(), undefined)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(log, ["stopped", "drained", "drained"])
    })
  )
})
