import { assert, describe, it } from "@effect/vitest"
import { Cause, Data, Deferred, Duration, Effect, Exit, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import { supervise } from "../../src/runtime/Supervise.ts"
import * as WorkQueue from "../../src/runtime/WorkQueue.ts"

const priorities = ["edit", "deletion", "membership", "resync"] as const
type Priority = (typeof priorities)[number]

class Trouble extends Data.TaggedError("Trouble")<{ readonly retryAfter?: Duration.Duration }> {}

const start = Effect.fnUntraced(function* <E>(
  handle: (key: string, priority: Priority) => Effect.Effect<WorkQueue.Verdict, E>,
  over: Partial<WorkQueue.Options<string, Priority, E, never>> = {},
  run: (queue: Effect.Effect<never>) => Effect.Effect<never, unknown> = (queue) => queue
) {
  const queue = yield* WorkQueue.make<string, Priority, E, never>({
    name: "test",
    workers: 1,
    priorities: [...priorities],
    handle,
    ...over
  })
  const running = yield* Effect.forkScoped(run(queue.run), { startImmediately: true })
  return { queue, running }
})

const supervised = (queue: Effect.Effect<never>) => supervise({ queue })

/** Lets every fiber that can run now do so, without moving the clock. */
const settle = TestClock.adjust(0)
const seconds = (text: number) => Duration.seconds(text)

describe("WorkQueue", () => {
  it.effect("handles a key that waits only once", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const queue = yield* WorkQueue.make<string, Priority, never, never>({
        name: "test",
        workers: 2,
        priorities: [...priorities],
        handle: (key) => Effect.sync(() => seen.push(key)).pipe(Effect.as({}))
      })
      for (const key of ["a", "b", "a", "a"]) yield* queue.add(key, "edit")
      assert.strictEqual(yield* queue.size, 2)
      yield* Effect.forkScoped(queue.run)
      yield* queue.awaitIdle
      assert.deepStrictEqual(seen, ["a", "b"])
    })
  )

  it.effect("never runs a key twice at a time, and again if it was added meanwhile", () =>
    Effect.gen(function* () {
      const gates: Array<Deferred.Deferred<void>> = []
      const { queue } = yield* start(
        () =>
          Effect.gen(function* () {
            const gate = yield* Deferred.make<void>()
            gates.push(gate)
            yield* Deferred.await(gate)
            return {}
          }),
        { workers: 4 }
      )
      yield* queue.add("a", "edit")
      yield* settle
      yield* queue.add("a", "edit")
      yield* queue.add("a", "resync")
      yield* settle
      assert.strictEqual(gates.length, 1)
      for (const gate of gates.slice(0, 1)) yield* Deferred.succeed(gate, undefined)
      yield* settle
      assert.strictEqual(gates.length, 2)
      for (const gate of gates.slice(1)) yield* Deferred.succeed(gate, undefined)
      yield* queue.awaitIdle
      assert.strictEqual(gates.length, 2)
    })
  )

  it.effect("backs off 5 s doubling to 300 s, and starts over after a success", () =>
    Effect.gen(function* () {
      const at: Array<number> = []
      let broken = true
      const { queue } = yield* start(() =>
        Effect.gen(function* () {
          at.push((yield* TestClock.testClockWith((clock) => Effect.succeed(clock.currentTimeMillisUnsafe()))) / 1_000)
          if (broken) return yield* new Trouble({})
          return {}
        })
      )
      yield* queue.add("a", "edit")
      yield* TestClock.adjust("2000 seconds")
      const gaps = at.slice(1).map((time, index) => time - (at[index] ?? 0))
      assert.deepStrictEqual(gaps, [5, 10, 20, 40, 80, 160, 300, 300, 300, 300, 300])
      broken = false
      yield* queue.add("a", "edit")
      yield* queue.awaitIdle
      broken = true
      yield* queue.add("a", "edit")
      yield* settle
      const failed = at.length
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(at.length, failed + 1)
    })
  )

  it.effect("does not wait for the backoff when the key is added, nor repeats the run when it ends", () =>
    Effect.gen(function* () {
      let runs = 0
      const { queue } = yield* start(() =>
        Effect.suspend(() => {
          runs += 1
          return runs === 1 ? Effect.fail(new Trouble({})) : Effect.succeed({})
        })
      )
      yield* queue.add("a", "edit")
      yield* TestClock.adjust("1 second")
      yield* queue.add("a", "edit")
      yield* settle
      assert.strictEqual(runs, 2)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(runs, 2)
    })
  )

  it.effect("retries after exactly the delay an error names, without counting it", () =>
    Effect.gen(function* () {
      const failures: Array<[number, boolean]> = []
      const errors = [new Trouble({}), new Trouble({ retryAfter: seconds(7) }), new Trouble({})]
      const { queue } = yield* start(
        () => {
          const error = errors.shift()
          return error === undefined ? Effect.succeed({}) : Effect.fail(error)
        },
        {
          retryAfter: (error) => Option.fromNullishOr(error.retryAfter),
          onFailure: ({ counted, retryIn }) => Effect.sync(() => failures.push([Duration.toSeconds(retryIn), counted]))
        }
      )
      yield* queue.add("a", "edit")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(failures, [
        [5, true],
        [7, false],
        [10, true]
      ])
    })
  )

  it.effect("keeps the earliest of several deadlines", () =>
    Effect.gen(function* () {
      const at: Array<number> = []
      const { queue } = yield* start(() =>
        TestClock.testClockWith((clock) => Effect.sync(() => at.push(clock.currentTimeMillisUnsafe() / 1_000))).pipe(
          Effect.as({})
        )
      )
      yield* queue.addAfter("a", seconds(30), "edit")
      yield* queue.addAfter("a", seconds(10), "edit")
      yield* queue.addAfter("a", seconds(20), "edit")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(at, [10])
    })
  )

  it.effect("looks again when the verdict says so", () =>
    Effect.gen(function* () {
      const seen: Array<Priority> = []
      const { queue } = yield* start((_, priority) =>
        Effect.sync(() => seen.push(priority)).pipe(Effect.as({ recheckAfter: seconds(600) }))
      )
      yield* queue.add("a", "edit")
      yield* TestClock.adjust("1200 seconds")
      assert.deepStrictEqual(seen, ["edit", "resync", "resync"])
    })
  )

  it.effect("serves the urgent first, but ages what waits", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const { queue } = yield* start((key) =>
        Effect.sync(() => seen.push(key)).pipe(Effect.andThen(Effect.sleep("10 seconds")), Effect.as({}))
      )
      yield* queue.add("busy", "edit")
      yield* settle
      yield* queue.add("resync", "resync")
      yield* queue.add("member", "membership")
      yield* queue.add("delete", "deletion")
      // One edit a second, more than the worker can do: without ageing nothing else would ever run.
      for (let second = 0; second < 400; second++) {
        yield* queue.add(`edit-${second}`, "edit")
        yield* TestClock.adjust("1 second")
      }
      // `delete` ranks with the edits of second 30; 10 s each, the edits 0–29 take until second 310.
      assert.strictEqual(seen[1], "edit-0")
      assert.strictEqual(seen.indexOf("delete"), 31)
      assert.isBelow(seen.indexOf("edit-29"), 31)
      assert.isFalse(seen.includes("resync"))
      yield* TestClock.adjust("30 minutes")
      assert.strictEqual(seen.indexOf("resync"), 93)
    })
  )

  it.effect("takes the more urgent of two priorities of one key", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const { queue } = yield* start((key, priority) =>
        Effect.sync(() => seen.push(`${key}:${priority}`)).pipe(Effect.andThen(Effect.sleep("1 second")), Effect.as({}))
      )
      yield* queue.add("busy", "edit")
      yield* settle
      yield* queue.add("a", "membership")
      yield* queue.add("b", "resync")
      yield* queue.add("b", "edit")
      yield* queue.add("b", "resync")
      yield* queue.add("busy", "resync")
      yield* queue.add("busy", "deletion")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(seen, ["busy:edit", "b:edit", "busy:deletion", "a:membership"])
    })
  )

  it.effect("what failed stays as urgent as it was, though something less urgent calls for it first", () =>
    Effect.gen(function* () {
      const seen: Array<Priority> = []
      const gate = yield* Deferred.make<void>()
      const { queue } = yield* start((_, priority) =>
        Effect.gen(function* () {
          seen.push(priority)
          if (seen.length === 2) yield* Deferred.await(gate)
          return yield* seen.length < 3 ? new Trouble({}) : Effect.succeed({})
        })
      )
      yield* queue.add("a", "edit")
      yield* settle
      // While the retry is pending, and while the next try runs.
      yield* queue.add("a", "resync")
      yield* settle
      yield* queue.add("a", "resync")
      yield* Deferred.succeed(gate, undefined)
      yield* settle
      assert.deepStrictEqual(seen, ["edit", "edit", "edit"])
      yield* queue.add("a", "resync")
      yield* settle
      assert.strictEqual(seen.at(-1), "resync")
    })
  )

  it.effect("a defect in the handler ends the queue with its cause", () =>
    Effect.gen(function* () {
      const { queue, running } = yield* start(() => Effect.die(new Error("a bug")), { workers: 3 })
      yield* queue.add("a", "edit")
      const exit = yield* Fiber.await(running)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.match(String(Exit.isFailure(exit) && Cause.squash(exit.cause)), /a bug/)
    })
  )

  it.effect("interrupted, it lets what runs end and starts nothing else", () =>
    Effect.gen(function* () {
      const done: Array<string> = []
      const { queue, running } = yield* start(
        (key) => Effect.sleep("3 seconds").pipe(Effect.andThen(Effect.sync(() => done.push(key))), Effect.as({})),
        {},
        supervised
      )
      yield* queue.add("a", "edit")
      yield* queue.add("b", "edit")
      yield* settle
      const stopped = yield* Effect.forkScoped(Fiber.interrupt(running), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      yield* queue.add("c", "edit")
      assert.strictEqual(stopped.pollUnsafe(), undefined)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stopped)
      assert.deepStrictEqual(done, ["a"])
      assert.strictEqual(yield* queue.size, 2)
    })
  )

  it.effect("cuts off what does not end in 20 s", () =>
    Effect.gen(function* () {
      let cut = false
      const { queue, running } = yield* start(
        () =>
          Effect.onInterrupt(Effect.never, () =>
            Effect.sync(() => {
              cut = true
            })
          ),
        {},
        supervised
      )
      yield* queue.add("a", "edit")
      yield* settle
      const stopped = yield* Effect.forkScoped(Fiber.interrupt(running), { startImmediately: true })
      yield* TestClock.adjust("19 seconds")
      assert.isFalse(cut)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stopped)
      assert.isTrue(cut)
    })
  )
})
