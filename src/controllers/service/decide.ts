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
  /** Where it is still served if it cannot go where it wants to: that keeps up with the nodes and its sources. */
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

const together = (plans: ReadonlyArray<Plan>): Plan => ({
  traffic: plans.flatMap(({ traffic }) => traffic),
  cleanup: plans.flatMap(({ cleanup }) => cleanup)
})

/** By what may serve in the address's own network. One of a VPC that no rule ties to a tier has no members. */
const keepUp = ({ uid }: Service, own: Claims, membersIn: MembersIn): Plan => {
  const { networkId } = own.address
  if (networkId === undefined) return nothing
  const { members, targets } = membersIn(networkId)
  return planMembers(uid, own, members, targets)
}

/** A Service that is refused keeps what it has. */
const refused = (
  refusal: Refusal,
  notes: ReadonlyArray<Note>,
  claimed: ReadonlyArray<Claims>,
  plan: Plan
): Decision => ({ refusal, notes, plan, meanwhile: nothing, leaving: [], concerned: ids(claimed) })

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
    const claimed = claimedBy(holdings, claimant)
    return refused(refusal, notes, claimed, together(claimed.map((own) => keepUp(service, own, membersIn))))
  }
  const { acl, claimant, desired, holdings, membersIn, network } = demand
  const notes = [...demand.notes, ...desired.notes]
  const inVpc = network.vpcId === undefined ? {} : { networkId: network.id }
  /** What there is keeps up with the nodes and, where it is in this network, with who may come in. */
  const staying = (claimed: ReadonlyArray<Claims>, sources: Wanted["sources"]): Plan => {
    const { border, ruleSources } = demand
    const wanted = { ...membersIn(network.id), border, ruleSources, sources }
    return together(
      claimed.map((own) => {
        const { cleanup, traffic } = keepUp(service, own, membersIn)
        if (own.address.networkId !== network.id) return { cleanup, traffic }
        const held = planSources({ own, cluster: claimant.cluster, service, rigid, ...inVpc }, wanted)
        return { traffic: [...traffic.filter(({ key }) => !held.some((one) => one.key === key)), ...held], cleanup }
      })
    )
  }
  if (desired._tag === "Refused") {
    const claimed = claimedBy(holdings, claimant)
    return refused(desired.refusal, notes, claimed, staying(claimed, desired.sources))
  }
  const { wanted } = desired
  const found = design({ service, claimant, wanted, network, holdings, acl, rigid })
  switch (found._tag) {
    case "Refused":
      return refused(found.refusal, notes, found.claimed, staying(found.claimed, wanted.sources))
    case "Acquire": {
      const claimed = claimedBy(holdings, claimant)
      const { address } = wanted
      const named = address._tag === "Named" ? { named: address } : {}
      return {
        notes,
        acquire: { network, keep: wanted.keep === true, ...named },
        plan: nothing,
        meanwhile: staying(claimed, wanted.sources),
        leaving: [],
        concerned: ids(claimed)
      }
    }
    case "Planned":
      return {
        notes: [...notes, ...found.notes],
        plan: found.plan,
        meanwhile: staying(found.leaving, wanted.sources),
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
