/** A controller that starts in a large cluster where all is as it should be: what it asks, and what that takes. */
import { Effect } from "effect"
import { isRead } from "../src/cloudstack/governor/Gate.ts"
import { Simulator } from "../src/cloudstack/memory/Simulator.ts"
import type { Bench } from "./Bench.ts"
import { outside, populate } from "./support/cluster.ts"
import { bundle, launch } from "./support/controller.ts"

const size = 1_000

const run = Effect.gen(function* () {
  const simulator = yield* Simulator
  yield* bundle
  yield* populate(size, size)

  const { cpu, memory, settled } = yield* launch(["--resync-period=1m"])
  const whole = (yield* simulator.log).length
  const began = performance.now()
  const added = yield* settled(size)
  const wall = (performance.now() - began) / 1_000
  const cold = (yield* simulator.log).slice(whole)
  const cpuCold = yield* cpu
  const atRest = yield* memory

  yield* settled(added + size)
  const resync = (yield* simulator.log).slice(whole + cold.length)
  const cpuResync = (yield* cpu) - cpuCold
  const mutations = [...cold, ...resync].filter(({ command }) => !isRead(command))
  const mib = "MiB"
  const calls = "calls"
  return [
    { what: "cold start, all decided", measured: cold.length, budget: 20 + size, unit: calls },
    { what: "changes made by that and by a resync", measured: mutations.length, budget: 0, unit: calls },
    { what: "cold start, at 100 calls/s", measured: wall, unit: "s" },
    { what: "the same", measured: cpuCold, unit: "s CPU" },
    { what: "a resync", measured: resync.length, budget: 20 + size, unit: calls },
    { what: "the same", measured: cpuResync, unit: "s CPU" },
    { what: "resident after the cold start", measured: atRest.now, unit: mib },
    { what: "resident at the worst moment of all", measured: (yield* memory).peak, budget: 100, unit: mib }
  ]
})

export const bench: Bench = {
  title: "1,000 Services on 1,000 Nodes at rest",
  note: `CloudStack describes every member of a rule at length: to learn that 1,000 rules have 1,000 members each takes 1,000
answers of more than a megabyte. At the usual 20 calls/s a cold start lasts 50 s or more, whatever the machine.`,
  run: Effect.orDie(run.pipe(Effect.scoped, Effect.provide(outside(size, size))))
}
