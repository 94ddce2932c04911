/**
 * The stickiness policy of one rule. Pure.
 *
 * Policies are not in the list of rules, and asking rule by rule is dear: so the description of a rule says that there
 * may be one, from before the first is made, and only such rules are asked. The mark stays when the policy goes: to
 * remove it would cost the router one push more, and the next policy another.
 */
import { description, isMarkedSticky, type Mark } from "../../domain/Ownership.ts"
import { sameStickiness } from "../../domain/Stickiness.ts"
import type { HeldRule } from "./claims.ts"
import { type RuleRef, Step } from "./steps.ts"
import type { WantedPort } from "./wanted.ts"

type Wish = Pick<WantedPort, "port" | "stickiness">

const isSticky = ({ stickiness }: Wish): boolean => stickiness !== undefined && stickiness !== "none"

/** The description of a new rule. */
export const newDescription = (mark: Omit<Mark, "sticky">, want: Wish): string =>
  description({ ...mark, sticky: isSticky(want) })

/** A rule gets the mark before its first policy. */
export const stickyDescription = (
  mark: Omit<Mark, "sticky">,
  rule: HeldRule,
  want: Wish
): { readonly description?: string } =>
  isSticky(want) && !isMarkedSticky(rule.description) ? { description: newDescription(mark, want) } : {}

/** A new policy takes the place of the one before; of two, which is the server's most, one has to go first. */
export const stickinessSteps = (
  rule: RuleRef,
  held: HeldRule["policies"],
  { port, stickiness }: Wish
): ReadonlyArray<Step> => {
  const policies = held ?? []
  if (stickiness === undefined) return []
  if (stickiness === "none") return policies.map(({ id }) => Step.ClearStickiness({ id, port }))
  const [first, ...more] = policies
  const surplus = more.map(({ id }) => Step.ClearStickiness({ id, port }))
  if (first !== undefined && sameStickiness(first, stickiness)) return surplus
  return [...surplus, Step.SetStickiness({ rule, port, stickiness })]
}

/** What a rule that is made anew keeps. */
export const keptStickiness = (held: HeldRule["policies"], { stickiness }: Wish): WantedPort["stickiness"] => {
  const [first] = held ?? []
  return stickiness ?? (first === undefined ? "none" : { method: first.method, params: first.params })
}
