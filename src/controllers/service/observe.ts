/** The reads of a reconcile: from caches to decide whether there is work, afresh before anything is changed. */
import { Clock, Duration, Effect, Option } from "effect"
import { CallPriority } from "../../cloudstack/Api.ts"
import { Capabilities, type RuleSources } from "../../cloudstack/Capabilities.ts"
import { Inventory } from "../../cloudstack/Inventory.ts"
import { Machines } from "../../cloudstack/Machines.ts"
import { Settings } from "../../config/Settings.ts"
import { isUnmarkedRule } from "../../domain/Adoption.ts"
import { addressIdAnnotation, decodeAnnotations } from "../../domain/Annotations.ts"
import { isCandidate } from "../../domain/Candidates.ts"
import type { AddressId, Holding, Machine, Network, NetworkId, RuleId } from "../../domain/Cloud.ts"
import { indexMachines, type MachineIndex, resolveMachine } from "../../domain/NodeIdentity.ts"
import { perObject } from "../../domain/perObject.ts"
import type { Note, Refusal } from "../../domain/Refusal.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import type { Node, Service } from "../../kubernetes/objects.ts"
import { ClusterId } from "../ClusterIdentity.ts"
import { abilitiesFor } from "./abilities.ts"
import { claimantOf } from "./claimant.ts"
import { type Claimant, claims, isClaimed, tagsWork } from "./claims.ts"
import { borderOf, desired, membersIn, namedAddress, wantedAddress } from "./desired.ts"
import { findNetwork } from "./findNetwork.ts"
import { MadeObjects } from "./MadeObjects.ts"
import { type Members, noNodes } from "./members.ts"
import { ServiceOptions } from "./options.ts"
import type { AclInput } from "./planAcl.ts"
import { aclItemsFor, hasVpc, tierAclOf } from "./tierAcl.ts"
import { recognise } from "./unmarked.ts"
import type { Border, Desired } from "./wanted.ts"

/** How old the VM list may be when nodes have changed: their VMs are as new as they are. */
const membershipAge = Duration.seconds(5)

export const claimantFor = Effect.fnUntraced(function* (service: Service) {
  const cluster = yield* ClusterId
  const { allocations, of } = yield* MadeObjects
  return claimantOf(service, cluster, { made: of(service.uid), allocations }, yield* ServiceOptions)
})

const indexed = perObject((machines: ReadonlyArray<Machine>) => indexMachines(machines))

/** Whether some candidate node is not among the VMs. */
const lacks = perObject((nodes: ReadonlyArray<Node>) =>
  perObject((index: MachineIndex) =>
    nodes.some((node) => isCandidate(node) && resolveMachine(node, index)._tag === "Missing")
  )
)

/** The VMs of the account; read again if a candidate node is not among those of the cache. */
const readMachines = Effect.fnUntraced(function* () {
  const machines = yield* Machines
  const { vmCacheTtl } = yield* (yield* Settings).current
  const nodes = yield* (yield* Nodes).all
  const cached = indexed((yield* machines.list(Duration.toMillis(vmCacheTtl))).machines)
  const membership = (yield* CallPriority) === "membership"
  if (!lacks(nodes)(cached) && !membership) return cached
  return indexed((yield* machines.list(Duration.toMillis(membershipAge))).machines)
})

export type Demand =
  | {
      readonly _tag: "Known"
      readonly network: Network
      readonly border: Border
      readonly ruleSources: RuleSources
      readonly desired: Desired
      readonly claimant: Claimant
      /** The Service's own, and the one that it names. */
      readonly holdings: ReadonlyArray<Holding>
      readonly acl: Pick<AclInput, "items" | "tier">
      readonly notes: ReadonlyArray<Note>
      /** What may serve it in a network that it may be about to leave. */
      readonly membersIn: (networkId: NetworkId) => Members
    }
  /** No network can be told, or it is not visible. */
  | {
      readonly _tag: "NoNetwork"
      readonly refusal: Refusal
      readonly notes: ReadonlyArray<Note>
      readonly claimant: Claimant
      readonly holdings: ReadonlyArray<Holding>
      readonly membersIn: (networkId: NetworkId) => Members
    }

/** The server is only asked where the rules themselves have to restrict sources. */
const ruleSourcesIn = Effect.fnUntraced(function* (network: Network) {
  return borderOf(network) === "firewall" ? ("unknown" as const) : yield* (yield* Capabilities).ruleSources
})

const aclOf = Effect.fnUntraced(function* (network: Network, holdings: ReadonlyArray<Holding>) {
  const items = yield* aclItemsFor(holdings)
  const tier = borderOf(network) === "acl" ? yield* tierAclOf(network, Option.isSome(items)) : undefined
  return { items: Option.getOrElse(items, () => []), ...(tier === undefined ? {} : { tier }) }
})

const heldForwards = (holdings: ReadonlyArray<Holding>, claimant: Claimant): ReadonlySet<number> =>
  new Set(
    holdings
      .flatMap((holding) => claims(holding, claimant).forwards)
      .flatMap(({ protocol, publicPort }) => (protocol.toLowerCase() === "tcp" ? [publicPort] : []))
  )

/** What a Service may have something on, or wants: the rest of the inventory is none of its business. */
const relevance = Effect.fnUntraced(function* (service: Service) {
  const claimant = yield* claimantFor(service)
  const named = namedAddress(service)
  // A hint only, of where to look: what the Service has put on an address since may not be in the cache.
  const shown = new Set([service.annotations[addressIdAnnotation], ...service.ingress.map(({ ip }) => ip)])
  return (holding: Holding) =>
    isClaimed(claims(holding, claimant), claimant) ||
    holding.address.ip === named ||
    shown.has(holding.address.id) ||
    shown.has(holding.address.ip)
})

/** What the Service wants, given the holdings. */
export const demandOf = Effect.fn("service.demandOf")(function* (service: Service, all: ReadonlyArray<Holding>) {
  const { allowedAddresses, networkId } = yield* (yield* Settings).current
  const nodes = yield* (yield* Nodes).all
  const claimant = yield* claimantFor(service)
  // There may be a thousand others: they are gone through once.
  const holdings = all.filter(yield* relevance(service))
  const machines = yield* readMachines()
  const annotations = decodeAnnotations(service.annotations, service.ports)
  const address = wantedAddress(service, annotations)
  const now = yield* Clock.currentTimeMillis
  const inNetwork = (id: NetworkId) => membersIn({ service, nodes, machines, now }, id)
  const found = yield* findNetwork(
    { service, address, claimant, holdings, nodes, machines, configured: networkId },
    annotations.network
  )
  if (found._tag === "Refused") {
    const notes = nodes.some(isCandidate) ? [] : [noNodes]
    const { refusal } = found
    return { _tag: "NoNetwork", refusal, notes, claimant, holdings, membersIn: inNetwork } satisfies Demand
  }
  const { network, notes } = found
  const ruleSources = yield* ruleSourcesIn(network)
  const wanted = desired({
    service,
    nodes,
    machines,
    network,
    allowedAddresses,
    ruleSources,
    abilities: yield* abilitiesFor(service, annotations, {
      tagsWork: tagsWork(all, claimant),
      adopts: holdings.some((holding) => claims(holding, claimant).rules.some(isUnmarkedRule))
    }),
    heldForwards: heldForwards(holdings, claimant),
    now
  })
  const acl = yield* aclOf(network, all)
  return {
    _tag: "Known",
    network,
    border: borderOf(network),
    ruleSources,
    desired: wanted,
    claimant,
    holdings,
    acl,
    notes,
    membersIn: inNetwork
  } satisfies Demand
})

/** To decide whether there is work. */
export const cachedHoldings = Effect.fn("service.cachedHoldings")(function* (service: Service) {
  const inventory = yield* Inventory
  const holdings = yield* inventory.holdings(yield* relevance(service))
  yield* recognise(holdings, yield* claimantFor(service))
  return holdings
})

const readAnew = Effect.fnUntraced(function* (
  service: Service,
  cached: ReadonlyArray<Holding>,
  concerned: ReadonlyArray<AddressId>
) {
  const inventory = yield* Inventory
  if (concerned.length === 0) return yield* inventory.survey(yield* relevance(service))
  const read = yield* Effect.forEach(concerned, inventory.fresh, { concurrency: "unbounded" })
  const others = cached.filter((holding) => !concerned.includes(holding.address.id))
  return [...others, ...read.flatMap(Option.toArray)]
})

/** To decide about members alone: those of these rules read anew, everything else as it is known. */
export const freshMembers = Effect.fn("service.freshMembers")(function* (
  cached: ReadonlyArray<Holding>,
  concerned: ReadonlyArray<AddressId>,
  rules: ReadonlyArray<RuleId>
) {
  const inventory = yield* Inventory
  const on = (id: AddressId) =>
    cached.flatMap(({ address, rules: held }) => (address.id === id ? held.map((rule) => rule.id) : []))
  const read = yield* Effect.forEach(
    concerned,
    (id) =>
      inventory.freshMembers(
        id,
        on(id).filter((rule) => rules.includes(rule))
      ),
    { concurrency: "unbounded" }
  )
  const others = cached.filter((holding) => !concerned.includes(holding.address.id))
  return [...others, ...read.flatMap(Option.toArray)]
})

/** To decide what to change: the addresses concerned read anew, or where none is known to be, a look at all of them. */
export const freshHoldings = Effect.fn("service.freshHoldings")(function* (
  service: Service,
  cached: ReadonlyArray<Holding>,
  concerned: ReadonlyArray<AddressId>
) {
  const inventory = yield* Inventory
  const holdings = yield* readAnew(service, cached, concerned)
  yield* recognise(holdings, yield* claimantFor(service))
  if (hasVpc(holdings)) yield* inventory.freshAclItems
  return holdings
})
