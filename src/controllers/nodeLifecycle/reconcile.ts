/**
 * One period of the lifecycle controller: shutdown taints put right, and Nodes whose VMs are gone deleted on proof.
 *
 * While every Node is Ready, CloudStack is not asked. It may be cut off at any step: what it remembers only delays.
 */
import { Effect, Metric } from "effect"
import { Machines } from "../../cloudstack/Machines.ts"
import { allowance, Doubt, isDue, quotaWindow, siblingsOf, witnessIn } from "../../domain/Absence.ts"
import type { Machine } from "../../domain/Cloud.ts"
import { indexMachines, isShutDown, type MachineIndex } from "../../domain/NodeIdentity.ts"
import { parseProviderId } from "../../domain/ProviderId.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import type { Node } from "../../kubernetes/objects.ts"
import { nodeDeletionPaused } from "../../observability/metrics.ts"
import { sightWrite } from "../node/plan.ts"
import { pause, refuse } from "./explain.ts"
import { type Case, look } from "./look.ts"
import { clear, keepOnly, type Memory, monotonicNow } from "./Memory.ts"
import { removeNode } from "./remove.ts"
import { memberOf, type Sight, sightOf, withinQuota } from "./sight.ts"
import { hasShutdownTaint, setShutdownTaint } from "./taint.ts"

/**
 * A Node that is not Ready is watched closely at first: by a list of this period, or one that somebody else has just
 * read. One that stays so is looked at once a minute.
 */
const closely = 120_000
const settledAge = 60_000

const paused = (is: boolean) => Metric.update(nodeDeletionPaused.of({}), is ? 1 : 0)

/** Its VM is there: remembered on the Node, and told by the taint if it is off. */
const attend = Effect.fnUntraced(function* (memory: Memory, node: Node, machine: Machine) {
  clear(memory, node.uid)
  const nodes = yield* Nodes
  const sight = sightWrite(node, machine)
  if (sight !== undefined) {
    yield* nodes
      .write(node, sight)
      .pipe(Effect.catch((error) => Effect.logWarning("sight of the VM not recorded", { error: error.message })))
  }
  if (isShutDown(machine)) yield* setShutdownTaint(node, true)
})

/** Those suspects whose absence can be proved as things are; the others are told why not. */
const triable = Effect.fnUntraced(function* (
  memory: Memory,
  sights: ReadonlyArray<Sight>,
  all: ReadonlyArray<Node>,
  index: MachineIndex
) {
  const suspects = sights.flatMap((sight) => (sight._tag === "Suspect" ? [sight] : []))
  if (suspects.length === 0) return []
  const members = all.map(memberOf)
  const cases: Array<Case> = []
  for (const { node, vm } of suspects) {
    const member = memberOf(node)
    const siblings = siblingsOf(member, members)
    const doubt =
      siblings._tag === "Failure" ? siblings.failure : witnessFailure(witnessIn(index, member, siblings.success))
    if (siblings._tag === "Success" && doubt === undefined) cases.push({ node, vm, member, siblings: siblings.success })
    else if (doubt !== undefined) yield* refuse(memory, node, doubt)
  }
  return cases
})

const witnessFailure = (witness: ReturnType<typeof witnessIn>) =>
  witness._tag === "Failure" ? witness.failure : undefined

/** Looks where a look is due, and deletes what is proved, within the quota. */
const pursue = Effect.fnUntraced(function* (memory: Memory, cases: ReadonlyArray<Case>, nodeCount: number) {
  const now = yield* monotonicNow
  memory.deletions = memory.deletions.filter((at) => now - at < quotaWindow)
  const allowed = allowance(nodeCount, memory.deletions, now)
  const { chosen, waiting } = withinQuota(cases, allowed, memory)
  yield* paused(waiting.length > 0)
  yield* Effect.forEach(waiting, ({ node }) => pause(memory, node, cases.length), { discard: true })
  const due = chosen.filter(({ node }) => isDue(memory.suspicions.get(node.uid), now))
  if (due.length === 0) return
  const proved = yield* look(memory, due)
  yield* Effect.forEach(proved, ({ node }) => removeNode(memory, node), { discard: true })
})

/** Nothing is learnt from an error, so nothing that was begun goes on. */
const unclear = Effect.fnUntraced(function* (memory: Memory, nodes: ReadonlyArray<Node>, error: string) {
  yield* Effect.logWarning("nodes that are not Ready can not be looked up", { error, nodes: nodes.length })
  const begun = nodes.filter((node) => memory.suspicions.has(node.uid))
  yield* Effect.forEach(begun, (node) => refuse(memory, node, Doubt.Unclear({ error })), { discard: true })
})

export interface Options {
  /** Milliseconds between periods. */
  readonly period: number
}

export const reconcile = Effect.fn("nodeLifecycle.reconcile")(function* (memory: Memory, options: Options) {
  const nodes = yield* Nodes
  const machines = yield* Machines
  const all = yield* nodes.all
  const now = yield* monotonicNow
  keepOnly(memory, new Set(all.map((node) => node.uid)))

  const unready: Array<Node> = []
  for (const node of all) {
    if (node.ready !== "True") {
      if (!node.deleting && parseProviderId(node.providerID)._tag !== "Foreign") unready.push(node)
      continue
    }
    clear(memory, node.uid)
    memory.unready.delete(node.uid)
    if (hasShutdownTaint(node) && parseProviderId(node.providerID)._tag !== "Foreign") {
      yield* setShutdownTaint(node, false)
    }
  }
  if (unready.length === 0) return yield* paused(false)

  for (const { uid } of unready) if (!memory.unready.has(uid)) memory.unready.set(uid, now)
  const close = unready.some(
    ({ uid }) => memory.suspicions.has(uid) || now - (memory.unready.get(uid) ?? now) < closely
  )
  const listed = yield* Effect.result(machines.list(close ? options.period / 2 : settledAge))
  if (listed._tag === "Failure") return yield* unclear(memory, unready, listed.failure.message)

  const index = indexMachines(listed.success.machines)
  const sights = unready.map((node) => sightOf(node, index))
  for (const sight of sights) {
    if (sight._tag === "Present") yield* attend(memory, sight.node, sight.machine)
    if (sight._tag === "Nameless") yield* refuse(memory, sight.node, Doubt.NoProviderId())
  }
  yield* pursue(memory, yield* triable(memory, sights, all, index), all.length)
})
