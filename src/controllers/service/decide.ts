/** One decision about a Service from given holdings: what to do in CloudStack and in Kubernetes, and what to tell. */
import { Effect } from "effect"
import type { MembersChange } from "../../cloudstack/Inventory.ts"
import type { AddressId, Holding, Network, NetworkId, PublicAddress, RuleId } from "../../domain/Cloud.ts"
import type { Note, Refusal } from "../../domain/Refusal.ts"
import type { Ingress, Service } from "../../kubernetes/objects.ts"
import { type Chain, isEmpty, type Plan, stepsOf } from "./chains.ts"
import { type Claimant, type Claims, claims, isClaimed } from "./claims.ts"
import { design } from "./design.ts"
import { demandOf } from "./observe.ts"
import { planMembers, planSources } from "./planStaying.ts"
import { pendingWrites } from "./publish.ts"
import { finalizer } from "./selection.ts"
import { membersOnly } from "./steps.ts"
import type { Wanted } from "./wanted.ts"

/** An address that is asked for, and where. */
export interface Named {
  readonly ip: string
  readonly field: string
}

export interface Decision {
  readonly refusal?: Refusal
  readonly notes: ReadonlyArray<Note>
  /** An address has to be acquired first; then the decision is made again. */
  readonly acquire?: {
    readonly network: Network
    readonly keep: boolean
    readonly named?: Named
  }
  readonly plan: Plan
  /** Where it is still served if it cannot go where it wants to: that keeps up with the nodes. */
  readonly meanwhile: Plan
  /** What happens on addresses that the Service leaves. */
  readonly leaving: ReadonlyArray<Chain>
  /** Addresses that the decision is about. */
  readonly concerned: ReadonlyArray<AddressId>
  /** What the Service shall show; absent = as it is. */
  readonly show?: { readonly ingress: ReadonlyArray<Ingress>; readonly address: PublicAddress }
}

export const nothing: Plan = { traffic: [], cleanup: [] }

const ids = (all: ReadonlyArray<Claims>): ReadonlyArray<AddressId> => all.map(({ address }) => address.id)

type MembersIn = (networkId: NetworkId) => Pick<Wanted, "members" | "targets">

/** Each address by what may serve in its own network. One of a VPC that no rule ties to a tier has no members. */
const keepUp = ({ uid }: Service, claimed: ReadonlyArray<Claims>, membersIn: MembersIn): Plan => {
  const plans = claimed.flatMap((own) => {
    const { networkId } = own.address
    if (networkId === undefined) return []
    const { members, targets } = membersIn(networkId)
    return [planMembers(uid, own, members, targets)]
  })
  return { traffic: plans.flatMap(({ traffic }) => traffic), cleanup: plans.flatMap(({ cleanup }) => cleanup) }
}

/** A Service that is refused keeps what it has, and what it has keeps up with the nodes. */
const refused = (
  service: Service,
  refusal: Refusal,
  notes: ReadonlyArray<Note>,
  claimed: ReadonlyArray<Claims>,
  membersIn: MembersIn,
  closing: ReadonlyArray<Chain> = []
): Decision => {
  const { cleanup, traffic } = keepUp(service, claimed, membersIn)
  return {
    refusal,
    notes,
    plan: { traffic: [...traffic.filter(({ key }) => !closing.some((one) => one.key === key)), ...closing], cleanup },
    meanwhile: nothing,
    leaving: [],
    concerned: ids(claimed)
  }
}

const claimedBy = (holdings: ReadonlyArray<Holding>, claimant: Claimant): ReadonlyArray<Claims> =>
  holdings.map((holding) => claims(holding, claimant)).filter((own) => isClaimed(own, claimant))

export const decide = Effect.fn("service.decide")(function* (
  service: Service,
  all: ReadonlyArray<Holding>,
  rigid: ReadonlySet<RuleId>
): Effect.fn.Return<Decision, Effect.Error<ReturnType<typeof demandOf>>, Effect.Services<ReturnType<typeof demandOf>>> {
  const demand = yield* demandOf(service, all)
  if (demand._tag === "NoNetwork") {
    const { claimant, holdings, membersIn, notes, refusal } = demand
    return refused(service, refusal, notes, claimedBy(holdings, claimant), membersIn)
  }
  const { acl, claimant, desired, holdings, membersIn, network } = demand
  const notes = [...demand.notes, ...desired.notes]
  /** Where the Service is in this network, the sources of what it has are kept to all the same. */
  const closing = (claimed: ReadonlyArray<Claims>, sources: Wanted["sources"]) =>
    claimed
      .filter(({ address }) => address.networkId === network.id)
      .flatMap((own) =>
        planSources(
          {
            own,
            cluster: claimant.cluster,
            service,
            rigid,
            ...(network.vpcId === undefined ? {} : { networkId: network.id })
          },
          { ...demand.membersIn(network.id), border: demand.border, ruleSources: demand.ruleSources, sources }
        )
      )
  if (desired._tag === "Refused") {
    const claimed = claimedBy(holdings, claimant)
    return refused(service, desired.refusal, notes, claimed, membersIn, closing(claimed, desired.sources))
  }
  const { wanted } = desired
  const found = design({ service, claimant, wanted, network, holdings, acl, rigid })
  switch (found._tag) {
    case "Refused":
      return refused(service, found.refusal, notes, found.claimed, membersIn, closing(found.claimed, wanted.sources))
    case "Acquire": {
      const claimed = claimedBy(holdings, claimant)
      const { address } = wanted
      const named = address._tag === "Named" ? { named: address } : {}
      return {
        notes,
        acquire: { network, keep: wanted.keep === true, ...named },
        plan: nothing,
        meanwhile: keepUp(service, claimed, membersIn),
        leaving: [],
        concerned: ids(claimed)
      }
    }
    case "Planned":
      return {
        notes: [...notes, ...found.notes],
        plan: found.plan,
        meanwhile: keepUp(service, found.leaving, membersIn),
        leaving: found.leavingPlan.cleanup,
        concerned: ids([found.target, ...found.leaving]),
        // An address of a VPC is in the network only once its first rule is.
        show: { ingress: found.ingress, address: { ...found.target.address, networkId: network.id } }
      }
  }
})

/** Nothing has to be done, in CloudStack or in Kubernetes. */
export const isQuiet = (service: Service, decision: Decision): boolean => {
  const { acquire, leaving, plan, refusal, show } = decision
  if (acquire !== undefined || leaving.length > 0 || !isEmpty(plan)) return false
  if (refusal !== undefined) return true
  const writes = show === undefined ? [] : pendingWrites(service, show.ingress, show.address)
  return writes.length === 0 && service.finalizers.includes(finalizer)
}

/** Only nodes have come or gone: upstream has an Event of its own for that. None if there is more, or nothing, to do. */
export const membersChanged = ({ acquire, leaving, plan }: Decision): ReadonlyArray<MembersChange> => {
  if (acquire !== undefined || leaving.length > 0) return []
  return membersOnly(stepsOf(plan)) ?? []
}

export const isMembersOnly = (decision: Decision): boolean => membersChanged(decision).length > 0
