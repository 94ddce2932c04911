/** Which VMs stand behind a Service: its candidate nodes, as far as they are VMs with a NIC in the network. Pure. */
import { Duration } from "effect"
import { isCandidate } from "../../domain/Candidates.ts"
import type { NetworkId, VmId } from "../../domain/Cloud.ts"
import { type LabelSelector, matches } from "../../domain/LabelSelector.ts"
import { canServe, type MachineIndex, resolveMachine } from "../../domain/NodeIdentity.ts"
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

/** Why a node cannot be a member; undefined if it can. */
const obstacle = (node: Node, index: MachineIndex, networkId: NetworkId): string | undefined => {
  const found = resolveMachine(node, index)
  switch (found._tag) {
    case "Foreign":
      return `its providerID ${node.providerID} is another cloud's`
    case "Missing":
      return "no VM of that id or name is visible"
    case "Ambiguous":
      return `${found.machines.length} VMs have that name`
    case "Found":
      if (!canServe(found.machine)) return `its VM is ${found.machine.state}`
      if (!found.machine.nics.some((nic) => nic.networkId === networkId)) return "its VM has no NIC in the network"
      return undefined
  }
}

interface Usable {
  readonly node: Node
  readonly vm: VmId
}

/** A node that is not Ready for less than this may just be busy. */
export const patience = Duration.toMillis(Duration.minutes(1))

const isReady = ({ node }: Usable): boolean => node.ready === "True"
const isSteady = ({ node }: Usable, now: number): boolean =>
  node.ready === "True" || (node.readySince !== undefined && now - node.readySince < patience)

/** With no node Ready a forward is nowhere better than where it is. */
const targetsOf = (uid: string, usable: ReadonlyArray<Usable>, now: number): ForwardTargets => {
  const ready = usable.filter(isReady)
  const among = (ready.length === 0 ? usable : ready).map(({ vm }) => vm)
  const fit = (ready.length === 0 ? usable : usable.filter((one) => isSteady(one, now))).map(({ vm }) => vm)
  return { fit, pick: chooseFor(uid, among, 1)[0] }
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

/** One bad node never fails the Service: it is left out and named. */
export const selectMembers = (input: MembersInput): Members => {
  const { machines, maxMembers, networkId, now, selector, uid } = input
  const candidates = input.nodes.filter(isCandidate)
  if (candidates.length === 0) {
    const message = "There are no available nodes for LoadBalancer"
    return {
      members: { _tag: "Exactly", vms: [] },
      targets: { fit: "any", pick: undefined },
      notes: [{ type: "Warning", reason: "UnAvailableLoadBalancer", message }]
    }
  }
  const selected = selector === undefined ? candidates : candidates.filter(({ labels }) => matches(selector, labels))
  if (selected.length === 0) {
    const message = "The annotation …-node-selector selects none of the nodes; the members that exist stay"
    return unknown({ type: "Warning", reason: "NoNodeSelected", message })
  }
  const obstacles = selected.flatMap((node) => {
    const reason = obstacle(node, machines, networkId)
    return reason === undefined ? [] : [`${node.name} (${reason})`]
  })
  const usable = selected.flatMap((node): ReadonlyArray<Usable> => {
    const found = resolveMachine(node, machines)
    const fine = found._tag === "Found" && obstacle(node, machines, networkId) === undefined
    return fine ? [{ node, vm: found.machine.id }] : []
  })
  if (usable.length === 0) {
    const message = `None of the nodes can be told to be a VM of the network; the members that exist stay: ${nameList(obstacles)}`
    return unknown({ type: "Warning", reason: "NoNodeResolved", message })
  }
  const vms = [...new Set(usable.map(({ vm }) => vm))].sort()
  const notes: ReadonlyArray<Note> =
    obstacles.length === 0
      ? []
      : [{ type: "Warning", reason: "NodesLeftOut", message: `Nodes left out: ${nameList(obstacles)}` }]
  return {
    members: { _tag: "Exactly", vms: maxMembers === undefined ? vms : [...chooseFor(uid, vms, maxMembers)].sort() },
    targets: targetsOf(uid, usable, now),
    notes
  }
}
