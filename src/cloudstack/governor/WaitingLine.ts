/** Who is served next when calls have to wait: by priority, but a long wait outweighs any priority. Pure. */
import type { Priority } from "../Api.ts"

export interface Waiter {
  readonly priority: Priority
  /** Milliseconds of the monotonic clock when it began to wait. */
  readonly since: number
}

/** How many milliseconds later than an edit a call may come and still be served after it: so none starves. */
const handicap: Readonly<Record<Priority, number>> = { edit: 0, deletion: 3_000, membership: 6_000, resync: 20_000 }

const due = (waiter: Waiter) => waiter.since + handicap[waiter.priority]

export const next = <W extends Waiter>(line: Iterable<W>): W | undefined => {
  let best: W | undefined
  for (const waiter of line) if (best === undefined || due(waiter) < due(best)) best = waiter
  return best
}
