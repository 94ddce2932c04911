/** Past states, kept only where stale lists are to come. */
import type { State } from "./state.ts"

interface Past {
  readonly at: number
  readonly state: State
}

export const makeHistory = () => {
  let past: ReadonlyArray<Past> = []
  let reach = 0
  return {
    /** How far back it may be asked for from now on. */
    reach: (millis: number): void => {
      reach = Math.max(reach, millis)
    },
    /** Remembers what was there until `now`. */
    note: (before: State, now: number): void => {
      if (reach > 0) past = [...past.filter(({ at }) => at >= now - reach), { at: now, state: before }]
    },
    /** The state at a moment: the first one that was replaced after it. */
    at: (moment: number, current: State): State => past.find(({ at }) => at > moment)?.state ?? current
  }
}
