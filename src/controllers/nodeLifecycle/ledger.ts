/**
 * The deletions that count against the limit. They are written onto a Node that stays before they are made, so that
 * another process, or this one after a crash, knows of them too.
 */
import { Clock, Effect, Option, Result } from "effect"
import { quotaWindow } from "../../domain/Absence.ts"
import { deletionsAnnotation, encodeDeletions, newestOf, readDeletions } from "../../domain/DeletionRecord.ts"
import { parseProviderId } from "../../domain/ProviderId.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import type { Node } from "../../kubernetes/objects.ts"
import { type Memory, monotonicNow } from "./Memory.ts"

/** What an earlier process deleted, once. A Node that is there still was not deleted after all. */
export const recall = Effect.fnUntraced(function* (memory: Memory, all: ReadonlyArray<Node>) {
  if (memory.recalled) return
  memory.recalled = true
  const present = new Set(all.filter(({ deleting }) => !deleting).map(({ uid }) => uid))
  const wall = yield* Clock.currentTimeMillis
  const now = yield* monotonicNow
  const { deletions, number } = newestOf(all.map(({ annotations }) => readDeletions(annotations)))
  memory.recordNumber = number
  memory.deletions = deletions.flatMap(({ node, at }) => {
    const age = wall - at
    // Another machine's clock may be a little ahead; one that is far off says nothing.
    return present.has(node) || Math.abs(age) >= quotaWindow ? [] : [{ node, at: now - Math.max(0, age) }]
  })
})

/** Forgets what no longer counts. */
export const expire = (memory: Memory, now: number): void => {
  memory.deletions = memory.deletions.filter(({ at }) => now - at < quotaWindow)
}

/** The Node that has the newest record, else one that is Ready: neither goes now, nor is it another cloud's. */
const keeperOf = (all: ReadonlyArray<Node>, suspects: ReadonlySet<string>): Node | undefined =>
  all
    .filter((node) => !node.deleting && !suspects.has(node.uid) && parseProviderId(node.providerID)._tag !== "Foreign")
    .map((node) => ({ node, number: readDeletions(node.annotations).number, ready: node.ready === "True" ? 1 : 0 }))
    .sort((a, b) => b.number - a.number || b.ready - a.ready || (a.node.name < b.node.name ? -1 : 1))[0]?.node

/** Whether these Nodes may be deleted now, which counts from here on. */
export const announce = Effect.fnUntraced(function* (
  memory: Memory,
  proved: ReadonlyArray<Node>,
  all: ReadonlyArray<Node>,
  suspects: ReadonlySet<string>
) {
  const nodes = yield* Nodes
  const keeper = keeperOf(all, suspects)
  if (keeper === undefined) return false
  const wall = yield* Clock.currentTimeMillis
  const now = yield* monotonicNow
  const before = memory.deletions
  memory.deletions = [...before, ...proved.map(({ uid }) => ({ node: uid, at: now }))]
  memory.recordNumber++
  const record = encodeDeletions({
    number: memory.recordNumber,
    deletions: memory.deletions.map(({ node, at }) => ({ node, at: wall - (now - at) }))
  })
  const written = yield* nodes
    .write(keeper, { _tag: "Change", annotations: { [deletionsAnnotation]: record } })
    .pipe(
      Effect.catch((error) =>
        Effect.as(
          Effect.logWarning("nodes are not deleted: their deletion can not be recorded", { error: error.message }),
          Option.none()
        )
      )
    )
  if (Option.isSome(written)) return true
  memory.deletions = before
  return false
})

/** Looks whether deletions were made whose answers did not tell. */
export const clarify = Effect.fnUntraced(function* (memory: Memory) {
  const nodes = yield* Nodes
  for (const [uid, name] of memory.unsure) {
    const found = yield* Effect.result(nodes.fetch(name))
    if (Result.isFailure(found)) continue
    memory.unsure.delete(uid)
    if (Option.isSome(found.success) && found.success.value.uid === uid && !found.success.value.deleting) {
      takeBack(memory, uid)
    }
  }
})

/**
 * The deletion announced last was not made, and counts no more. An earlier attempt at the same Node stays as it is.
 */
export const takeBack = (memory: Memory, uid: string): void => {
  const last = memory.deletions.findLastIndex(({ node }) => node === uid)
  memory.deletions = memory.deletions.filter((_, at) => at !== last)
}
