/** Finds the VM of a new Node with as few lists as possible. */
import { Clock, Effect } from "effect"
import { type MachineList, Machines } from "../../cloudstack/Machines.ts"
import { indexMachines, isLive, type MachineIndex, Resolution, resolveMachine } from "../../domain/NodeIdentity.ts"
import type { Node } from "../../kubernetes/objects.ts"
import type { Memory } from "./Memory.ts"

/** A list this old serves a Node whose VM it shows. */
const recent = 10_000
/** So does an older one that was read since the Node came: a crowd takes the API server longer to write than that. */
const oldest = 30_000
/** A VM may be younger than the list: then one of this age is asked for, so that a crowd of new Nodes still shares it. */
const fresh = 1_000

const indexes = new WeakMap<MachineList, MachineIndex>()

/** The index of a list, made once: a burst of Nodes asks for the same one again and again. */
export const indexOf = (list: MachineList): MachineIndex => {
  const known = indexes.get(list)
  if (known !== undefined) return known
  const index = indexMachines(list.machines)
  indexes.set(list, index)
  return index
}

/** As `resolveMachine`, but a VM that is no longer alive counts as missing. */
export const liveMachine = (node: Node, list: MachineList): Resolution => {
  const found = resolveMachine(node, indexOf(list))
  return found._tag === "Found" && !isLive(found.machine) ? Resolution.Missing() : found
}

export const locate = Effect.fn("node.locate")(function* (memory: Memory, node: Node) {
  const machines = yield* Machines
  const age = (yield* Clock.currentTimeMillis) - node.createdAt
  const shared = yield* machines.list(Math.min(Math.max(age, recent), oldest))
  const found = liveMachine(node, shared)
  if (found._tag !== "Missing") return found
  // Many Nodes whose VMs never show, each tried again and again, are content with any list that is news to them.
  const lacking = memory.missing.get(node.uid)
  const list = lacking !== undefined && shared.at > lacking ? shared : yield* machines.list(fresh)
  const latest = liveMachine(node, list)
  if (latest._tag === "Missing") memory.missing.set(node.uid, list.at)
  return latest
})
