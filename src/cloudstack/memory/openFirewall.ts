/** The firewall rule that `openfirewall=true` makes beside a load balancer or port forwarding rule. */
import type { FirewallRule, ForwardingRule, LoadBalancerRule } from "./records.ts"
import { firewallOfAddress, mint, put, type State } from "./state.ts"

/** An equal rule that is there already is used instead, and then does not go with the rule. */
export const openFirewall = (
  state: State,
  rule: LoadBalancerRule | ForwardingRule,
  protocol: string,
  start: number,
  end: number
): { readonly state: State; readonly made: string | undefined } => {
  const equal = firewallOfAddress(state.firewall, rule.address).some(
    (other) => other.protocol === protocol && other.startPort === start && other.endPort === end
  )
  if (equal) return { state, made: undefined }
  const [minted, row] = mint(state)
  const opened: FirewallRule = {
    ...row,
    address: rule.address,
    network: rule.network,
    owner: rule.owner,
    protocol,
    startPort: start,
    endPort: end,
    cidrs: ["0.0.0.0/0"],
    icmpType: undefined,
    icmpCode: undefined,
    state: "Active"
  }
  return { state: { ...minted, firewall: put(minted.firewall, opened) }, made: row.id }
}
