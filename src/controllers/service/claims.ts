/** Which of the things on an address are a Service's, which are others', and whether the address is ours. Pure. */
import { type Adoption, addressMark, isRuleOf } from "../../domain/Adoption.ts"
import { canonicalText } from "../../domain/Cidr.ts"
import type { AddressId, FirewallRule, Forward, Holding, PublicAddress } from "../../domain/Cloud.ts"
import {
  type AddressOwnership,
  type Cluster,
  isMarked,
  keptName,
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
  readonly forwards: ReadonlyArray<Forward>
  readonly otherRules: ReadonlyArray<HeldRule>
  readonly otherFirewall: ReadonlyArray<FirewallRule>
  /** As far as the role may list forwards. */
  readonly otherForwards: ReadonlyArray<Forward>
  /** Name of the Services that the address is tagged to be kept for. */
  readonly keptFor: string | undefined
  /** It is this Service's name. */
  readonly kept: boolean
}

/** What a forward of the Service looks like. */
export interface ForwardShape {
  readonly protocol: "tcp" | "udp"
  readonly publicPort: number
  readonly privatePort: number
}

export interface Claimant {
  readonly cluster: Cluster
  readonly uid: string
  /** `<namespace>/<name>`. */
  readonly name: string
  /** A `spec.loadBalancerIP` or the like names an address: whoever allocated it, it may be the user's. */
  readonly namesAddress: boolean
  /** Apache's own mark that it associated the named address. */
  readonly apacheMarker: boolean
  /** Source lists that rules of ours may have, where they cannot be tagged. */
  readonly expectedSources: ReadonlyArray<ReadonlyArray<string>>
  /** Public ports the Service wants. */
  readonly wantedPorts: ReadonlyArray<number>
  /** All ports of the Service as forwards, wanted or not: what untagged ones are recognised by. */
  readonly forwardShapes: ReadonlyArray<ForwardShape>
  /** Ids of firewall rules and forwards that this process made for it. */
  readonly made: ReadonlySet<string>
  /** When each address was that this process allocated, for whichever Service. */
  readonly allocations: ReadonlyMap<AddressId, number>
  /** By what rules of an earlier provider are told; undefined = they are not taken over. */
  readonly adoption: Adoption | undefined
}

export const mayBeReleased = (address: PublicAddress): boolean =>
  !address.isSourceNat && !address.isStaticNat && !address.isSystem

/** IP protocol of a load balancer rule; one made without a protocol is tcp. */
export const ipProtocolOf = (protocol: string): "tcp" | "udp" => (protocol.toLowerCase() === "udp" ? "udp" : "tcp")

const sameList = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): boolean =>
  a.length === b.length && canonicalText(a).every((text, index) => text === canonicalText(b)[index])

/** Until the address or a rule on it bears its mark, another Service that names it would take it for the user's. */
const isAllocatedHere = ({ allocatedAt, id }: PublicAddress, { allocations }: Claimant): boolean =>
  allocatedAt !== undefined && allocations.get(id) === allocatedAt

/**
 * Decided by marks of this cluster on the address or on any rule of it. Without a mark, an address with rules of another
 * provider counts as ours only if that provider certainly allocated it.
 */
const ownershipOf = (holding: Holding, claimant: Claimant, rules: ReadonlyArray<HeldRule>): AddressOwnership => {
  const { address } = holding
  if (!mayBeReleased(address)) return "given"
  if (taggedByCluster(claimant.cluster, address.tags)) return "owned"
  if (isMarked(address.tags)) return "given"
  if (isAllocatedHere(address, claimant)) return "owned"
  const marks = holding.rules.flatMap((rule) => addressMark(claimant.cluster, rule) ?? [])
  if (marks.length > 0) return marks.includes("owned") ? "owned" : "given"
  const alone = rules.length > 0 && rules.length === holding.rules.length
  return alone && (claimant.apacheMarker || !claimant.namesAddress) ? "owned" : "given"
}

const isExact = (rule: FirewallRule, port: number, protocol: string): boolean =>
  rule.startPort === port && (rule.endPort ?? rule.startPort) === port && rule.protocol.toLowerCase() === protocol

/** Made by another provider, whether taken over by now or not: no rule of ours is without its description. */
export const isTakenOver = ({ description }: HeldRule): boolean =>
  description === "" || !description.startsWith("cloudstack-ccm:")

/** There was no firewall rule on its port when it was made, so whatever is there now came with it. */
const bringsBorder = ({ description }: HeldRule): boolean => parseDescription(description)?.border === true

/**
 * Without a tag a firewall rule is ours if we made it, or if nothing else can have made it: on an address of ours, or on
 * a port that had none before. With a rule of another provider comes the firewall rule that this one would have made.
 */
const claimsFirewall = (
  rule: FirewallRule,
  holding: Holding,
  claimant: Claimant,
  ownership: AddressOwnership,
  ports: ReadonlySet<number>,
  rules: ReadonlyArray<HeldRule>
): boolean => {
  if (isMarked(rule.tags)) return taggedService(claimant.cluster, rule.tags) === claimant.uid
  if (claimant.made.has(rule.id)) return true
  const { startPort } = rule
  if (startPort === undefined || !ports.has(startPort) || !isExact(rule, startPort, rule.protocol.toLowerCase())) {
    return false
  }
  const protocol = rule.protocol.toLowerCase()
  const beside = rules.filter((one) => one.publicPort === startPort && ipProtocolOf(one.protocol) === protocol)
  const alone = ownership === "owned" || beside.some(bringsBorder)
  if (!alone && !beside.some(isTakenOver)) return false
  if (claimant.expectedSources.some((sources) => sameList(sources, rule.cidrs))) return true
  if (!alone) return false
  // Sources that came later may have a rule of their own.
  if (claimant.expectedSources.some((sources) => rule.cidrs.every((cidr) => sources.includes(cidr)))) return true
  // The sources may have changed while nobody was there. A rule beside one that is marked is somebody's own.
  return holding.firewall.filter((other) => isExact(other, startPort, protocol)).length === 1
}

export const isForwardOf = (forward: Forward, { privatePort, protocol, publicPort }: ForwardShape): boolean =>
  forward.publicPort === publicPort &&
  forward.publicEndPort === publicPort &&
  forward.privatePort === privatePort &&
  forward.protocol.toLowerCase() === protocol

/** It was allocated for a Service that is neither this one nor one that left it to this one's name. */
const isAnothers = ({ tags }: PublicAddress, { cluster, name, uid }: Claimant): boolean => {
  const owner = taggedService(cluster, tags)
  return owner !== undefined && owner !== uid && keptName(cluster, tags) !== name
}

/**
 * Without a tag a forward is ours if we made it, or if it is exactly one of the Service's on an address of ours. A node
 * port that one Service gives up may be given to the next: on an address of another one, where this one never asked to
 * be, a look-alike proves nothing.
 */
const claimsForward = (
  forward: Forward,
  address: PublicAddress,
  claimant: Claimant,
  ownership: AddressOwnership
): boolean => {
  if (isMarked(forward.tags)) return taggedService(claimant.cluster, forward.tags) === claimant.uid
  if (claimant.made.has(forward.id)) return true
  if (ownership !== "owned" || (isAnothers(address, claimant) && !claimant.namesAddress)) return false
  return claimant.forwardShapes.some((shape) => isForwardOf(forward, shape))
}

export const claims = (holding: Holding, claimant: Claimant): Claims => {
  const keptFor = keptName(claimant.cluster, holding.address.tags)
  const mine = holding.rules.filter((rule) => isRuleOf(rule, holding.address, claimant))
  const ownership = ownershipOf(holding, claimant, mine)
  const others = holding.rules.filter((rule) => !mine.includes(rule))
  const taken = new Set(others.map((rule) => rule.publicPort))
  const { forwards: forwarded = [] } = holding
  const forwards = forwarded.filter((forward) => claimsForward(forward, holding.address, claimant, ownership))
  const ports = new Set(
    [...[...mine, ...forwards].map(({ publicPort }) => publicPort), ...claimant.wantedPorts].filter(
      (port) => !taken.has(port)
    )
  )
  const firewall = holding.firewall.filter((rule) => claimsFirewall(rule, holding, claimant, ownership, ports, mine))
  return {
    address: holding.address,
    ownership,
    tagged: taggedByCluster(claimant.cluster, holding.address.tags),
    rules: mine,
    firewall,
    forwards,
    otherRules: others,
    otherFirewall: holding.firewall.filter((rule) => !firewall.includes(rule)),
    otherForwards: forwarded.filter((forward) => !forwards.includes(forward)),
    keptFor,
    kept: keptFor === claimant.name
  }
}

/** Something on the address, or the address itself, is the Service's. */
export const isClaimed = (own: Claims, claimant: Pick<Claimant, "cluster" | "uid" | "made">): boolean =>
  own.rules.length > 0 ||
  own.forwards.length > 0 ||
  own.kept ||
  own.firewall.some(
    ({ id, tags }) => taggedService(claimant.cluster, tags) === claimant.uid || claimant.made.has(id)
  ) ||
  taggedService(claimant.cluster, own.address.tags) === claimant.uid

/** That something of this cluster bears its tag is proof that the role may tag. */
export const tagsWork = (holdings: ReadonlyArray<Holding>, { cluster }: Claimant): boolean =>
  holdings.some(
    ({ address, firewall }) =>
      taggedByCluster(cluster, address.tags) || firewall.some((rule) => taggedByCluster(cluster, rule.tags))
  )
