/**
 * The service controller in every kind of trouble: `npm run chaos -- service`.
 *
 * `--single`: every fault at every call of every scenario. Otherwise two faults at once, `--runs N` from `--seed N` on;
 * a seed alone repeats that one run, call by call. `--case JSON` repeats a run as reported. `--record` writes figures.
 */
import { writeFileSync } from "node:fs"
import { type Case, double, faultless, referenceFor, type Totals } from "./service/campaign.ts"
import { type Campaign, share } from "./service/crew.ts"
import { judged } from "./service/judgement.ts"
import { scenarios } from "./service/scenarios.ts"
import { settings } from "./service/settings.ts"

const valueAfter = (args: ReadonlyArray<string>, flag: string): string | undefined => {
  const at = args.indexOf(flag)
  return at < 0 ? undefined : args[at + 1]
}

/** One run, told call by call. */
const retell = ({ faults, scenario, setting }: Case): boolean => {
  const { outcome, problems } = judged(referenceFor(setting, scenario), faults, { onCall: (line) => console.log(line) })
  console.log(outcome.events.join("\n"))
  console.log(outcome.end.lines.join("\n"))
  console.log(
    JSON.stringify({ setting, scenario, faults, lives: outcome.lives, took: outcome.took, problems }, null, 2)
  )
  return problems.length === 0
}

const section = (
  how: string,
  seconds: number,
  { calls, lives, runs, slowest, wrong }: Totals
) => `## Service controller: ${how}

Recorded by \`npm run chaos -- service\` in ${seconds} s.

| What | Measured |
| --- | --- |
| runs, of ${scenarios.length} scenarios in ${settings.length} settings | ${runs} |
| calls to the outside | ${calls} |
| starts of the controller | ${lives} |
| another end, a leak, something foreign changed, a false Event, … | ${wrong.length} |
| longest way from a scenario's last action to its end, in virtual time | ${Math.ceil(slowest)} s |
`

export const main = async (args: ReadonlyArray<string>): Promise<boolean> => {
  const told = valueAfter(args, "--case")
  if (told !== undefined) return retell(JSON.parse(told))
  const seed = Number(valueAfter(args, "--seed") ?? 1)
  const runs = valueAfter(args, "--runs")
  if (valueAfter(args, "--seed") !== undefined && runs === undefined) return retell(double(seed))

  const started = performance.now()
  const calm = faultless()
  for (const wrong of calm) console.log(wrong)
  const count = Number(runs ?? 100_000)
  const isSingle = args.includes("--single")
  const campaign: Campaign = isSingle ? { _tag: "Singles" } : { _tag: "Doubles", seed, runs: count }
  const totals = await share(campaign, (added, { runs, wrong }) => {
    for (const line of added.wrong) console.log(line)
    if (runs % 2_000 < added.runs) console.error(`${runs} runs, ${wrong.length} wrong`)
  })
  const seconds = Math.round((performance.now() - started) / 1_000)
  const how = isSingle ? "one fault at every call" : `two faults at once, seeds ${seed} to ${seed + count - 1}`
  console.log(JSON.stringify({ how, seconds, ...totals, wrong: totals.wrong.length }, null, 2))
  if (args.includes("--record")) {
    const file = isSingle ? "single" : `double-${seed}`
    writeFileSync(new URL(`../../bench/chaos-service-${file}.md`, import.meta.url), section(how, seconds, totals))
  }
  return totals.wrong.length + calm.length === 0
}
