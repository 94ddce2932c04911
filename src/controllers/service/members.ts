/** Which VMs stand behind a Service: its candidate nodes, as far as they are VMs with a NIC in the network. Pure. */
import { Duration } from "effect"
import { nameOf, rows } from "../../domain/Annotations.ts"
import { isCandidate } from "../../domain/Candidates.ts"
import type { NetworkId, VmId } from "../../domain/Cloud.ts"
import { type LabelSelector, matches } from "../../domain/LabelSelector.ts"
import { canServe, type MachineIndex, resolveMachine } from "../../domain/NodeIdentity.ts"
import { perObject } from "../../domain/perObject.ts"
import type { Note } from "../../domain/Refusal.ts"
import { chooseFor } from "../../domain/Rendezvous.ts"
import type { Node } from "../../kubernetes/objects.ts"
import type { ForwardTargets, WantedMembers } from "./wanted.ts"

/** More names would not make the Event more useful. */
const namesShown = 20

const nameList = (names: ReadonlyArray<string>): string => {
  const shown = names.slice(0, namesShown)
  const more = names.length - shown.length
  return more === 0 ? shown.join(", ") : `${shown.join(", ")} and ${more} more`
}

/** The VM of a node, or why it cannot be a member. */
type Standing = { readonly vm: VmId } | { readonly obstacle: string }

const standingOf = (node: Node, index: MachineIndex, networkId: NetworkId): Standing => {
  const found = resolveMachine(node, index)
  switch (found._tag) {
    case "Foreign":
      return { obstacle: `its providerID ${node.providerID} is another cloud's` }
    case "Missing":
      return { obstacle: "no VM of that id or name is visible" }
    case "Ambiguous":
      return { obstacle: `${found.machines.length} VMs have that name` }
    case "Found": {
      const { id, nics, state } = found.machine
      if (!canServe(found.machine)) return { obstacle: `its VM is ${state}` }
      return nics.some((nic) => nic.networkId === networkId)
        ? { vm: id }
        : { obstacle: "its VM has no NIC in the network" }
    }
  }
}

interface Candidate {
  readonly node: Node
  readonly standing: Standing
}

const knownCandidates = perObject((_: ReadonlyArray<Node>) =>
  perObject((_: MachineIndex) => new Map<NetworkId, ReadonlyArray<Candidate>>())
)

/** The same for every Service of the network, so found out once. */
const candidatesIn = ({ machines, networkId, nodes }: MembersInput): ReadonlyArray<Candidate> => {
  const known = knownCandidates(nodes)(machines)
  const found =
    known.get(networkId) ??
    nodes.filter(isCandidate).map((node) => ({ node, standing: standingOf(node, machines, networkId) }))
  known.set(networkId, found)
  return found
}

interface Usable {
  readonly node: Node
  readonly vm: VmId
}

const usableOf = perObject((candidates: ReadonlyArray<Candidate>) =>
  candidates.flatMap(
    ({ node, standing }): ReadonlyArray<Usable> => ("vm" in standing ? [{ node, vm: standing.vm }] : [])
  )
)

const idsOf = perObject(
  (usable: ReadonlyArray<Usable>): ReadonlyArray<VmId> => [...new Set(usable.map(({ vm }) => vm))].sort()
)

/** A node that is not Ready for less than this may just be busy. */
export const patience = Duration.toMillis(Duration.minutes(1))

const isReady = ({ node }: Usable): boolean => node.ready === "True"
const isSteady = ({ node }: Usable, now: number): boolean =>
  node.ready === "True" || (node.readySince !== undefined && now - node.readySince < patience)

/** With no node Ready a forward is nowhere better than where it is. Worked out if asked: few Services have forwards. */
const targetsOf = (uid: string, usable: ReadonlyArray<Usable>, now: number): ForwardTargets => {
  const ready = () => usable.filter(isReady)
  return {
    get fit() {
      return (ready().length === 0 ? usable : usable.filter((one) => isSteady(one, now))).map(({ vm }) => vm)
    },
    get pick() {
      const among = ready().length === 0 ? usable : ready()
      return chooseFor(
        uid,
        among.map(({ vm }) => vm),
        1
      )[0]
    }
  }
}

export interface MembersInput {
  readonly uid: string
  readonly nodes: ReadonlyArray<Node>
  readonly machines: MachineIndex
  readonly networkId: NetworkId
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Undefined = all, also where the demand is not understood. */
  readonly maxMembers: number | undefined
  readonly selector: LabelSelector | undefined
  /** One of the two is not understood: an existing load balancer must not change by a typo. */
  readonly unclear: boolean
}

export interface Members {
  readonly members: WantedMembers
  readonly targets: ForwardTargets
  readonly notes: ReadonlyArray<Note>
}

/** Nothing is proved, so what is there stays. */
const unknown = (note: Note): Members => ({
  members: { _tag: "Keep" },
  targets: { fit: "any", pick: undefined },
  notes: [note]
})

/** In upstream's words. */
export const noNodes: Note = {
  type: "Warning",
  reason: "UnAvailableLoadBalancer",
  message: "There are no available nodes for LoadBalancer"
}

/** One bad node never fails the Service: it is left out and named. */
export const selectMembers = (input: MembersInput): Members => {
  const { maxMembers, now, selector, uid, unclear } = input
  const candidates = candidatesIn(input)
  if (candidates.length === 0) {
    return { members: { _tag: "Exactly", vms: [] }, targets: { fit: "any", pick: undefined }, notes: [noNodes] }
  }
  const selected = selector === undefined ? candidates : candidates.filter(({ node }) => matches(selector, node.labels))
  if (selected.length === 0) {
    const message = `The annotation ${nameOf(rows.nodeSelector)} selects none of the nodes; the members that exist stay`
    return unknown({ type: "Warning", reason: "NoNodeSelected", message })
  }
  // In one order, whatever the order of the nodes: the same complaint is told once.
  const obstacles = selected
    .flatMap(({ node, standing }) => ("obstacle" in standing ? [`${node.name} (${standing.obstacle})`] : []))
    .toSorted()
  const usable = usableOf(selected)
  if (usable.length === 0) {
    const message = `None of the nodes can be told to be a VM of the network; the members that exist stay: ${nameList(obstacles)}`
    return unknown({ type: "Warning", reason: "NoNodeResolved", message })
  }
  const vms = idsOf(usable)
  const notes: ReadonlyArray<Note> =
    obstacles.length === 0
      ? []
      : [{ type: "Warning", reason: "NodesLeftOut", message: `Nodes left out: ${nameList(obstacles)}` }]
  return {
    members: {
      _tag: unclear ? "Within" : "Exactly",
      vms: maxMembers === undefined || unclear ? vms : [...chooseFor(uid, vms, maxMembers)].sort()
    },
    targets: targetsOf(uid, usable, now),
    notes
  }
}
