/** What the lifecycle controller remembers between its periods. All of it may be lost: then proofs begin anew. */
import { Clock, Effect, Redacted } from "effect"
import type { CloudSettings } from "../../config/Settings.ts"
import type { Suspicion } from "../../domain/Absence.ts"

export interface Memory {
  /** By UID of the Node. */
  readonly suspicions: Map<string, Suspicion>
  /** When the absence of a Node's VM was last not believed, in monotonic milliseconds, by UID. */
  readonly doubted: Map<string, number>
  /** Since when a Node is not Ready, in monotonic milliseconds, by UID. */
  readonly unready: Map<string, number>
  /** Kinds of Events written for a Node that is not Ready, so that none repeats while nothing changes. */
  readonly reported: Map<string, Set<string>>
  /** Monotonic milliseconds of the deletions that count against the quota. */
  deletions: ReadonlyArray<number>
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
  access: { epoch: 0, settings: undefined }
}))

/** The Node is Ready, or its VM is there: nothing that was thought of it holds. */
export const clear = (memory: Memory, uid: string): void => {
  memory.suspicions.delete(uid)
  memory.doubted.delete(uid)
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
