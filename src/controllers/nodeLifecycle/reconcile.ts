/**
 * One period of the lifecycle controller: shutdown taints put right, and Nodes whose VMs are gone deleted on proof.
 *
 * While every Node is Ready, CloudStack is not asked. It may be cut off at any step: what it remembers only delays.
 */
import { Effect, Metric } from "effect"
import { Machines } from "../../cloudstack/Machines.ts"
import { allowance, Doubt, isDue, siblingsOf, witnessIn } from "../../domain/Absence.ts"
import { indexMachines, isShutDown, type MachineIndex } from "../../domain/NodeIdentity.ts"
import { parseProviderId } from "../../domain/ProviderId.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import type { Node } from "../../kubernetes/objects.ts"
import { nodeDeletionPaused } from "../../observability/metrics.ts"
import { pause, refuse } from "./explain.ts"
import { announce, clarify, expire, recall } from "./ledger.ts"
import { type Case, look } from "./look.ts"
import { clear, keepOnly, type Memory, monotonicNow, settle } from "./Memory.ts"
import { lacksRecord, recordIsDue, recordSight } from "./record.ts"
import { removeNode } from "./remove.ts"
import { memberOf, type Sight, sightOf, withinLimit, withinQuota } from "./sight.ts"
import { hasShutdownTaint, setShutdownTaint } from "./taint.ts"

/**
 * A Node that is not Ready is watched closely at first: by a list of this period, or one that somebody else has just
 * read. One that stays so is looked at once a minute.
 */
const closely = 120_000
const settledAge = 60_000
/** Whoever is not Ready for so long is told that CloudStack does not answer. */
const patience = 60_000

const paused = (is: boolean) => Metric.update(nodeDeletionPaused.of({}), is ? 1 : 0)

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
const pursue = Effect.fnUntraced(function* (memory: Memory, cases: ReadonlyArray<Case>, all: ReadonlyArray<Node>) {
  yield* clarify(memory)
  // Whether the limit is used up is not known while the API server does not say what became of a deletion.
  if (memory.unsure.size > 0) return
  const now = yield* monotonicNow
  expire(memory, now)
  const allowed = allowance(
    all.length,
    memory.deletions.map(({ at }) => at),
    now
  )
  const { chosen, waiting } = withinQuota(cases, allowed, memory)
  yield* paused(waiting.length > 0)
  yield* Effect.forEach(waiting, ({ node }) => pause(memory, node, cases.length), { discard: true })
  const due = chosen.filter(({ node }) => isDue(memory.suspicions.get(node.uid), now))
  if (due.length === 0) return
  const proved = (yield* look(memory, due)).map(({ node }) => node)
  const going = withinLimit(proved, allowed)
  if (going.length === 0) return
  const suspects = new Set(cases.map(({ node }) => node.uid))
  if (!(yield* announce(memory, going, all, suspects))) return
  yield* Effect.forEach(going, (node) => removeNode(memory, node), { discard: true })
})

/** Nothing is learnt from an error, so nothing that was begun goes on. */
const unclear = Effect.fnUntraced(function* (memory: Memory, unready: ReadonlyArray<Node>, now: number, error: string) {
  if (memory.trouble !== error) yield* Effect.logWarning("VMs of nodes can not be looked up", { error })
  memory.trouble = error
  const waited = ({ uid }: Node) => now - (memory.unready.get(uid) ?? now) >= patience
  const told = unready.filter((node) => memory.suspicions.has(node.uid) || waited(node))
  yield* Effect.forEach(told, (node) => refuse(memory, node, Doubt.Unclear({ error })), { discard: true })
})

/** The Nodes that are not Ready. Of the others nothing is believed, and nothing but their own taint keeps Pods away. */
const withoutReady = Effect.fnUntraced(function* (memory: Memory, all: ReadonlyArray<Node>, now: number) {
  const unready: Array<Node> = []
  for (const node of all) {
    const foreign = parseProviderId(node.providerID)._tag === "Foreign"
    if (node.ready === "True") {
      settle(memory, node.uid)
      if (hasShutdownTaint(node) && !foreign) yield* setShutdownTaint(node, false)
    } else if (!node.deleting && !foreign) {
      if (!memory.unready.has(node.uid)) memory.unready.set(node.uid, now)
      unready.push(node)
    }
  }
  return unready
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
  yield* recall(memory, all)
  const unready = yield* withoutReady(memory, all, now)
  const lacking = all.filter(lacksRecord)
  const recording = recordIsDue(memory, lacking, now)
  if (unready.length === 0) yield* paused(false)
  if (unready.length === 0 && !recording) return

  const close = unready.some(
    ({ uid }) => memory.suspicions.has(uid) || now - (memory.unready.get(uid) ?? now) < closely
  )
  const listed = yield* Effect.result(machines.list(close ? options.period / 2 : settledAge))
  if (listed._tag === "Failure") return yield* unclear(memory, unready, now, listed.failure.message)
  memory.trouble = undefined

  const index = indexMachines(listed.success.machines)
  if (recording) yield* Effect.forEach(lacking, (node) => recordSight(node, index), { discard: true })
  const sights = unready.map((node) => sightOf(node, index))
  for (const sight of sights) {
    if (sight._tag === "Nameless") yield* refuse(memory, sight.node, Doubt.NoProviderId())
    if (sight._tag !== "Present") continue
    clear(memory, sight.node.uid)
    yield* recordSight(sight.node, index)
    if (isShutDown(sight.machine)) yield* setShutdownTaint(sight.node, true)
  }
  yield* pursue(memory, yield* triable(memory, sights, all, index), all)
})
