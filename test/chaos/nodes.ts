/** Many worlds for many periods: `npm run chaos -- nodes [--seed N] [--periods N] [--record]`. */
import { writeFileSync } from "node:fs"
import { Effect } from "effect"
import { liveThrough, type Outcome } from "./nodes/life.ts"
import type { Sabotage } from "./nodes/world.ts"

/** Of one world, before its calm end. */
const worldLength = 600

export interface Totals {
  readonly worlds: number
  readonly periods: number
  readonly troubled: number
  readonly perilous: number
  readonly deletions: number
  /** Worlds in which a deletion and a shutdown taint were measured by the clock. */
  readonly timed: number
  readonly slowest: number
  readonly faults: Readonly<Record<string, number>>
  readonly wrong: ReadonlyArray<string>
}

const nothing: Totals = {
  worlds: 0,
  periods: 0,
  troubled: 0,
  perilous: 0,
  deletions: 0,
  timed: 0,
  slowest: 0,
  faults: {},
  wrong: []
}

const add = (totals: Totals, one: Outcome): Totals => {
  const faults = { ...totals.faults }
  for (const [name, count] of Object.entries(one.faults)) faults[name] = (faults[name] ?? 0) + count
  return {
    worlds: totals.worlds + 1,
    periods: totals.periods + one.periods,
    troubled: totals.troubled + one.troubled,
    perilous: totals.perilous + one.perilous,
    deletions: totals.deletions + one.deletions,
    timed: totals.timed + one.timed,
    slowest: Math.max(totals.slowest, one.slowest),
    faults,
    wrong: [...totals.wrong, ...one.wrong]
  }
}

export interface ChaosOptions {
  readonly seed: number
  readonly periods: number
  readonly sabotage?: Sabotage
  readonly progress?: (totals: Totals) => void
}

/** Worlds of seeds from `seed` on, until so many periods are lived through or something is wrong in one. */
export const chaos = Effect.fnUntraced(function* ({ periods, progress, sabotage, seed }: ChaosOptions) {
  let totals = nothing
  for (let next = seed; totals.periods < periods; next++) {
    totals = add(totals, yield* liveThrough(next, worldLength, sabotage))
    progress?.(totals)
    if (sabotage !== undefined && totals.wrong.length > 0) break
  }
  return totals
})

const numberAfter = (args: ReadonlyArray<string>, flag: string, otherwise: number) => {
  const at = args.indexOf(flag)
  return at < 0 ? otherwise : Number(args[at + 1])
}

const section = (seed: number, seconds: number, totals: Totals) => `## Nodes in a world of faults

Recorded by \`npm run chaos -- nodes --seed ${seed} --periods ${totals.periods} --record\` in ${seconds} s.

| What | Measured |
| --- | --- |
| monitor periods lived through, in ${totals.worlds} generated worlds | ${totals.periods} |
| of these with a living VM wrongly invisible or the API in trouble | ${totals.troubled} (${Math.round((100 * totals.troubled) / totals.periods)} %) |
| of those with a Node not Ready, its VM living and hidden or unheard of: only the proof kept it | ${totals.perilous} (${Math.round((100 * totals.perilous) / totals.periods)} %) |
| Nodes deleted | ${totals.deletions} |
| Nodes deleted wrongly, left behind for good, or beyond the limit | ${totals.wrong.length} |
| worlds in whose calm a Node went with the second look, and was tainted within a period | ${totals.timed} |
| longest wait of a gone VM's Node in calm, for each Node allowed in ten minutes | ${Math.ceil(totals.slowest)} periods of 5 s |
`

/** Lives through the worlds and prints what came of it; false if anything was wrong. */
export const main = async (args: ReadonlyArray<string>): Promise<boolean> => {
  const seed = numberAfter(args, "--seed", 1)
  const started = performance.now()
  const totals = await Effect.runPromise(
    chaos({
      seed,
      periods: numberAfter(args, "--periods", 1_000_000),
      progress: ({ worlds, periods, wrong }) => {
        if (worlds % 200 === 0) console.error(`${worlds} worlds, ${periods} periods, ${wrong.length} wrong`)
      }
    })
  )
  const seconds = Math.round((performance.now() - started) / 1_000)
  console.log(JSON.stringify({ seed, seconds, ...totals }, null, 2))
  if (args.includes("--record")) {
    writeFileSync(new URL("../../bench/chaos-nodes.md", import.meta.url), section(seed, seconds, totals))
  }
  return totals.wrong.length === 0
}
