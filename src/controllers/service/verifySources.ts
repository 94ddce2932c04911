/**
 * A look at what a server of unknown age made of a rule's list of sources: old ones ignore it without a word, and the
 * rule would be open to everybody.
 */
import { Effect } from "effect"
import { CloudStackError, Malformed, Refused } from "../../cloudstack/Api.ts"
import type { LoadBalancers } from "../../cloudstack/LoadBalancers.ts"
import { canonicalText } from "../../domain/Cidr.ts"
import type { RuleId } from "../../domain/Cloud.ts"

const text = "the server ignores the list of sources (cidrlist) of load balancer rules, it may be too old for it"

const holds = (cidrs: ReadonlyArray<string>, wanted: ReadonlyArray<string>): boolean => {
  const held = new Set(cidrs)
  return held.size === new Set(wanted).size && canonicalText(wanted).every((cidr) => held.has(cidr))
}

/** Fails as if the server had refused what it ignored, or if a rule cannot be seen that was just made or changed. */
export const verifySources = Effect.fn("service.verifySources")(function* (
  balancers: LoadBalancers["Service"],
  command: string,
  id: RuleId,
  wanted: ReadonlyArray<string>
) {
  // A list may be behind the times: the server is judged by the second one.
  let seen = yield* balancers.list({ id })
  if (!seen.some(({ cidrs }) => holds(cidrs, wanted))) seen = yield* balancers.list({ id })
  const [rule] = seen
  if (rule === undefined) {
    return yield* new CloudStackError({ command, reason: new Malformed({ text: "the rule is not in the list yet" }) })
  }
  if (!holds(rule.cidrs, wanted)) {
    return yield* new CloudStackError({ command, reason: new Refused({ code: 431, text }) })
  }
})
