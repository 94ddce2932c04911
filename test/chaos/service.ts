/**
 * The service controller in every kind of trouble: `npm run chaos -- service`.
 *
 * `--single`: every fault at every call of every scenario, in all settings or, which takes hours less, in `--setting
 * NAME`. Otherwise two faults at once, `--runs N` from `--seed N` on; a seed alone repeats that one run, call by call.
 * `--case JSON` repeats a run as reported. `--record` writes figures.
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

interface Figures {
  readonly how: string
  readonly seconds: number
  readonly places: ReadonlyArray<string>
  readonly totals: Totals
}

const section = ({ how, places, seconds, totals }: Figures) => `## Service controller: ${how}

Recorded by \`npm run chaos -- service\` in ${seconds} s.

| What | Measured |
| --- | --- |
| runs, of ${scenarios.length} scenarios in ${places.length} of ${settings.length} settings | ${totals.runs} |
| calls to the outside | ${totals.calls} |
| starts of the controller | ${totals.lives} |
| another end, a leak, something foreign changed, a false Event, … | ${totals.wrong.length} |
| longest way from a scenario's last action to its end, in virtual time | ${Math.ceil(totals.slowest)} s |

How often each fault was played: ${Object.entries(totals.faults)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, count]) => `${name} ${count}`)
  .join(", ")}.
`

const all = settings.map(({ name }) => name)

interface Plan {
  readonly campaign: Campaign
  readonly places: ReadonlyArray<string>
  readonly how: string
  /** Part of the name of the file with the figures. */
  readonly file: string
}

const singlesIn = (setting: string | undefined): Plan => {
  const places = setting === undefined ? all : [setting]
  const where = setting === undefined ? "" : `, setting "${setting}"`
  return {
    campaign: { _tag: "Singles", settings: places },
    places,
    how: `one fault at every call${where}`,
    file: ["single", ...(setting?.toLowerCase().split(/\W+/) ?? [])].join("-")
  }
}

const doublesFrom = (seed: number, runs: number): Plan => ({
  campaign: { _tag: "Doubles", seed, runs },
  places: all,
  how: `two faults at once, seeds ${seed} to ${seed + runs - 1}`,
  file: `double-${seed}`
})

export const main = async (args: ReadonlyArray<string>): Promise<boolean> => {
  const told = valueAfter(args, "--case")
  if (told !== undefined) return retell(JSON.parse(told))
  const seed = Number(valueAfter(args, "--seed") ?? 1)
  const runs = valueAfter(args, "--runs")
  if (valueAfter(args, "--seed") !== undefined && runs === undefined) return retell(double(seed))
  const setting = valueAfter(args, "--setting")
  if (setting !== undefined && !all.includes(setting)) {
    console.error(`--setting: there is no "${setting}", only "${all.join('", "')}"`)
    return false
  }
  const { campaign, file, how, places } = args.includes("--single")
    ? singlesIn(setting)
    : doublesFrom(seed, Number(runs ?? 100_000))

  const started = performance.now()
  const calm = faultless()
  for (const wrong of calm) console.log(wrong)
  const totals = await share(campaign, (added, { runs, wrong }) => {
    for (const line of added.wrong) console.log(line)
    if (runs % 2_000 < added.runs) console.error(`${runs} runs, ${wrong.length} wrong`)
  })
  const seconds = Math.round((performance.now() - started) / 1_000)
  console.log(JSON.stringify({ how, seconds, ...totals, wrong: totals.wrong.length }, null, 2))
  if (args.includes("--record")) {
    const figures = section({ how, seconds, places, totals })
    writeFileSync(new URL(`../../bench/chaos-service-${file}.md`, import.meta.url), figures)
  }
  return totals.wrong.length + calm.length === 0
}
