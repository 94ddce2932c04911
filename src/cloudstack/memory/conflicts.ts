/** Whether a new rule of a public address collides with one that is there: the server's own comparison. */
import { Result } from "effect"
import { type ApiError, apiError, refuse } from "./errors.ts"
import type { FirewallRule, ForwardingRule, LoadBalancerRule } from "./records.ts"
import { ruleText } from "./ruleViews.ts"
import { firewallOfAddress, forwardingOfAddress, rulesOfAddress, type State } from "./state.ts"

export type Purpose = "LoadBalancing" | "Firewall" | "PortForwarding"

export interface Candidate {
  readonly purpose: Purpose
  readonly address: string
  readonly network: string
  readonly protocol: string
  readonly start: number | undefined
  readonly end: number | undefined
  readonly cidrs: ReadonlyArray<string>
  readonly icmpType?: number | undefined
  readonly icmpCode?: number | undefined
}

interface Existing extends Candidate {
  readonly row: LoadBalancerRule | FirewallRule | ForwardingRule
}

/** Load balancer rules compare as tcp whatever they balance. */
const existingRules = (state: State, address: string): ReadonlyArray<Existing> =>
  [
    ...rulesOfAddress(state.rules, address).map(
      (row): Existing => ({
        row,
        purpose: "LoadBalancing",
        address,
        network: row.network,
        protocol: "tcp",
        start: row.publicPort,
        end: row.publicPort,
        cidrs: []
      })
    ),
    ...forwardingOfAddress(state.forwarding, address).map(
      (row): Existing => ({
        row,
        purpose: "PortForwarding",
        address,
        network: row.network,
        protocol: row.protocol,
        start: row.publicPort,
        end: row.publicEndPort,
        cidrs: []
      })
    ),
    ...firewallOfAddress(state.firewall, address).map(
      (row): Existing => ({
        row,
        purpose: "Firewall",
        address,
        network: row.network,
        protocol: row.protocol,
        start: row.startPort,
        end: row.endPort,
        cidrs: row.cidrs,
        icmpType: row.icmpType,
        icmpCode: row.icmpCode
      })
    )
  ].sort((a, b) => a.row.n - b.row.n)

/** The texts have to be equal, and nothing at all is equal to nothing at all. */
const overlaps = (some: ReadonlyArray<string>, others: ReadonlyArray<string>): boolean =>
  (some.length === 0 && others.length === 0) || some.some((cidr) => others.includes(cidr))

/** `cause` of the 537: 9999 where the command catches and rethrows it, 4360 elsewhere. */
export const checkConflicts = (state: State, rule: Candidate, cause: number): Result.Result<void, ApiError> => {
  if (rule.purpose !== "Firewall" && state.addresses.get(rule.address)?.staticNat !== undefined) {
    return apiError(
      537,
      `There is 1 to 1 Nat rule specified for the ip address id=${state.addresses.get(rule.address)?.n}`,
      cause
    )
  }
  for (const other of existingRules(state, rule.address)) {
    if (other.row.state === "Deleting") continue
    const sameProtocol = other.protocol.toLowerCase() === rule.protocol.toLowerCase()
    const firewalls = other.purpose === "Firewall" && rule.purpose === "Firewall"
    // A firewall rule stands beside every other kind of rule, and beside firewall rules of other protocols.
    const apart =
      (other.purpose === "Firewall" || rule.purpose === "Firewall") && (other.purpose !== rule.purpose || !sameProtocol)
    const shared = firewalls && overlaps(other.cidrs, rule.cidrs)
    if (other.network !== rule.network) {
      return apiError(537, `New rule is for a different network than what's specified in rule ${other.row.id}`, cause)
    }
    if (firewalls && sameProtocol && rule.protocol === "icmp") {
      if (shared && other.icmpType === rule.icmpType && other.icmpCode === rule.icmpCode) {
        return refuse(`New rule conflicts with existing rule: ${ruleText(state, other.row, other.purpose)}`)
      }
      continue
    }
    if (rule.start === undefined || rule.end === undefined || other.start === undefined || other.end === undefined) {
      const neither = [rule.start, rule.end, other.start, other.end].every((port) => port === undefined)
      if (neither && shared && sameProtocol) {
        return apiError(
          537,
          `There is already a firewall rule specified with protocol = ${rule.protocol} and no ports`,
          cause
        )
      }
      continue
    }
    const overlap = other.start <= rule.end && rule.start <= other.end
    if (!overlap || apart || (firewalls && !shared)) continue
    const forwardings = other.purpose === "PortForwarding" && rule.purpose === "PortForwarding"
    if (forwardings && !sameProtocol) continue
    return apiError(
      537,
      `The range specified, ${rule.start}-${rule.end}, conflicts with rule ${ruleText(state, other.row, other.purpose)} which has ${other.start}-${other.end}`,
      cause
    )
  }
  return Result.succeed(undefined)
}
