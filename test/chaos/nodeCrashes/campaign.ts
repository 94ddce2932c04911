/** Many runs: every fault at every call of every scenario, or two at once by seed; each measured by the calm run. */
import { makeDice } from "../nodesRandom.ts"
import { type Fault, type FaultName, faultsFor, twoFaults } from "../service/faults.ts"
import { difference } from "../service/judge.ts"
import { live, type Outcome, type Sabotage } from "./life.ts"
import { refreshSeconds, type Scenario, scenarios } from "./scenarios.ts"

export interface Case {
  readonly scenario: string
  readonly faults: ReadonlyArray<Fault>
}

/** Ten minutes of a limit that was used up before a crash, and an outage. */
const patience = 25 * 60_000
/** A write that fails once costs a retry, or another look: nobody waits for the next refresh. */
const promptMillis = 20_000
const isBrief = ({ name }: Fault) => name.startsWith("kube:") && name !== "kube: down"

/** What a fault makes be written again: of an API server that is down much is asked. */
const mostMoreWrites = (faults: ReadonlyArray<Fault>) => (faults.some(({ name }) => name === "kube: down") ? 60 : 12)

/** What may be said when CloudStack shows nothing, or nothing new, or the API server refuses. */
const blind = ["NodeDeletionRefused", "VirtualMachineNotFound"]
const refused = ["DeletingNodeFailed"]

const calmRuns = new Map<string, Outcome>()
export const calmRun = (scenario: Scenario): Outcome => {
  const known = calmRuns.get(scenario.name)
  if (known !== undefined) return known
  // The limit of deletions lets the second of two go ten minutes later.
  const isEnd = ends(scenario)
  const calm = live({ scenario, faults: [], isEnd, patience })
  calmRuns.set(scenario.name, calm)
  return calm
}

/** How the calm run of a scenario ends, told by what has to be true. */
const ends = ({ steps }: Scenario) => {
  const gone = steps.flatMap(([action]) =>
    action._tag === "Cloud" && action.command === "destroyVirtualMachine" ? [action.vm] : []
  )
  const changed = steps.some(([{ _tag }]) => _tag === "Address")
  return (lines: ReadonlyArray<string>) =>
    !lines.some((line) => gone.some((name) => line.startsWith(`${name} `))) &&
    (!changed || lines.some((line) => (line.match(/InternalIP/g) ?? []).length === 2))
}

export const judged = (
  scenario: Scenario,
  faults: ReadonlyArray<Fault>,
  sabotage?: Sabotage,
  onCall?: (line: string) => void
) => {
  const calm = calmRun(scenario)
  const outcome = live({
    scenario,
    faults,
    isEnd: (lines) => difference(calm.lines, lines).length === 0,
    patience,
    ...(sabotage === undefined ? {} : { sabotage }),
    ...(onCall === undefined ? {} : { onCall })
  })
  // The API server was away when a Node was to go: it is tried again, and told again.
  const isDown = faults.some(({ name }) => name === "kube: down")
  const problems = outcome.wrong.filter((problem) => !(isDown && /^said 2 times .*: DeletingNode /.test(problem)))
  if (outcome.took === undefined) problems.push(`another end: ${difference(calm.lines, outcome.lines).join("; ")}`)
  const late = (outcome.took ?? 0) - (calm.took ?? 0)
  const inTime = promptMillis + (scenario.waitsForRefresh === true ? refreshSeconds * 1_000 : 0)
  if (faults.length === 1 && faults.every(isBrief) && late > inTime) problems.push(`${late} ms late`)
  const more = outcome.writes - calm.writes
  if (more > mostMoreWrites(faults)) problems.push(`${more} writes more than without faults`)
  const reasonOf = (event: string) => event.slice(0, event.indexOf(" "))
  const hidden = faults.some(({ name }) => !name.startsWith("kube:"))
  const expected = new Set([
    ...calm.events.map(reasonOf),
    ...(hidden || isDown ? blind : []),
    ...(faults.some(({ name }) => name.startsWith("kube:")) ? refused : [])
  ])
  for (const event of outcome.events) if (!expected.has(reasonOf(event))) problems.push(`said ${event}`)
  return { outcome, problems }
}

/** Nobody deletes Nodes by hand here. */
const isPlayed = (name: FaultName) => name !== "user deletes"
export const scenarioOf = (name: string): Scenario => {
  const found = scenarios.find((scenario) => scenario.name === name)
  if (found === undefined) throw new Error(`there is no scenario ${name}`)
  return found
}

export function* singles(): Generator<Case> {
  for (const scenario of scenarios) {
    for (const [index, call] of calmRun(scenario).calls.entries()) {
      for (const name of faultsFor(call).filter(isPlayed)) {
        yield { scenario: scenario.name, faults: [{ at: index + 1, name }] }
      }
    }
  }
}

const [first = { name: "", steps: [] }, ...others] = scenarios

/** The double fault that a seed stands for. */
export const double = (seed: number): Case => {
  const dice = makeDice(seed)
  const scenario = dice.pick([first, ...others])
  const faults = twoFaults(dice, calmRun(scenario).calls).filter(({ name }) => isPlayed(name))
  return { scenario: scenario.name, faults }
}

export interface Totals {
  readonly runs: number
  readonly calls: number
  readonly lives: number
  /** Longest virtual seconds from a scenario's last action to its end. */
  readonly slowest: number
  readonly faults: Readonly<Record<string, number>>
  readonly wrong: ReadonlyArray<string>
}

export const nothing: Totals = { runs: 0, calls: 0, lives: 0, slowest: 0, faults: {}, wrong: [] }

export const play = (totals: Totals, one: Case): Totals => {
  const { outcome, problems } = judged(scenarioOf(one.scenario), one.faults)
  const faults = { ...totals.faults }
  for (const { name } of one.faults) faults[name] = (faults[name] ?? 0) + 1
  const label = JSON.stringify(one)
  return {
    runs: totals.runs + 1,
    calls: totals.calls + outcome.calls.length,
    lives: totals.lives + outcome.lives,
    slowest: Math.max(totals.slowest, (outcome.took ?? 0) / 1_000),
    faults,
    wrong: [...totals.wrong, ...problems.map((problem) => `${label}: ${problem}`)]
  }
}
