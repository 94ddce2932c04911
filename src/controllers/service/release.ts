/** How a Service leaves an address: in one release where the address is ours alone, else thing by thing. Pure. */
import type { Note } from "../../domain/Refusal.ts"
import type { Chain } from "./chains.ts"
import { type Claims, mayBeReleased } from "./claims.ts"
import { planRetirement } from "./plan.ts"
import { Step } from "./steps.ts"

/** Ours, and nobody else has anything on it. Others' firewall rules count: releasing would remove them. */
export const isReleasable = (own: Claims): boolean =>
  own.ownership === "owned" &&
  mayBeReleased(own.address) &&
  own.otherRules.length === 0 &&
  own.otherFirewall.length === 0

/**
 * Releasing removes the rules too, in one command, so that the marks on them never go before the address. Each key is
 * prefixed by the address: a Service may leave several at once.
 */
export const planLeaving = (
  own: Claims
): { readonly chains: ReadonlyArray<Chain>; readonly notes: ReadonlyArray<Note> } => {
  const { id, ip } = own.address
  if (isReleasable(own)) {
    return {
      chains: [{ key: `release ${ip}`, steps: [Step.ReleaseAddress({ id })], always: [], needs: [] }],
      notes: []
    }
  }
  const chains = planRetirement(own, []).map((chain) => ({ ...chain, key: `${ip} ${chain.key}` }))
  const strangers = own.otherRules.length === 0 && own.ownership === "owned" && mayBeReleased(own.address)
  if (!strangers) return { chains, notes: [] }
  const ids = own.otherFirewall.map((rule) => rule.id).join(", ")
  const message = `Address ${ip} is kept: it carries firewall rules that are not ours (${ids}). Remove them and the address in CloudStack if nobody needs them`
  return { chains, notes: [{ type: "Warning", reason: "AddressKept", message }] }
}
