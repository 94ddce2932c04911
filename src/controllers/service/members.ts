/** Which VMs stand behind a Service: its candidate nodes, as far as they are VMs with a NIC in the network. Pure. */
import { isCandidate } from "../../domain/Candidates.ts"
import type { NetworkId } from "../../domain/Cloud.ts"
import { canServe, type MachineIndex, resolveMachine } from "../../domain/NodeIdentity.ts"
import type { Note } from "../../domain/Refusal.ts"
import type { Node } from "../../kubernetes/objects.ts"
import type { WantedMembers } from "./wanted.ts"

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

/** One bad node never fails the Service: it is left out and named. */
export const selectMembers = (
  nodes: ReadonlyArray<Node>,
  index: MachineIndex,
  networkId: NetworkId
): { readonly members: WantedMembers; readonly notes: ReadonlyArray<Note> } => {
  const candidates = nodes.filter(isCandidate)
  if (candidates.length === 0) {
    const message = "There are no available nodes for LoadBalancer"
    return {
      members: { _tag: "Exactly", vms: [] },
      notes: [{ type: "Warning", reason: "UnAvailableLoadBalancer", message }]
    }
  }
  const obstacles = candidates.flatMap((node) => {
    const reason = obstacle(node, index, networkId)
    return reason === undefined ? [] : [`${node.name} (${reason})`]
  })
  const vms = candidates.flatMap((node) => {
    const found = resolveMachine(node, index)
    return found._tag === "Found" && obstacle(node, index, networkId) === undefined ? [found.machine.id] : []
  })
  if (vms.length === 0) {
    const message = `None of the nodes can be told to be a VM of the network; the members that exist stay: ${nameList(obstacles)}`
    return { members: { _tag: "Keep" }, notes: [{ type: "Warning", reason: "NoNodeResolved", message }] }
  }
  const notes: ReadonlyArray<Note> =
    obstacles.length === 0
      ? []
      : [{ type: "Warning", reason: "NodesLeftOut", message: `Nodes left out: ${nameList(obstacles)}` }]
  return { members: { _tag: "Exactly", vms: [...new Set(vms)].sort() }, notes }
}
