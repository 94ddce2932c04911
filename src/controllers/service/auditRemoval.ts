/** What an audit may remove of a Service that is no more. Pure. */
import type { FirewallRule } from "../../domain/Cloud.ts"
import { isMarked } from "../../domain/Ownership.ts"
import type { AuditInput } from "./audit.ts"
import { type Claimant, type Claims, claims, ipProtocolOf } from "./claims.ts"
import { designRemoval } from "./design.ts"

/** On the port of a rule of the Service, without a mark: it may have come with the rule, or be a person's. */
const isDoubtful = ({ rules }: Claims, { endPort, protocol, startPort, tags }: FirewallRule): boolean =>
  !isMarked(tags) &&
  startPort === (endPort ?? startPort) &&
  rules.some((rule) => rule.publicPort === startPort && ipProtocolOf(rule.protocol) === protocol.toLowerCase())

/**
 * Its rules are the last to say that the address is ours, and what holds the address may be the Service's as well:
 * without them neither would ever be named again.
 */
const wouldForget = (own: Claims): boolean =>
  own.ownership === "owned" &&
  !own.tagged &&
  own.otherRules.length === 0 &&
  own.otherFirewall.some((rule) => isDoubtful(own, rule))

export const removalOf = ({ aclItems, holdings, wanted }: AuditInput, claimant: Claimant) => {
  const movable = holdings.filter((holding) => !wouldForget(claims(holding, claimant)))
  return designRemoval(movable, claimant, aclItems, undefined, new Set(wanted.keys()))
}
