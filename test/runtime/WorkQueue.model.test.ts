import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as WorkQueue from "../../src/runtime/WorkQueue.ts"
import { expectedRuns, type Priority, priorities, type Run, timing } from "./queueModel.ts"

const key = Schema.Literals(["a", "b", "c"])
const priority = Schema.Literals(priorities)
const steps = Schema.Literals([0, 1, 2, 5, 11])
const Op = Schema.Union([
  Schema.Struct({ op: Schema.Literal("add"), key, priority }),
  Schema.Struct({ op: Schema.Literal("after"), key, steps, priority }),
  Schema.Struct({ op: Schema.Literal("pass"), steps })
])
const Ops = Schema.Array(Op).pipe(Schema.check(Schema.isMaxLength(40)))
const Outcomes = Schema.Array(Schema.Boolean).pipe(Schema.check(Schema.isMaxLength(12)))

describe("WorkQueue against its model", () => {
  it.effect.prop(
    "runs the same keys at the same times with one worker",
    { ops: Ops, outcomes: Outcomes },
    ({ ops, outcomes }) =>
      Effect.gen(function* () {
        const fails = (run: number) => outcomes[run] ?? false
        const runs: Array<Run> = []
        const zero = yield* Clock.currentTimeMillis
        const queue = yield* WorkQueue.make<string, Priority, string, never>({
          name: "model",
          workers: 1,
          priorities: [...priorities],
          ageing: Duration.millis(timing.ageing),
          backoff: { first: Duration.millis(timing.backoff), cap: Duration.millis(timing.backoff * 8) },
          handle: (key, priority) =>
            Effect.gen(function* () {
              const failing = fails(runs.length)
              runs.push([(yield* Clock.currentTimeMillis) - zero, key, priority])
              yield* Effect.sleep(Duration.millis(timing.work))
              return failing ? yield* Effect.fail("failed") : {}
            })
        })
        yield* Effect.forkScoped(queue.run, { startImmediately: true })
        const all = [...ops, { op: "pass", steps: 600 } as const]
        for (const op of all) {
          if (op.op === "pass") yield* TestClock.adjust(Duration.millis(op.steps * timing.step))
          else if (op.op === "add") yield* queue.add(op.key, op.priority)
          else yield* queue.addAfter(op.key, Duration.millis(op.steps * timing.step + timing.offset), op.priority)
          yield* TestClock.adjust(0)
        }
        assert.deepStrictEqual(runs, [...expectedRuns(all, fails)])
        assert.strictEqual(yield* queue.size, 0)
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 200 } }
  )

  it.effect.prop(
    "never runs a key twice at a time and loses no addition with several workers",
    { ops: Ops, workers: Schema.Literals([1, 2, 3, 8]) },
    ({ ops, workers }) =>
      Effect.gen(function* () {
        const running = new Set<string>()
        const owed = new Set<string>()
        let most = 0
        const queue = yield* WorkQueue.make<string, Priority, never, never>({
          name: "model",
          workers,
          priorities: [...priorities],
          handle: (key) =>
            Effect.gen(function* () {
              assert.isFalse(running.has(key))
              running.add(key)
              owed.delete(key)
              most = Math.max(most, running.size)
              yield* Effect.sleep(Duration.millis(timing.work))
              running.delete(key)
              return {}
            })
        })
        const fiber = yield* Effect.forkScoped(queue.run, { startImmediately: true })
        for (const op of ops) {
          if (op.op === "pass") yield* TestClock.adjust(Duration.millis(op.steps * timing.step))
          else {
            owed.add(op.key)
            yield* op.op === "add" ? queue.add(op.key, op.priority) : queue.addAfter(op.key, Duration.zero, op.priority)
          }
        }
        yield* TestClock.adjust(Duration.millis(60 * timing.step))
        yield* queue.awaitIdle
        assert.deepStrictEqual([...owed], [])
        assert.isAtMost(most, workers)
        assert.strictEqual(fiber.pollUnsafe(), undefined)
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 100 } }
  )
})
