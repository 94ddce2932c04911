/**
 * Which items the ACL list of a VPC tier gets for a Service: one per port, let in for the same sources, before whatever
 * denies everything. Only items with the Service's mark are changed or deleted; those of others are only read. Pure.
 *
 * The items do not restrict the load balancer: a VPC's router lets its traffic in before it looks at ACLs. So an item
 * that cannot be had is told and stops nothing.
 */
import { admittingMore, freeNumbers, letsIn, limitOf } from "../../domain/AclOrder.ts"
import { admits, canonicalText } from "../../domain/Cidr.ts"
import type { AclItem, AclListId } from "../../domain/Cloud.ts"
import { aclReason, type Cluster, isOurReason } from "../../domain/Ownership.ts"
import type { Note } from "../../domain/Refusal.ts"
import { type Chain, chain } from "./chains.ts"
import { Step } from "./steps.ts"
import type { WantedPort } from "./wanted.ts"

/** The list of the tier, and what may be done to it. */
export interface TierAcl {
  readonly listId: AclListId
  readonly listName: string
  readonly networkName: string
  /** Why no items may be made. */
  readonly closed?: "shared" | "refused" | "invisible"
  /** Items can be changed in place. */
  readonly editable: boolean
  /** Where numbers begin, if the operator says so. */
  readonly numberStart?: number
}

export interface AclInput {
  readonly cluster: Cluster
  readonly uid: string
  readonly tier?: TierAcl
  /** Of all lists: items that the Service has in a list that its tier no longer uses go. */
  readonly items: ReadonlyArray<AclItem>
  readonly ports: ReadonlyArray<AclPort>
}

/** A port as traffic has it when it comes to the tier. */
export interface AclPort extends Pick<WantedPort, "port" | "ipProtocol" | "sources" | "via"> {
  /** Its rule is an earlier provider's, whose own item does for it: to take over is no work for the router. */
  readonly takenOver?: boolean
}

export interface AclPlan {
  readonly chains: ReadonlyArray<Chain>
  readonly notes: ReadonlyArray<Note>
}

const isExactly = (item: AclItem, port: number, protocol: string): boolean =>
  item.action === "allow" &&
  item.direction === "ingress" &&
  item.protocol.toLowerCase() === protocol &&
  item.startPort === port &&
  (item.endPort ?? item.startPort) === port

const same = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): boolean =>
  a.length === b.length && canonicalText(a).every((text, index) => text === canonicalText(b)[index])

const closeAll = (items: ReadonlyArray<AclItem>): ReadonlyArray<Chain> =>
  items.flatMap(({ id, startPort = 0 }) => chain(`acl item ${id}`, [Step.CloseAcl({ id, port: startPort })]))

const closedTexts: Readonly<Record<NonNullable<TierAcl["closed"]>, readonly [string, string]>> = {
  shared: ["it belongs to all VPCs", "give the tier a list of its own (replaceNetworkACLList)"],
  refused: [
    "CloudStack refuses this key's items in it",
    "give the tier a list that the key's account owns (replaceNetworkACLList), or allow createNetworkACL"
  ],
  invisible: ["the key's role may not see what is in it", "allow listNetworkACLs to the role"]
}

const harmless = "Load balancer traffic passes all the same: CloudStack's VPC routers let it in before their ACLs."
/** Only the list stands between the world and a forward. */
const harmful = "Ports by port forwarding get only the traffic that the list lets in, from whomever it does."

const listOf = (tier: TierAcl): string => `Network ACL list ${tier.listName} of tier ${tier.networkName}`

const closedNote = (tier: TierAcl, closed: NonNullable<TierAcl["closed"]>, forwarded: boolean): Note => {
  const [cause, remedy] = closedTexts[closed]
  const effect = forwarded ? `${harmless} ${harmful}` : harmless
  const message = `${listOf(tier)} stays as it is, because ${cause}. ${effect} To have the Service's ports in it, ${remedy}`
  return { type: "Warning", reason: "NetworkACLNotChanged", message }
}

const fullNote = (tier: TierAcl, port: number): Note => {
  const message = `${listOf(tier)} has no free number in front of the item that denies everything, so port ${port} gets no item. ${harmless} ${harmful} Give that item a higher number`
  return { type: "Warning", reason: "NetworkACLFull", message }
}

/** Others' items are theirs to keep, but a forward that they open is the user's to know. */
const excessNotes = ({ ports }: AclInput, tier: TierAcl, others: ReadonlyArray<AclItem>): ReadonlyArray<Note> => {
  const excess = ports.flatMap(({ ipProtocol, port, sources, via }) =>
    via === "forward" && sources !== undefined ? admittingMore(others, ipProtocol, port, sources) : []
  )
  if (excess.length === 0) return []
  const numbers = [...new Set(excess.map(({ number }) => number))].join(", ")
  const message = `${listOf(tier)} has items that are not ours and let more sources come to the Service's forwarded ports than it allows: number ${numbers}. Remove them in CloudStack if that is not meant`
  return [{ type: "Warning", reason: "NetworkACLAdmitsMore", message }]
}

interface PortPlan {
  readonly kept?: AclItem
  readonly chains: ReadonlyArray<Chain>
  readonly notes: ReadonlyArray<Note>
}

interface PortInput {
  readonly input: AclInput
  readonly tier: TierAcl
  /** Items of the list, whoever made them. */
  readonly list: ReadonlyArray<AclItem>
  /** Where items of others begin to deny everything. */
  readonly limit: number
  /** Numbers of items that are there, and of those that other ports get. */
  readonly taken: Set<number>
  readonly want: AclPort
  readonly sources: ReadonlyArray<string>
}

const opening = ({ input, sources, tier, want }: PortInput, numbers: ReadonlyArray<number>): Step =>
  Step.OpenAcl({
    item: {
      listId: tier.listId,
      numbers,
      protocol: want.ipProtocol,
      port: want.port,
      cidrs: sources,
      reason: aclReason(input.cluster, input.uid)
    }
  })

const keyOf = ({ ipProtocol, port }: PortInput["want"]): string => `acl ${ipProtocol}/${port}`

/** Candidates for one item; the first of them is no other port's. */
const place = ({ limit, taken, tier }: PortInput): ReadonlyArray<number> => {
  const numbers = freeNumbers(taken, limit, tier.numberStart)
  const [first] = numbers
  if (first !== undefined) taken.add(first)
  return numbers
}

const make = (of: PortInput): PortPlan => {
  const numbers = place(of)
  if (numbers.length === 0) return { chains: [], notes: [fullNote(of.tier, of.want.port)] }
  return { chains: chain(keyOf(of.want), [opening(of, numbers)]), notes: [] }
}

/** Never given to the router: the server was stopped in the middle of making it. */
const isUnfinished = ({ state }: AclItem): boolean => state.toLowerCase() === "add"

/** The item that is there gets the wanted sources, and a number that counts. */
const adjust = (of: PortInput, kept: AclItem): PortPlan => {
  const { limit, sources, tier, want } = of
  const { port } = want
  const moves = kept.number > limit
  const changes = !same(kept.cidrs, sources) || isUnfinished(kept)
  if (!moves && !changes) return { kept, chains: [], notes: [] }
  const key = keyOf(want)
  const numbers = moves || !tier.editable ? place(of) : []
  const notes = moves && numbers.length === 0 ? [fullNote(tier, port)] : []
  if (tier.editable) {
    const change = {
      listId: tier.listId,
      ...(changes ? { cidrs: sources } : {}),
      ...(numbers.length > 0 ? { numbers } : {})
    }
    const steps = changes || numbers.length > 0 ? [Step.UpdateAcl({ id: kept.id, port, change })] : []
    return { kept, chains: chain(key, steps), notes }
  }
  const closing = Step.CloseAcl({ id: kept.id, port })
  if (numbers.length === 0) {
    const steps = changes ? [closing, opening(of, [kept.number])] : []
    return { kept, chains: chain(key, steps), notes }
  }
  // The new one first, so that sources that stay are never shut out. Revoked ones close even if it cannot be made.
  const revokes = kept.cidrs.some((cidr) => !admits(sources, cidr))
  const steps = [opening(of, numbers), ...(revokes ? [] : [closing])]
  return { kept, chains: [{ key, steps, always: revokes ? [closing] : [], needs: [] }], notes }
}

const planPort = (of: Omit<PortInput, "sources">, ours: ReadonlyArray<AclItem>): PortPlan => {
  const { limit, want } = of
  const [kept] = ours
    .filter((item) => isExactly(item, want.port, want.ipProtocol))
    .sort((a, b) => Number(a.number > limit) - Number(b.number > limit) || a.number - b.number)
  const { sources } = want
  // A demand for sources that is not understood keeps what is there and makes nothing.
  if (sources === undefined) return { ...(kept === undefined ? {} : { kept }), chains: [], notes: [] }
  const isIn = (source: string) => letsIn(of.list, want.ipProtocol, want.port, source)
  if (kept === undefined && want.takenOver === true && sources.every(isIn)) return { chains: [], notes: [] }
  return kept === undefined ? make({ ...of, sources }) : adjust({ ...of, sources }, kept)
}

/** In a list that stays as it is: told if it keeps out what is wanted. */
const planClosed = (
  { ports }: AclInput,
  tier: TierAcl,
  closed: NonNullable<TierAcl["closed"]>,
  list: ReadonlyArray<AclItem>
): ReadonlyArray<Note> => {
  const shut = ports.some(({ ipProtocol, port, sources }) =>
    sources?.some((source) => !letsIn(list, ipProtocol, port, source))
  )
  const forwarded = ports.some(({ via }) => via === "forward")
  return shut ? [closedNote(tier, closed, forwarded)] : []
}

export const planAcl = (input: AclInput): AclPlan => {
  const { cluster, items, ports, tier, uid } = input
  const ours = items.filter(({ reason, state }) => state !== "Deleting" && isOurReason(cluster, uid, reason))
  if (tier === undefined) return { chains: closeAll(ours), notes: [] }
  const list = items.filter(({ listId }) => listId === tier.listId)
  const inList = ours.filter(({ listId }) => listId === tier.listId)
  const others = list.filter((item) => !inList.includes(item))
  const excess = excessNotes(input, tier, others)
  if (tier.closed !== undefined) {
    const elsewhere = ours.filter((item) => !inList.includes(item))
    return { chains: closeAll(elsewhere), notes: [...planClosed(input, tier, tier.closed, list), ...excess] }
  }
  const taken = new Set(list.map(({ number }) => number))
  const plans = ports.map((want) =>
    planPort({ input, tier, list, want, taken, limit: limitOf(others, want.ipProtocol) }, inList)
  )
  const kept = new Set(plans.flatMap((plan) => plan.kept ?? []))
  return {
    chains: [...plans.flatMap(({ chains }) => chains), ...closeAll(ours.filter((item) => !kept.has(item)))],
    notes: [...plans.flatMap(({ notes }) => notes), ...excess]
  }
}
