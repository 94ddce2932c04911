/** Whether a run with faults came to the end of the run without, and did nothing on the way that must never be done. */
import { type Fault, leavesStuckJob } from "./faults.ts"
import { difference } from "./judge.ts"
import { type End, live, type Outcome, type RunInput, type Sabotage } from "./life.ts"
import type { Scenario, Step } from "./scenarios.ts"
import { freeIp, type Setting } from "./settings.ts"

/** The scenario without faults: what every run with faults is measured by. */
export interface Reference {
  readonly scenario: Scenario
  readonly setting: Setting
  readonly calm: Outcome
  /** The same, and then the user deletes everything. */
  readonly removed: Outcome
}

const base = { faults: [], isEnd: () => true, patience: 600_000 } satisfies Partial<RunInput>

export const referenceOf = (scenario: Scenario, setting: Setting): Reference => ({
  scenario,
  setting,
  calm: live({ ...base, scenario, setting, hold: true }),
  removed: live({ ...base, scenario, setting, hold: true, deleteAtEnd: true })
})

/** An allocation that the server never finished and has forgotten: nobody could know of it. */
const unfinished = /^address new Allocating/
/** Who deletes all at some moment may delete a Service whose address was to be kept at that moment. */
const kept = /^address new Allocated .*cloudstack-ccm\/keep=/

const namesFree = (step: Step): boolean => JSON.stringify(step).includes(freeIp)

const hour = 3_600_000
const patience = (faults: ReadonlyArray<Fault>): number =>
  (faults.some(({ name }) => leavesStuckJob(name)) ? 3 : 1) * hour
/** Beyond what the same run needs without faults. */
const mostMoreCalls = (faults: ReadonlyArray<Fault>): number =>
  faults.some(({ name }) => leavesStuckJob(name)) ? 2_000 : 400
const mostMoreMutations = 30

/** What may be said when something fails and passes. */
const passing = [
  "SyncLoadBalancerFailed",
  "UpdateLoadBalancerFailed",
  "EnsuringLoadBalancer",
  "EnsuredLoadBalancer",
  "UpdatedLoadBalancer"
]
/** What is true for who is shown no machines, no networks, or rules that come to light later. */
const blind = ["NetworkUnknown", "NoNodeResolved", "NodesLeftOut", "DriftRepaired"]
const farewell = ["DeletingLoadBalancer", "DeletedLoadBalancer"]
const reasonOf = (event: string) => event.slice(0, event.indexOf(" "))

export interface Verdict {
  readonly outcome: Outcome
  readonly problems: ReadonlyArray<string>
}

export interface RunOptions {
  readonly sabotage?: Sabotage
  readonly hold?: boolean
  readonly onCall?: (line: string) => void
}

export const judged = (reference: Reference, faults: ReadonlyArray<Fault>, options: RunOptions = {}): Verdict => {
  const { calm, removed, scenario, setting } = reference
  const forgotten = faults.some(({ name }) => name === "job stuck, then forgotten")
  const seen = ({ lines, userDeleted }: End) =>
    lines.filter((line) => !(forgotten && unfinished.test(line)) && !(userDeleted && kept.test(line)))
  const wanted = ({ started, userDeleted }: End) => (userDeleted ? [removed.end.lines, started] : [calm.end.lines])
  const isEnd = (end: End) => wanted(end).some((lines) => difference(lines, seen(end)).length === 0)
  const { sabotage, onCall } = options
  const outcome = live({
    scenario,
    setting,
    faults,
    isEnd,
    patience: patience(faults),
    hold: options.hold ?? true,
    ...(sabotage === undefined ? {} : { sabotage }),
    ...(onCall === undefined ? {} : { onCall })
  })
  const problems: Array<string> = [...outcome.wrong]
  // What is named cannot be had while the server holds it for a job that nobody knows of any more: audit tells of it.
  const isWithheld =
    forgotten && scenario.steps.some(namesFree) && outcome.end.lines.some((line) => unfinished.test(line))
  if (outcome.took === undefined && !isWithheld) {
    const [lines = []] = wanted(outcome.end)
    problems.push(`another end: ${difference(lines, seen(outcome.end)).join("; ")}`)
  }
  const most = Math.max(calm.mostAcquired, scenario.most ?? 1)
  if (outcome.mostAcquired > (forgotten ? most + 1 : most)) problems.push(`${outcome.mostAcquired} addresses at once`)
  const calls = outcome.calls.length - calm.calls.length
  if (calls > mostMoreCalls(faults)) problems.push(`${calls} calls more than without faults`)
  const mutations = outcome.mutations - calm.mutations
  if (mutations > mostMoreMutations) problems.push(`${mutations} changes more than without faults`)
  const leaves = scenario.steps.some(({ action }) => action._tag === "Remove")
  const expected = new Set([
    ...passing,
    ...calm.events.map(reasonOf),
    ...(leaves ? farewell : []),
    // Nobody has it while its allocation comes to no end.
    ...(faults.some(({ name }) => leavesStuckJob(name)) ? ["AddressNotFree"] : []),
    ...(faults.some(({ name }) => name.endsWith("list") || name.startsWith("stale list")) ? blind : []),
    ...(outcome.end.userDeleted ? [...farewell, ...removed.events.map(reasonOf)] : [])
  ])
  for (const event of outcome.events) if (!expected.has(reasonOf(event))) problems.push(`said ${event}`)
  return { outcome, problems }
}
