/**
 * A look at what a server of unknown age made of a rule's list of sources: old ones ignore it without a word, and the
 * rule would be open to everybody.
 */
import { Effect } from "effect"
import { CloudStackError, Refused } from "../../cloudstack/Api.ts"
import type { LoadBalancers } from "../../cloudstack/LoadBalancers.ts"
import { canonicalText } from "../../domain/Cidr.ts"
import type { RuleId } from "../../domain/Cloud.ts"

const text = "the server ignores the list of sources (cidrlist) of load balancer rules, it may be too old for it"

/** Fails as if the server had refused what it ignored. */
export const verifySources = Effect.fn("service.verifySources")(function* (
  balancers: LoadBalancers["Service"],
  command: string,
  id: RuleId,
  wanted: ReadonlyArray<string>
) {
  const [rule] = yield* balancers.list({ id })
  const held = new Set(rule?.cidrs ?? [])
  const same = held.size === new Set(wanted).size && canonicalText(wanted).every((cidr) => held.has(cidr))
  if (!same) return yield* new CloudStackError({ command, reason: new Refused({ code: 431, text }) })
})
