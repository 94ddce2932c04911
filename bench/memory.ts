/** The program in a small cluster, as a pod of its image: how soon it works, and what it takes while nothing happens. */
import { Effect } from "effect"
import type { Bench } from "./Bench.ts"
import { outside, populate } from "./support/cluster.ts"
import { bundle, launch } from "./support/controller.ts"

const nodes = 3
const services = 10
const starts = 5

/** Milliseconds to the first list, then MiB at rest. */
const once = Effect.gen(function* () {
  const { firstList, memory, settled } = yield* launch()
  const millis = yield* firstList
  yield* settled(services)
  yield* Effect.sleep("5 seconds")
  return { millis, mib: (yield* memory).now }
}).pipe(Effect.scoped)

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const run = Effect.gen(function* () {
  yield* bundle
  yield* populate(nodes, services)
  const runs = yield* Effect.replicateEffect(once, starts)
  return [
    {
      what: `start to first list, median of ${starts}`,
      measured: median(runs.map(({ millis }) => millis)),
      budget: 500,
      unit: "ms"
    },
    {
      what: `resident at rest, ${services} Services, ${nodes} Nodes; median of ${starts}`,
      measured: median(runs.map(({ mib }) => mib)),
      budget: 80,
      unit: "MiB"
    }
  ]
})

export const bench: Bench = {
  title: "The process",
  note: `Started as its image starts it, over TLS to the API server. Some 52 MiB of what is resident are pages of Node's own
binary; a Node that does nothing has 42 MiB resident. The program's own memory is what remains.`,
  run: Effect.orDie(run.pipe(Effect.scoped, Effect.provide(outside(nodes, services))))
}
