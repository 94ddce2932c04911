/**
 * The node controllers stopped at every call, and every fault there: `npm run chaos -- node-crashes`.
 *
 * Every fault at every call of every scenario; with `--runs N` two at once, seeds from `--seed N` on. `--case JSON`
 * repeats a run as it was reported, call by call. `--record` writes figures.
 */
import { writeFileSync } from "node:fs"
import { type Case, double, judged, nothing, play, scenarioOf, singles, type Totals } from "./nodeCrashes/campaign.ts"
import { scenarios } from "./nodeCrashes/scenarios.ts"

const valueAfter = (args: ReadonlyArray<string>, flag: string): string | undefined => {
  const at = args.indexOf(flag)
  return at < 0 ? undefined : args[at + 1]
}

const retell = ({ faults, scenario }: Case): boolean => {
  const { outcome, problems } = judged(scenarioOf(scenario), faults, undefined, (line) => console.log(line))
  console.log([...outcome.events, ...outcome.lines].join("\n"))
  console.log(JSON.stringify({ scenario, faults, lives: outcome.lives, took: outcome.took, problems }, null, 2))
  return problems.length === 0
}

function* doubles(seed: number, runs: number): Generator<Case> {
  for (let next = seed; next < seed + runs; next++) yield double(next)
}

const section = (how: string, seconds: number, totals: Totals) => `## Node controllers: ${how}

Recorded by \`npm run chaos -- node-crashes\` in ${seconds} s.

| What | Measured |
| --- | --- |
| runs, of ${scenarios.length} scenarios | ${totals.runs} |
| calls to CloudStack and writes to Kubernetes | ${totals.calls} |
| starts of the controllers | ${totals.lives} |
| another end, a Node deleted wrongly, writes without end, Events repeated, … | ${totals.wrong.length} |
| longest way from a scenario's last action to its end, in virtual time | ${Math.ceil(totals.slowest)} s |
`

export const main = (args: ReadonlyArray<string>): boolean => {
  const told = valueAfter(args, "--case")
  if (told !== undefined) return retell(JSON.parse(told))
  const seed = Number(valueAfter(args, "--seed") ?? 1)
  const runs = valueAfter(args, "--runs")
  const started = performance.now()
  let totals = nothing
  for (const one of runs === undefined ? singles() : doubles(seed, Number(runs))) {
    const before = totals.wrong.length
    totals = play(totals, one)
    for (const wrong of totals.wrong.slice(before)) console.log(wrong)
    if (totals.runs % 1_000 === 0) console.error(`${totals.runs} runs, ${totals.wrong.length} wrong`)
  }
  const seconds = Math.round((performance.now() - started) / 1_000)
  const how =
    runs === undefined ? "one fault at every call" : `two faults at once, seeds ${seed} to ${seed + Number(runs) - 1}`
  console.log(JSON.stringify({ how, seconds, ...totals, wrong: totals.wrong.length }, null, 2))
  if (args.includes("--record")) {
    const file = runs === undefined ? "single" : "double"
    writeFileSync(new URL(`../../bench/chaos-node-crashes-${file}.md`, import.meta.url), section(how, seconds, totals))
  }
  return totals.wrong.length === 0
}
