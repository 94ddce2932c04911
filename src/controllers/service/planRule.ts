/**
 * One load balancer rule: made with its members, changed in place, or made anew where it cannot be; and what of an
 * earlier provider's lists of sources it holds. Pure.
 */
import { admits, anywhere, canonicalText } from "../../domain/Cidr.ts"
import type { NetworkId, RuleId, VmId } from "../../domain/Cloud.ts"
import { type Cluster, parseDescription, ruleName, type ServiceIdentity } from "../../domain/Ownership.ts"
import { chain, type Plan } from "./chains.ts"
import type { Claims, HeldRule } from "./claims.ts"
import { ipProtocolOf, isTakenOver } from "./claims.ts"
import { isHeldTogether } from "./heldTogether.ts"
import { blockingForwards } from "./planForwards.ts"
import { isOn } from "./planRetirement.ts"
import { keptStickiness, newDescription, stickinessSteps, stickyDescription } from "./planStickiness.ts"
import { Step } from "./steps.ts"
import type { Wanted, WantedMembers, WantedPort } from "./wanted.ts"

export interface PlanInput {
  readonly wanted: Pick<Wanted, "ports" | "members" | "targets" | "keep" | "border" | "ruleSources">
  readonly own: Claims
  readonly cluster: Cluster
  readonly service: ServiceIdentity
  /** Only in a VPC. */
  readonly networkId?: NetworkId
  /** Rules that the server would not change in place: they are made anew. */
  readonly rigid: ReadonlySet<RuleId>
  /** Tags are known to work, so rules found without theirs get them. */
  readonly retag: boolean
}

const without = (from: ReadonlyArray<VmId>, these: ReadonlyArray<VmId>): ReadonlyArray<VmId> => {
  const known = new Set(these)
  return from.filter((vm) => !known.has(vm))
}
export const missing = (members: WantedMembers, have: ReadonlyArray<VmId>): ReadonlyArray<VmId> => {
  if (members._tag === "Keep") return []
  const absent = without(members.vms, have)
  return members._tag === "Within" && absent.length < members.vms.length ? [] : absent
}
export const surplus = (members: WantedMembers, have: ReadonlyArray<VmId>): ReadonlyArray<VmId> =>
  members._tag === "Keep" ? [] : without(have, members.vms)

/** `cidrlist` of a rule: no list and everybody are the same. */
const isUnrestricted = (cidrs: ReadonlyArray<string>): boolean => cidrs.length === 0 || cidrs.includes("0.0.0.0/0")
const sameSources = (have: ReadonlyArray<string>, want: ReadonlyArray<string>): boolean => {
  if (isUnrestricted(have) || isUnrestricted(want)) return isUnrestricted(have) && isUnrestricted(want)
  const [a, b] = [canonicalText(have), canonicalText(want)]
  return a.length === b.length && a.every((text, index) => text === b[index])
}

/** Where the firewall takes care of sources, a list on the rule itself is only kept true, never added. */
const ruleSources = (input: PlanInput, rule: HeldRule, want: WantedPort): ReadonlyArray<string> | undefined => {
  if (want.sources === undefined) return undefined
  if (input.wanted.border === "firewall") {
    // An earlier provider's firewall rule that cannot be told any more is not ours to close: its rule can do it.
    const isLeftOpen =
      isTakenOver(rule) &&
      input.own.otherFirewall.some(
        (other) =>
          isOn(other, want.port, want.ipProtocol) && other.cidrs.some((cidr) => !admits(want.sources ?? [], cidr))
      )
    if (isUnrestricted(rule.cidrs) ? !isLeftOpen : isHeld(input, want)) return undefined
  }
  return sameSources(rule.cidrs, want.sources) ? undefined : want.sources
}

/**
 * On an address of the user's the description also says that the port's firewall rules are ours, if there is no other
 * now: where the role may not tag, nothing else could say it later.
 */
const markOf = ({ cluster, own, service, wanted }: PlanInput, { ipProtocol, port }: WantedPort) => ({
  cluster: cluster.id,
  serviceUid: service.uid,
  address: own.ownership,
  border:
    own.ownership === "given" &&
    wanted.border === "firewall" &&
    !own.otherFirewall.some((rule) => isOn(rule, port, ipProtocol))
})

/** What a rule says of its border stays true. */
const markFor = (input: PlanInput, { description }: HeldRule, want: WantedPort) => {
  const mark = markOf(input, want)
  return { ...mark, border: mark.border || parseDescription(description)?.border === true }
}

const changeOf = (input: PlanInput, rule: HeldRule, want: WantedPort) => {
  const { uid } = input.service
  const protocol = rule.protocol === "" ? "tcp" : rule.protocol.toLowerCase()
  const sources = ruleSources(input, rule, want)
  const change = {
    // The name says the protocol; other names (of other providers) stay as they are until it changes.
    ...(want.protocol === undefined || want.protocol === protocol
      ? {}
      : { protocol: want.protocol, name: ruleName(uid, want.protocol, want.port) }),
    ...(want.algorithm === undefined || want.algorithm === rule.algorithm.toLowerCase()
      ? {}
      : { algorithm: want.algorithm }),
    ...(sources === undefined ? {} : { cidrs: sources }),
    ...stickyDescription(markFor(input, rule, want), rule, want)
  }
  // Since 4.22 an update of a rule made without a protocol fails unless it names one.
  return Object.keys(change).length > 0 && rule.protocol === "" ? { protocol, ...change } : change
}

/** Its list of sources goes with it: a rule that is made anew, or gives way to a forward, holds nothing together. */
export const isHeld = ({ own, rigid }: PlanInput, want: WantedPort): boolean => {
  const rule = own.rules.find(({ publicPort }) => publicPort === want.port)
  if (rule === undefined || want.via !== "rule" || rule.privatePort !== want.nodePort || rigid.has(rule.id))
    return false
  return isHeldTogether(own, want)
}

export const ruleKey = (port: number): string => `rule ${port}`

const createSteps = (
  input: PlanInput,
  want: WantedPort,
  vms: ReadonlyArray<VmId>,
  /** What is made anew had a list of its own. */
  listed = false
): ReadonlyArray<Step> => {
  const { networkId, own, service, wanted } = input
  const { algorithm, port, protocol, sources } = want
  // A new rule waits for the setting that could not be read; nothing is ever open by accident.
  if (protocol === undefined || algorithm === undefined || sources === undefined) return []
  const rule = {
    addressId: own.address.id,
    ...(networkId === undefined ? {} : { networkId }),
    name: ruleName(service.uid, protocol, port),
    description: newDescription(markOf(input, want), want),
    publicPort: port,
    privatePort: want.nodePort,
    algorithm,
    protocol,
    ...((listed || wanted.border !== "firewall") && !isUnrestricted(sources) ? { cidrs: sources } : {})
  }
  return [
    Step.CreateRule({ rule, verify: wanted.ruleSources === "unknown" && "cidrs" in rule }),
    ...(vms.length === 0 ? [] : [Step.AddMembers({ rule: { madeFor: port }, port, vms })]),
    ...stickinessSteps({ madeFor: port }, [], want)
  ]
}

export const planRule = (input: PlanInput, want: WantedPort): Plan => {
  const { own, rigid, wanted } = input
  const { port } = want
  const key = ruleKey(port)
  const rule = own.rules.find(({ publicPort }) => publicPort === port)
  if (rule === undefined) {
    const vms = wanted.members._tag === "Keep" ? [] : wanted.members.vms
    const steps = createSteps(input, want, vms)
    return { traffic: steps.length === 0 ? [] : chain(key, [...blockingForwards(own, port), ...steps]), cleanup: [] }
  }
  const change = changeOf(input, rule, want)
  const changes = Object.keys(change).length > 0
  // Ports cannot be changed in place, nor can a list of sources before 4.22, nor can tcp become udp.
  const { ruleSources } = wanted
  const stuck =
    (change.cidrs !== undefined && (ruleSources === "create" || ruleSources === "none")) ||
    rule.privatePort !== want.nodePort ||
    ipProtocolOf(rule.protocol) !== want.ipProtocol ||
    (changes && rigid.has(rule.id))
  if (stuck) {
    const remade: WantedPort = {
      ...want,
      protocol: want.protocol ?? (rule.protocol === "tcp-proxy" ? "tcp-proxy" : want.ipProtocol),
      algorithm: want.algorithm ?? rule.algorithm,
      sources: want.sources ?? (rule.cidrs.length === 0 ? [anywhere] : rule.cidrs),
      stickiness: keptStickiness(rule.policies, want)
    }
    const vms = without(
      [...rule.members, ...missing(wanted.members, rule.members)],
      surplus(wanted.members, rule.members)
    )
    const steps = createSteps(input, remade, vms, !isUnrestricted(rule.cidrs))
    return {
      traffic: steps.length === 0 ? [] : chain(key, [Step.DeleteRule({ id: rule.id, port }), ...steps]),
      cleanup: []
    }
  }
  const add = missing(wanted.members, rule.members)
  const drop = surplus(wanted.members, rule.members)
  return {
    traffic: chain(key, [
      ...(changes
        ? [
            Step.UpdateRule({
              id: rule.id,
              port,
              change,
              verify: ruleSources === "unknown" && change.cidrs !== undefined
            })
          ]
        : []),
      ...(add.length === 0 ? [] : [Step.AddMembers({ rule: { id: rule.id }, port, vms: add })]),
      ...stickinessSteps({ id: rule.id }, rule.policies, want)
    ]),
    cleanup: chain(
      `members ${port}`,
      drop.length === 0 ? [] : [Step.RemoveMembers({ id: rule.id, port, vms: drop })],
      // A rule that stays never serves from an empty set.
      [key]
    )
  }
}
