/** Which of the things on an address are a Service's, which are others', and whether the address is ours. Pure. */
import { canonicalText } from "../../domain/Cidr.ts"
import type { FirewallRule, FirewallRuleId, Holding, PublicAddress } from "../../domain/Cloud.ts"
import {
  type AddressOwnership,
  type Cluster,
  claim,
  isMarked,
  isOurCluster,
  parseDescription,
  taggedByCluster,
  taggedService
} from "../../domain/Ownership.ts"

export type HeldRule = Holding["rules"][number]

/** One address seen by one Service. */
export interface Claims {
  readonly address: PublicAddress
  readonly ownership: AddressOwnership
  /** The tags say so too; a tag is what survives the last rule. */
  readonly tagged: boolean
  readonly rules: ReadonlyArray<HeldRule>
  readonly firewall: ReadonlyArray<FirewallRule>
  readonly otherRules: ReadonlyArray<HeldRule>
  readonly otherFirewall: ReadonlyArray<FirewallRule>
}

export interface Claimant {
  readonly cluster: Cluster
  readonly uid: string
  /** A `spec.loadBalancerIP` or the like names an address: whoever allocated it, it may be the user's. */
  readonly namesAddress: boolean
  /** Apache's own mark that it associated the named address. */
  readonly apacheMarker: boolean
  /** Source lists that rules of ours may have, where they cannot be tagged. */
  readonly expectedSources: ReadonlyArray<ReadonlyArray<string>>
  /** Public ports the Service wants. */
  readonly wantedPorts: ReadonlyArray<number>
  /** Firewall rules that this process made. */
  readonly made: ReadonlySet<FirewallRuleId>
}

export const mayBeReleased = (address: PublicAddress): boolean =>
  !address.isSourceNat && !address.isStaticNat && !address.isSystem

/** IP protocol of a load balancer rule; one made without a protocol is tcp. */
export const ipProtocolOf = (protocol: string): "tcp" | "udp" => (protocol.toLowerCase() === "udp" ? "udp" : "tcp")

const sameList = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): boolean =>
  a.length === b.length && canonicalText(a).every((text, index) => text === canonicalText(b)[index])

/**
 * Decided by marks of this cluster on the address or on any rule of it. Without a mark, an address with rules of another
 * provider counts as ours only if that provider certainly allocated it.
 */
const ownershipOf = (holding: Holding, claimant: Claimant, rules: ReadonlyArray<HeldRule>): AddressOwnership => {
  const { address } = holding
  if (!mayBeReleased(address)) return "given"
  if (taggedByCluster(claimant.cluster, address.tags)) return "owned"
  if (isMarked(address.tags)) return "given"
  const marks = holding.rules.flatMap((rule) => parseDescription(rule.description) ?? [])
  const ours = marks.filter((mark) => isOurCluster(claimant.cluster, mark.cluster))
  if (ours.length > 0) return ours.some((mark) => mark.address === "owned") ? "owned" : "given"
  const alone = rules.length > 0 && rules.length === holding.rules.length
  return alone && (claimant.apacheMarker || !claimant.namesAddress) ? "owned" : "given"
}

const isExact = (rule: FirewallRule, port: number, protocol: string): boolean =>
  rule.startPort === port && (rule.endPort ?? rule.startPort) === port && rule.protocol.toLowerCase() === protocol

/** Without a tag a firewall rule is ours if we made it, or if on an address of ours nothing else can have made it. */
const claimsFirewall = (
  rule: FirewallRule,
  holding: Holding,
  claimant: Claimant,
  ownership: AddressOwnership,
  ports: ReadonlySet<number>
): boolean => {
  if (isMarked(rule.tags)) return taggedService(claimant.cluster, rule.tags) === claimant.uid
  if (claimant.made.has(rule.id)) return true
  const { startPort } = rule
  if (startPort === undefined || !ports.has(startPort) || !isExact(rule, startPort, rule.protocol.toLowerCase())) {
    return false
  }
  if (ownership !== "owned") return false
  if (claimant.expectedSources.some((sources) => sameList(sources, rule.cidrs))) return true
  const unmarked = holding.firewall.filter(
    (other) => !isMarked(other.tags) && isExact(other, startPort, rule.protocol.toLowerCase())
  )
  return unmarked.length === 1
}

export const claims = (holding: Holding, claimant: Claimant): Claims => {
  const mine = holding.rules.filter((rule) => claim(claimant.cluster, claimant.uid, rule) !== "foreign")
  const ownership = ownershipOf(holding, claimant, mine)
  const others = holding.rules.filter((rule) => !mine.includes(rule))
  const taken = new Set(others.map((rule) => rule.publicPort))
  const ports = new Set(
    [...mine.map((rule) => rule.publicPort), ...claimant.wantedPorts].filter((port) => !taken.has(port))
  )
  const firewall = holding.firewall.filter((rule) => claimsFirewall(rule, holding, claimant, ownership, ports))
  return {
    address: holding.address,
    ownership,
    tagged: taggedByCluster(claimant.cluster, holding.address.tags),
    rules: mine,
    firewall,
    otherRules: others,
    otherFirewall: holding.firewall.filter((rule) => !firewall.includes(rule))
  }
}

/** Something on the address, or the address itself, is the Service's. */
export const isClaimed = (own: Claims, claimant: Pick<Claimant, "cluster" | "uid">): boolean =>
  own.rules.length > 0 ||
  own.firewall.some((rule) => taggedService(claimant.cluster, rule.tags) === claimant.uid) ||
  taggedService(claimant.cluster, own.address.tags) === claimant.uid
