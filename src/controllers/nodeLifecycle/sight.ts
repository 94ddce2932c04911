/** What a list of VMs says about Nodes that are not Ready. Pure. */
import { isGone, type Member } from "../../domain/Absence.ts"
import type { Machine, VmId } from "../../domain/Cloud.ts"
import { type MachineIndex, resolveMachine } from "../../domain/NodeIdentity.ts"
import { parseProviderId } from "../../domain/ProviderId.ts"
import { readSeenVm } from "../../domain/SeenVm.ts"
import type { Node } from "../../kubernetes/objects.ts"
import type { Memory } from "./Memory.ts"

/**
 * `Present`: the VM is there, whatever its state. `Suspect`: the list lacks it. `Nameless`: nothing is found by name, or
 * too much, which is no ground for anything. `Foreign`: another cloud's.
 */
export type Sight =
  | { readonly _tag: "Present"; readonly node: Node; readonly machine: Machine }
  | { readonly _tag: "Suspect"; readonly node: Node; readonly vm: VmId }
  | { readonly _tag: "Nameless"; readonly node: Node }
  | { readonly _tag: "Foreign"; readonly node: Node }

export const sightOf = (node: Node, index: MachineIndex): Sight => {
  const id = parseProviderId(node.providerID)
  const found = resolveMachine(node, index)
  switch (found._tag) {
    case "Foreign":
      return { _tag: "Foreign", node }
    case "Ambiguous":
      return { _tag: "Nameless", node }
    case "Missing":
      return id._tag === "Vm" ? { _tag: "Suspect", node, vm: id.id } : { _tag: "Nameless", node }
    case "Found":
      return id._tag === "Vm" && isGone(found.machine)
        ? { _tag: "Suspect", node, vm: id.id }
        : { _tag: "Present", node, machine: found.machine }
  }
}

export const memberOf = (node: Node): Member => {
  const id = parseProviderId(node.providerID)
  const seen = readSeenVm(node.annotations)
  return {
    uid: node.uid,
    ready: node.ready === "True",
    ...(id._tag === "Vm" ? { vm: id.id } : {}),
    ...(seen === undefined ? {} : { seen })
  }
}

/** Annotation by which an operator lets a Node go although the quota of deletions is used up. */
export const confirmAnnotation = "cloudstack-ccm/confirm-deletion"

const isConfirmed = (node: Node) => node.annotations[confirmAnnotation] === "true"

/** Direct look-ups in one look for Nodes whose deletion is confirmed; more wait for the next. */
const confirmedAtOnce = 20

/**
 * Which suspects may be pursued within the quota: those with a proof begun, then those never doubted, then the least
 * recently doubted, so that one whose absence stays unproved does not keep the others from their turn.
 */
export const withinQuota = <A extends { readonly node: Node }>(
  suspects: ReadonlyArray<A>,
  allowed: number,
  memory: Pick<Memory, "suspicions" | "doubted">
): { readonly chosen: ReadonlyArray<A>; readonly waiting: ReadonlyArray<A> } => {
  const begun = ({ node }: A) => memory.suspicions.get(node.uid)?.first.at ?? Number.MAX_VALUE
  const doubted = ({ node }: A) => memory.doubted.get(node.uid) ?? 0
  const ordered = [...suspects].sort(
    (a, b) => begun(a) - begun(b) || doubted(a) - doubted(b) || (a.node.name < b.node.name ? -1 : 1)
  )
  const confirmed = ordered.filter(({ node }) => isConfirmed(node)).slice(0, confirmedAtOnce)
  const others = ordered.filter(({ node }) => !isConfirmed(node))
  return { chosen: [...confirmed, ...others.slice(0, allowed)], waiting: others.slice(allowed) }
}

/** Of those proved to be gone the ones to delete now: what is confirmed goes beyond the limit, and counts for the others. */
export const withinLimit = (proved: ReadonlyArray<Node>, allowed: number): ReadonlyArray<Node> => {
  const confirmed = proved.filter(isConfirmed)
  const others = proved.filter((node) => !isConfirmed(node))
  return [...confirmed, ...others.slice(0, Math.max(0, allowed - confirmed.length))]
}
