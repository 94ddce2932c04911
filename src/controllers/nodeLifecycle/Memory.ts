/** What the lifecycle controller remembers between its periods. All of it may be lost: then proofs begin anew. */
import { Clock, Effect, Redacted } from "effect"
import type { CloudSettings } from "../../config/Settings.ts"
import type { Suspicion } from "../../domain/Absence.ts"
import type { Deletion } from "../../domain/DeletionRecord.ts"

export interface Memory {
  /** By UID of the Node. */
  readonly suspicions: Map<string, Suspicion>
  /** When the absence of a Node's VM was last not believed, in monotonic milliseconds, by UID. */
  readonly doubted: Map<string, number>
  /** Since when a Node is not Ready, in monotonic milliseconds, by UID. */
  readonly unready: Map<string, number>
  /** Kinds of Events written for a Node that is not Ready, so that none repeats while nothing changes. */
  readonly reported: Map<string, Set<string>>
  /** Those that count against the limit; `at` in monotonic milliseconds. */
  deletions: ReadonlyArray<Deletion>
  /** Nodes whose deletion got no answer, or not one that tells whether it was made: name by UID. */
  readonly unsure: Map<string, string>
  /** Of the record of them that was written last. */
  recordNumber: number
  /** Whether the record of earlier processes is among them. */
  recalled: boolean
  /** When to look for the VMs of Nodes without a record, in monotonic milliseconds. */
  recordAt: number | undefined
  /** Why CloudStack's last answer was none, as it was logged. */
  trouble: string | undefined
  access: { readonly epoch: number; readonly settings: CloudSettings | undefined }
}

/** Monotonic milliseconds: a corrected clock neither shortens nor lengthens a proof. */
export const monotonicNow: Effect.Effect<number> = Effect.map(Clock.monotonicTimeNanos, (nanos) =>
  Number(nanos / 1_000_000n)
)

export const makeMemory: Effect.Effect<Memory> = Effect.sync(() => ({
  suspicions: new Map(),
  doubted: new Map(),
  unready: new Map(),
  reported: new Map(),
  deletions: [],
  unsure: new Map(),
  recordNumber: 0,
  recalled: false,
  recordAt: undefined,
  trouble: undefined,
  access: { epoch: 0, settings: undefined }
}))

/** What is believed against the Node does not hold. Should it be believed again, its deletion is news again. */
export const drop = (memory: Memory, uid: string): void => {
  memory.suspicions.delete(uid)
  const reported = memory.reported.get(uid)
  reported?.delete("Deleting")
  reported?.delete("Failed")
}

/** The Node's VM is there, or the Node is gone. */
export const clear = (memory: Memory, uid: string): void => {
  drop(memory, uid)
  memory.doubted.delete(uid)
}

/** The Node is Ready: should it fail again, that is another story. */
export const settle = (memory: Memory, uid: string): void => {
  clear(memory, uid)
  memory.unready.delete(uid)
  memory.reported.delete(uid)
}

export const keepOnly = (memory: Memory, uids: ReadonlySet<string>): void => {
  for (const map of [memory.suspicions, memory.doubted, memory.unready, memory.reported]) {
    for (const uid of map.keys()) if (!uids.has(uid)) map.delete(uid)
  }
}

const sameAccess = (a: CloudSettings, b: CloudSettings) =>
  a === b ||
  (a.apiUrl === b.apiUrl &&
    a.projectId === b.projectId &&
    a.zone === b.zone &&
    Redacted.value(a.credentials.apiKey) === Redacted.value(b.credentials.apiKey) &&
    Redacted.value(a.credentials.secretKey) === Redacted.value(b.credentials.secretKey))

/** A number that grows whenever CloudStack is asked as somebody else, or somewhere else. */
export const accessEpoch = (memory: Memory, settings: CloudSettings): number => {
  const before = memory.access
  const changed = before.settings !== undefined && !sameAccess(before.settings, settings)
  memory.access = { epoch: changed ? before.epoch + 1 : before.epoch, settings }
  return memory.access.epoch
}
