/** What a resync had to repair, told: somebody or something changed it behind the controller's back. Pure. */
import { stepsOf } from "./chains.ts"
import type { Decision } from "./decide.ts"
import { describe, type Step } from "./steps.ts"

/** An Event takes 1024 characters. */
const mostTold = 6

const isMark = ({ _tag }: Step): boolean => /^(Tag|Untag)/.test(_tag)

/** Undefined if nothing had drifted: nothing was there yet, or only marks were missing. */
export const driftMessage = ({ acquire, leaving, plan }: Decision): string | undefined => {
  const steps = [...stepsOf(plan), ...stepsOf({ traffic: [], cleanup: leaving })].filter((step) => !isMark(step))
  if (acquire !== undefined || steps.length === 0) return undefined
  const told = steps.slice(0, mostTold).map(describe).join("; ")
  const more = steps.length > mostTold ? `; and ${steps.length - mostTold} more` : ""
  return `CloudStack was not as this Service wants it, without a change of the Service. Repaired: ${told}${more}`
}
