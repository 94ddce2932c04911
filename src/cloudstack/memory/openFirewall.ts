/** The firewall rule that `openfirewall=true` makes beside a load balancer or port forwarding rule. */
import { Result } from "effect"
import { checkService } from "./addressServices.ts"
import { checkConflicts } from "./conflicts.ts"
import type { ApiError } from "./errors.ts"
import type { FirewallRule, ForwardingRule, LoadBalancerRule } from "./records.ts"
import { firewallOfAddress, mint, put, type State } from "./state.ts"

interface Ports {
  readonly protocol: string
  readonly start: number
  readonly end: number
}

/**
 * Made in the create phase, when the rule it is for is there but not yet compared with others: so a firewall rule whose
 * ports overlap is the first thing to conflict. An equal rule that is there already is used instead, whoever it lets in,
 * and then does not go with the rule.
 */
export const openFirewall = (
  state: State,
  rule: LoadBalancerRule | ForwardingRule,
  { end, protocol, start }: Ports,
  cause: number
): Result.Result<{ readonly state: State; readonly made: string | undefined }, ApiError> =>
  Result.gen(function* () {
    const equal = firewallOfAddress(state.firewall, rule.address).some(
      (other) => other.protocol === protocol && other.startPort === start && other.endPort === end
    )
    if (equal) return { state, made: undefined }
    const address = state.addresses.get(rule.address)
    const network = state.networks.get(rule.network)
    if (address !== undefined && network !== undefined) yield* checkService(state, address, network, "Firewall")
    const cidrs = ["0.0.0.0/0"]
    yield* checkConflicts(
      state,
      { purpose: "Firewall", address: rule.address, network: rule.network, protocol, start, end, cidrs },
      cause
    )
    const [minted, row] = mint(state)
    const opened: FirewallRule = {
      ...row,
      address: rule.address,
      network: rule.network,
      owner: rule.owner,
      protocol,
      startPort: start,
      endPort: end,
      cidrs,
      icmpType: undefined,
      icmpCode: undefined,
      state: "Add"
    }
    return { state: { ...minted, firewall: put(minted.firewall, opened) }, made: row.id }
  })

/** The job tells the router of it. */
export const applyOpened = (state: State, opened: string | undefined): State => {
  const rule = opened === undefined ? undefined : state.firewall.get(opened)
  return rule === undefined ? state : { ...state, firewall: put(state.firewall, { ...rule, state: "Active" }) }
}
