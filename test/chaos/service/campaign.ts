/** Many runs: every fault at every call of every scenario, or two at once by seed. */
import { makeDice } from "../nodesRandom.ts"
import { type Fault, faultsFor, twoFaults } from "./faults.ts"
import { judged, type Reference, referenceOf } from "./judgement.ts"
import { scenarios } from "./scenarios.ts"
import { settings } from "./settings.ts"

export interface Case {
  readonly setting: string
  readonly scenario: string
  readonly faults: ReadonlyArray<Fault>
}

export interface Totals {
  readonly runs: number
  readonly calls: number
  readonly lives: number
  /** Longest virtual time from a scenario's last action to its end, in seconds. */
  readonly slowest: number
  /** How often each fault was part of a run. */
  readonly faults: Readonly<Record<string, number>>
  readonly wrong: ReadonlyArray<string>
}

export const nothing: Totals = { runs: 0, calls: 0, lives: 0, slowest: 0, faults: {}, wrong: [] }

export const add = (a: Totals, b: Totals): Totals => {
  const faults: Record<string, number> = { ...a.faults }
  for (const [name, count] of Object.entries(b.faults)) faults[name] = (faults[name] ?? 0) + count
  return {
    runs: a.runs + b.runs,
    calls: a.calls + b.calls,
    lives: a.lives + b.lives,
    slowest: Math.max(a.slowest, b.slowest),
    faults,
    wrong: [...a.wrong, ...b.wrong]
  }
}

const references = new Map<string, Reference>()

export const referenceFor = (settingName: string, scenarioName: string): Reference => {
  const key = `${settingName} ${scenarioName}`
  const known = references.get(key)
  if (known !== undefined) return known
  const setting = settings.find(({ name }) => name === settingName)
  const scenario = scenarios.find(({ name }) => name === scenarioName)
  if (setting === undefined || scenario === undefined) throw new Error(`there is no ${key}`)
  const reference = referenceOf(scenario, setting)
  references.set(key, reference)
  return reference
}

/** What is wrong without any fault. */
export const faultless = (): ReadonlyArray<string> =>
  settings.flatMap((setting) =>
    scenarios.flatMap((scenario) => {
      const { calm, removed } = referenceFor(setting.name, scenario.name)
      return [...calm.wrong, ...removed.wrong].map((what) => `${setting.name}, ${scenario.name}: ${what}`)
    })
  )

export const play = (totals: Totals, { faults, scenario, setting }: Case, hold = true): Totals => {
  const reference = referenceFor(setting, scenario)
  const { outcome, problems } = judged(reference, faults, { hold })
  const label = JSON.stringify({ setting, scenario, faults } satisfies Case)
  const counts: Record<string, number> = {}
  for (const { name } of faults) counts[name] = (counts[name] ?? 0) + 1
  return add(totals, {
    runs: 1,
    calls: outcome.calls.length,
    lives: outcome.lives,
    slowest: (outcome.took ?? 0) / 1_000,
    faults: counts,
    wrong: problems.map((problem) => `${label}: ${problem}`)
  })
}

/** Every fault at every call of every scenario, in these settings. */
export function* singles(names: ReadonlyArray<string>): Generator<Case> {
  for (const setting of settings.filter(({ name }) => names.includes(name))) {
    for (const scenario of scenarios) {
      const { calls } = referenceFor(setting.name, scenario.name).calm
      for (const [index, call] of calls.entries()) {
        for (const name of faultsFor(call)) {
          yield { setting: setting.name, scenario: scenario.name, faults: [{ at: index + 1, name }] }
        }
      }
    }
  }
}

const [firstSetting = { name: "" }, ...otherSettings] = settings
const [firstScenario = { name: "" }, ...otherScenarios] = scenarios

const chosen = (seed: number) => {
  const dice = makeDice(seed)
  const setting = dice.pick([firstSetting, ...otherSettings]).name
  const scenario = dice.pick([firstScenario, ...otherScenarios]).name
  return { dice, setting, scenario, calls: referenceFor(setting, scenario).calm.calls }
}

/** The double fault that a seed stands for. */
export const double = (seed: number): Case => {
  const { calls, dice, scenario, setting } = chosen(seed)
  return { setting, scenario, faults: twoFaults(dice, calls) }
}

/** A single fault that a seed stands for. */
export const single = (seed: number): Case => {
  const { calls, dice, scenario, setting } = chosen(seed)
  const at = 1 + dice.below(calls.length)
  const [name = "429", ...others] = calls.slice(at - 1, at).flatMap(faultsFor)
  return { setting, scenario, faults: [{ at, name: dice.pick([name, ...others]) }] }
}
