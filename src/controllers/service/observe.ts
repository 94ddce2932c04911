/** The reads of a reconcile: from caches to decide whether there is work, afresh before anything is changed. */
import { Duration, Effect, Option } from "effect"
import { CallPriority } from "../../cloudstack/Api.ts"
import { Inventory } from "../../cloudstack/Inventory.ts"
import { Machines } from "../../cloudstack/Machines.ts"
import { Networks } from "../../cloudstack/Networks.ts"
import { Settings } from "../../config/Settings.ts"
import { decodeAnnotations } from "../../domain/Annotations.ts"
import { isCandidate } from "../../domain/Candidates.ts"
import type { AddressId, Holding, Network } from "../../domain/Cloud.ts"
import { indexMachines, resolveMachine } from "../../domain/NodeIdentity.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { ClusterId } from "../ClusterIdentity.ts"
import { claimantOf } from "./claimant.ts"
import { type Claimant, claims, isClaimed } from "./claims.ts"
import { desired, wantedAddress } from "./desired.ts"
import { MadeFirewallRules } from "./MadeFirewallRules.ts"
import { chooseNetwork } from "./network.ts"
import type { Desired } from "./wanted.ts"

/** How old the VM list may be when nodes have changed: their VMs are as new as they are. */
const membershipAge = Duration.seconds(5)

export const claimantFor = Effect.fnUntraced(function* (service: Service) {
  const cluster = yield* ClusterId
  const { ids } = yield* MadeFirewallRules
  return claimantOf(service, cluster, ids)
})

/** The VMs of the account; read again if a candidate node is not among those of the cache. */
const readMachines = Effect.fnUntraced(function* () {
  const machines = yield* Machines
  const { vmCacheTtl } = yield* (yield* Settings).current
  const nodes = yield* (yield* Nodes).all
  const cached = indexMachines((yield* machines.list(Duration.toMillis(vmCacheTtl))).machines)
  const unknown = nodes.some((node) => isCandidate(node) && resolveMachine(node, cached)._tag === "Missing")
  const membership = (yield* CallPriority) === "membership"
  if (!unknown && !membership) return cached
  return indexMachines((yield* machines.list(Duration.toMillis(membershipAge))).machines)
})

export type Demand =
  | { readonly _tag: "Known"; readonly network: Network; readonly desired: Desired; readonly claimant: Claimant }
  /** No network can be told, or it is not visible. */
  | { readonly _tag: "NoNetwork"; readonly cause: string }

/** What the Service wants, given the holdings. */
export const demandOf = Effect.fn("service.demandOf")(function* (service: Service, holdings: ReadonlyArray<Holding>) {
  const settings = yield* (yield* Settings).current
  const nodes = yield* (yield* Nodes).all
  const claimant = yield* claimantFor(service)
  const machines = yield* readMachines()
  const address = wantedAddress(service, decodeAnnotations(service.annotations, service.ports))
  const id = chooseNetwork({ service, address, claimant, holdings, nodes, machines, configured: settings.networkId })
  if (id === undefined) {
    const cause = "no candidate node can be told to be a VM with a network, and network-id is not set"
    return { _tag: "NoNetwork", cause } satisfies Demand
  }
  const network = yield* (yield* Networks).find(id)
  if (Option.isNone(network)) {
    return { _tag: "NoNetwork", cause: `network ${id} is not visible with this key and project` } satisfies Demand
  }
  const { allowedAddresses } = settings
  const wanted = desired({ service, nodes, machines, network: network.value, allowedAddresses })
  return { _tag: "Known", network: network.value, desired: wanted, claimant } satisfies Demand
})

/** What a Service may have something on, or wants: the rest of the inventory need not be known to the last detail. */
const relevance = Effect.fnUntraced(function* (service: Service) {
  const claimant = yield* claimantFor(service)
  const address = wantedAddress(service, decodeAnnotations(service.annotations, service.ports))
  return (holding: Holding) =>
    isClaimed(claims(holding, claimant), claimant) || (address._tag === "Named" && holding.address.ip === address.ip)
})

/** To decide whether there is work. */
export const cachedHoldings = Effect.fn("service.cachedHoldings")(function* (service: Service) {
  const inventory = yield* Inventory
  return yield* inventory.holdings(yield* relevance(service))
})

/** To decide what to change: the addresses concerned read anew, or where none is known to be, a look at all of them. */
export const freshHoldings = Effect.fn("service.freshHoldings")(function* (
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
