/** The work queue's own cost: 1,000 keys queued and drained without work. */
import { Effect } from "effect"
import * as WorkQueue from "../src/runtime/WorkQueue.ts"
import type { Bench } from "./Bench.ts"

const keys = Array.from({ length: 1_000 }, (_, index) => `shop/service-${index}`)
const priorities = ["edit", "deletion", "membership", "resync"] as const

const once = Effect.gen(function* () {
  let handled = 0
  const queue = yield* WorkQueue.make<string, (typeof priorities)[number], never, never>({
    name: "bench",
    workers: 10,
    priorities: [...priorities],
    handle: () =>
      Effect.sync(() => {
        handled += 1
        return {}
      })
  })
  const before = process.cpuUsage()
  for (const [index, key] of keys.entries()) yield* queue.add(key, priorities[index % 4] ?? "edit")
  yield* Effect.forkScoped(queue.run)
  yield* queue.awaitIdle
  const { system, user } = process.cpuUsage(before)
  if (handled !== keys.length) return yield* Effect.die(new Error(`${handled} keys handled`))
  return (system + user) / 1_000
}).pipe(Effect.scoped)

export const bench: Bench = {
  title: "Work queue",
  run: Effect.gen(function* () {
    const cold = yield* once
    const warm: Array<number> = []
    for (let round = 0; round < 20; round++) warm.push(yield* once)
    const median = warm.toSorted((a, b) => a - b)[10] ?? Number.NaN
    return [
      { what: "1,000 keys queued and drained, first time", measured: cold, budget: 1_000, unit: "ms CPU" },
      { what: "the same, median of 20 more", measured: median, budget: 1_000, unit: "ms CPU" }
    ]
  })
}
