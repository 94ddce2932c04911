/**
 * Proof that the VM behind a Node is gone.
 *
 * One look is a complete list and a direct look-up that both lack the VM, while both show a witness: another VM that we
 * know, of the same owner. Proof is two such looks, ten seconds apart or more on the monotonic clock and on the wall
 * clock, with the same access to CloudStack and nothing but agreement between them. Whatever is less is doubt, and doubt
 * never deletes.
 */
import { Data, Option, Result } from "effect"
import type { Machine, VmId } from "./Cloud.ts"
import { isDestroyed, type MachineIndex } from "./NodeIdentity.ts"
import type { SeenVm } from "./SeenVm.ts"

/** A Node as the proof sees it. `vm` is the id in its providerID, `seen` the record of an earlier sight. */
export interface Member {
  readonly uid: string
  readonly ready: boolean
  readonly vm?: VmId
  readonly seen?: SeenVm
}

/** Why the absence of a VM is not believed. */
export type Doubt = Data.TaggedEnum<{
  /** providerID names no VM, and a name alone proves nothing. */
  NoProviderId: object
  /** The VM was never visible: the Node may be another account's or another installation's. */
  NeverSeen: { readonly vm: VmId }
  OnlyNode: object
  NoSibling: { readonly owner: string }
  EmptyList: object
  /** None of the VMs that would have to be visible is: wrong account, project, zone or endpoint. */
  NoWitness: { readonly owner: string }
  /** The list lacks the VM, the direct look-up has it. */
  Contradicted: { readonly vm: VmId }
  Unclear: { readonly error: string }
  AccessChanged: object
}>
export const Doubt = Data.taggedEnum<Doubt>()

/** The VM is not in the answer, or is there as destroyed, which only admins get to see. */
export const isGone = (machine: Machine | undefined): boolean => machine === undefined || isDestroyed(machine)

/** The record, if it is about the VM that providerID names: a VM of the same name may be another installation's. */
const know = ({ seen, vm }: Member): SeenVm | undefined =>
  vm !== undefined && seen?.vm.toLowerCase() === vm.toLowerCase() ? seen : undefined

/** The other Nodes whose VMs could bear witness for this one; or why its absence cannot be proved whatever CloudStack says. */
export const siblingsOf = (member: Member, all: ReadonlyArray<Member>): Result.Result<ReadonlyArray<Member>, Doubt> => {
  if (member.vm === undefined) return Result.fail(Doubt.NoProviderId())
  const seen = know(member)
  if (seen === undefined) return Result.fail(Doubt.NeverSeen({ vm: member.vm }))
  const others = all.filter((other) => other.uid !== member.uid)
  if (others.length === 0) return Result.fail(Doubt.OnlyNode())
  const siblings = others.filter((other) => {
    const theirs = know(other)
    return theirs !== undefined && theirs.owner === seen.owner && theirs.vm.toLowerCase() !== seen.vm.toLowerCase()
  })
  return siblings.length === 0 ? Result.fail(Doubt.NoSibling({ owner: seen.owner })) : Result.succeed(siblings)
}

/**
 * A sibling whose VM the list shows as this owner's. Where a sibling in the same zone is Ready, the witness must be from
 * that zone, so that an answer about other zones only is not taken for the truth about this one.
 */
export const witnessIn = (
  index: MachineIndex,
  member: Member,
  siblings: ReadonlyArray<Member>
): Result.Result<Machine, Doubt> => {
  if (index.byId.size === 0) return Result.fail(Doubt.EmptyList())
  const owner = member.seen?.owner ?? ""
  const near = siblings.filter((sibling) => sibling.seen?.zone === member.seen?.zone)
  const asked = near.some((sibling) => sibling.ready) ? near : siblings
  const visible = asked.flatMap((sibling) => {
    const machine = index.byId.get(sibling.vm?.toLowerCase() ?? "")
    return machine !== undefined && testifies(machine, owner) ? [{ machine, ready: sibling.ready }] : []
  })
  // A Ready Node's VM is the least likely to vanish before it is looked up.
  const witness = visible.find(({ ready }) => ready) ?? visible[0]
  return witness === undefined ? Result.fail(Doubt.NoWitness({ owner })) : Result.succeed(witness.machine)
}

/** In whatever state: what counts is that this owner's VMs are shown. */
const testifies = (machine: Machine, owner: string) => !isDestroyed(machine) && machine.owner === owner

/** Whether a direct look-up still shows the witness, which tells that the look-up before it saw this owner's VMs. */
export const vouches = (witness: Machine, lookedUp: Option.Option<Machine>): boolean =>
  Option.isSome(lookedUp) &&
  lookedUp.value.id.toLowerCase() === witness.id.toLowerCase() &&
  testifies(lookedUp.value, witness.owner)

/** A look that confirmed the absence. */
export interface Look {
  /** Monotonic milliseconds. */
  readonly at: number
  /** Wall clock milliseconds at which the list was asked for. */
  readonly listedAt: number
  /** Grows whenever endpoint, credentials or project change. */
  readonly access: number
}

export interface Suspicion {
  readonly first: Look
  readonly last: Look
}

export const lookInterval = 10_000

/** Whether it is time for a further look. */
export const isDue = (suspicion: Suspicion | undefined, now: number): boolean =>
  suspicion === undefined || now - suspicion.last.at >= lookInterval || now < suspicion.last.at

/** Adds a look that confirmed the absence. A clock that went backwards or another access begins the proof anew. */
export const weigh = (
  before: Suspicion | undefined,
  look: Look
): { readonly suspicion: Suspicion; readonly proved: boolean } => {
  if (
    before === undefined ||
    before.last.access !== look.access ||
    look.at < before.last.at ||
    look.listedAt < before.last.listedAt
  ) {
    return { suspicion: { first: look, last: look }, proved: false }
  }
  const { first } = before
  const proved = look.at - first.at >= lookInterval && look.listedAt - first.listedAt >= lookInterval
  return { suspicion: { first, last: look }, proved }
}

export const quotaWindow = 600_000

/** How many Nodes may be deleted now: within ten minutes one, or a tenth of the Nodes there were. */
export const allowance = (nodes: number, deletions: ReadonlyArray<number>, now: number): number => {
  const recent = deletions.filter((at) => now - at < quotaWindow).length
  return Math.max(0, Math.max(1, Math.floor((nodes + recent) / 10)) - recent)
}
