/** The queue's contract once more, by plain arrays and one worker: slow and obvious. Says when which key runs. */

export const priorities = ["edit", "membership", "resync"] as const
export type Priority = (typeof priorities)[number]
export type Op =
  | { readonly op: "add"; readonly key: string; readonly priority: Priority }
  | { readonly op: "after"; readonly key: string; readonly steps: number; readonly priority: Priority }
  | { readonly op: "pass"; readonly steps: number }

/**
 * Chosen so that things of different kinds hardly ever happen in the same millisecond. A run that ends as a retry comes
 * due can: whichever was begun first is first then, as sleeps that end together end in the order of their beginnings.
 */
export const timing = { step: 1_000_000, work: 1_371_117, offset: 503_003, backoff: 5_013_007, ageing: 700_013 }

export type Run = readonly [time: number, key: string, priority: Priority]

const urgency = (priority: Priority) => priorities.indexOf(priority)
const moreUrgent = (a: Priority, b: Priority = a) => (urgency(a) <= urgency(b) ? a : b)

export const expectedRuns = (ops: ReadonlyArray<Op>, fails: (run: number) => boolean): ReadonlyArray<Run> => {
  const runs: Array<Run> = []
  const failures = new Map<string, number>()
  let now = 0
  let waiting: Array<{ readonly key: string; readonly priority: Priority; readonly rank: number }> = []
  let timers: Array<{
    readonly key: string
    readonly priority: Priority
    readonly at: number
    readonly since: number
  }> = []
  let active:
    | {
        readonly key: string
        readonly priority: Priority
        readonly begin: number
        readonly end: number
        readonly fails: boolean
      }
    | undefined
  let again: Priority | undefined

  const add = (key: string, asked: Priority) => {
    const priority = moreUrgent(asked, timers.find((timer) => timer.key === key)?.priority)
    if (active?.key === key) {
      again = moreUrgent(priority, again)
      return
    }
    const rank = now + urgency(priority) * timing.ageing
    const present = waiting.find((entry) => entry.key === key)
    if (present === undefined) waiting.push({ key, priority, rank })
    else if (urgency(priority) < urgency(present.priority)) {
      if (present.rank <= rank) waiting = waiting.map((entry) => (entry === present ? { ...entry, priority } : entry))
      else waiting = [...waiting.filter((entry) => entry !== present), { key, priority, rank }]
    }
  }
  const addAfter = (key: string, delay: number, priority: Priority) => {
    const at = now + delay
    if (waiting.some((entry) => entry.key === key) || (active?.key === key && again !== undefined)) {
      add(key, priority)
      return
    }
    const known = timers.find((timer) => timer.key === key)
    const urgent = moreUrgent(priority, known?.priority)
    // A deadline that stays keeps its place among equals.
    timers =
      known !== undefined && known.at <= at
        ? timers.map((timer) => (timer === known ? { ...timer, priority: urgent } : timer))
        : [...timers.filter((timer) => timer !== known), { key, priority: urgent, at, since: now }]
  }
  const finish = ({ fails, key, priority }: NonNullable<typeof active>) => {
    if (fails) {
      const count = (failures.get(key) ?? 0) + 1
      failures.set(key, count)
      addAfter(key, Math.min(timing.backoff * 2 ** (count - 1), timing.backoff * 8), priority)
    } else failures.delete(key)
    const next = again
    active = undefined
    again = undefined
    if (next !== undefined) add(key, next)
  }
  const start = () => {
    const [first] = waiting.toSorted((a, b) => a.rank - b.rank)
    if (active !== undefined || first === undefined) return
    waiting = waiting.filter((entry) => entry !== first)
    timers = timers.filter((timer) => timer.key !== first.key)
    active = { ...first, begin: now, end: now + timing.work, fails: fails(runs.length) }
    runs.push([now, first.key, first.priority])
  }
  const pass = (until: number) => {
    while (true) {
      const [timer] = timers.toSorted((a, b) => a.at - b.at)
      const next = Math.min(timer?.at ?? Number.POSITIVE_INFINITY, active?.end ?? Number.POSITIVE_INFINITY)
      if (next > until) break
      now = next
      const isTimerFirst = timer?.at === next && (active === undefined || timer.since < active.begin)
      if (active?.end === next && !isTimerFirst) finish(active)
      else if (timer !== undefined) {
        timers = timers.filter((other) => other !== timer)
        add(timer.key, timer.priority)
      }
      start()
    }
    now = until
  }

  for (const op of ops) {
    if (op.op === "pass") pass(now + op.steps * timing.step)
    else if (op.op === "add") add(op.key, op.priority)
    else addAfter(op.key, op.steps * timing.step + timing.offset, op.priority)
    start()
  }
  return runs
}
