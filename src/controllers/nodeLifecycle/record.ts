/**
 * The record of VMs on Nodes that lack one. The node controller writes it at its refresh; where it does not run, this
 * one does, because a Node without the record can neither be deleted nor bear witness.
 */
import { Effect } from "effect"
import { type MachineIndex, resolveMachine } from "../../domain/NodeIdentity.ts"
import { parseProviderId } from "../../domain/ProviderId.ts"
import { seenAnnotation } from "../../domain/SeenVm.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import type { Node } from "../../kubernetes/objects.ts"
import { sightWrite } from "../node/plan.ts"
import type { Memory } from "./Memory.ts"

/** The node controller is given time to do it first. */
const patience = 60_000
/** VMs that never show are asked for so often. */
const again = 300_000

export const lacksRecord = (node: Node): boolean =>
  node.annotations[seenAnnotation] === undefined && !node.deleting && parseProviderId(node.providerID)._tag === "Vm"

/** Whether it is time to look for the VMs of these Nodes. */
export const recordIsDue = (memory: Memory, lacking: ReadonlyArray<Node>, now: number): boolean => {
  if (lacking.length === 0) {
    memory.recordAt = undefined
    return false
  }
  memory.recordAt ??= now + patience
  if (now < memory.recordAt) return false
  memory.recordAt = now + again
  return true
}

export const recordSight = Effect.fnUntraced(function* (node: Node, index: MachineIndex) {
  const nodes = yield* Nodes
  const found = resolveMachine(node, index)
  const sight = found._tag === "Found" ? sightWrite(node, found.machine) : undefined
  if (sight === undefined) return
  yield* nodes
    .write(node, sight)
    .pipe(Effect.catch((error) => Effect.logWarning("sight of the VM not recorded", { error: error.message })))
})
