/**
 * What becomes of an event before it is sent, as in client-go: look-alikes are aggregated, repeats counted, and what is
 * too much for one object dropped. State is in memory only and bounded; time is given.
 */
import { createHash } from "node:crypto"
import type { EventNote } from "./Events.ts"
import type { ObjectRef } from "./objects.ts"

/** An event as it is to stand in the cluster. */
export interface KubeEvent {
  readonly name: string
  readonly namespace: string
  readonly note: EventNote
  readonly message: string
  readonly count: number
  /** Milliseconds since the epoch. */
  readonly first: number
  readonly last: number
}

export type Verdict =
  | { readonly _tag: "Create"; readonly event: KubeEvent }
  /** One of this name stands there already, unless it has expired. */
  | { readonly _tag: "Count"; readonly event: KubeEvent }
  | { readonly _tag: "Drop" }

const capacity = 4096
/** From so many different messages on, look-alikes are one event … */
const distinctMessages = 10
/** … until none came for so long. */
const aggregationWindow = 600_000
const aggregated = "(combined from similar events): "
const spamBurst = 25
const spamRefill = 300_000

/** A map that forgets what was used longest ago. */
const makeLru = <A>() => {
  const entries = new Map<string, A>()
  return {
    get: (key: string) => entries.get(key),
    set: (key: string, value: A) => {
      entries.delete(key)
      entries.set(key, value)
      for (const oldest of entries.keys()) {
        if (entries.size <= capacity) break
        entries.delete(oldest)
      }
    }
  }
}

/** As long as those that are made of time. */
const standingName = ({ about, component, message, reason, type }: EventNote): string => {
  const said = JSON.stringify([component, ...aboutOf(about), type, reason, message])
  return `${about.name}.${createHash("sha256").update(said).digest("hex").slice(0, 16)}`
}

const keyOf = (...parts: ReadonlyArray<string>) => JSON.stringify(parts)

const aboutOf = ({ kind, apiVersion, namespace, name, uid }: ObjectRef) => [
  kind,
  apiVersion,
  namespace ?? "",
  name,
  uid
]

export const makeCorrelator = () => {
  const groups = makeLru<{ readonly messages: ReadonlySet<string>; readonly last: number }>()
  const seen = makeLru<KubeEvent>()
  const buckets = makeLru<{ readonly tokens: number; readonly at: number }>()
  let lastName = 0n

  /** Names are made of time, and two events must not get one name. */
  const nameFor = ({ about: { name } }: EventNote, nanos: bigint) => {
    lastName = nanos > lastName ? nanos : lastName + 1n
    return `${name}.${lastName.toString(16)}`
  }

  /** Under which key the event is counted, and whether it stands for others. */
  const aggregate = ({ about, component, type, reason, message }: EventNote, now: number) => {
    const group = keyOf(component, ...aboutOf(about), type, reason)
    const known = groups.get(group)
    const fresh = known === undefined || now - known.last > aggregationWindow
    const messages = new Set(fresh ? [] : known.messages).add(message)
    const alike = messages.size >= distinctMessages
    // The count stays at the limit, and with it the memory.
    if (alike) for (const any of messages) if (messages.size >= distinctMessages) messages.delete(any)
    groups.set(group, { messages, last: now })
    return { key: alike ? group : keyOf(group, message), alike }
  }

  const admitted = ({ about, component }: EventNote, now: number): boolean => {
    const key = keyOf(component, ...aboutOf(about))
    const { tokens, at } = buckets.get(key) ?? { tokens: spamBurst, at: now }
    // A clock that was set back takes nothing away.
    const filled = Math.min(spamBurst, tokens + Math.max(0, now - at) / spamRefill)
    const ok = filled >= 1
    buckets.set(key, { tokens: ok ? filled - 1 : filled, at: now })
    return ok
  }

  /** `said` is when the note was made, `now` when it is looked at: later, if the API server was away. */
  const correlate = (note: EventNote, said: number, nanos: bigint, now: number): Verdict => {
    const { key, alike } = aggregate(note, now)
    const last = alike ? now : said
    const before = seen.get(key)
    const event: KubeEvent = {
      name: before?.name ?? (note.standing === true && !alike ? standingName(note) : nameFor(note, nanos)),
      namespace: note.about.namespace ?? "default",
      note,
      message: alike ? aggregated + note.message : note.message,
      count: (before?.count ?? 0) + 1,
      first: before?.first ?? last,
      last
    }
    seen.set(key, event)
    if (!admitted(note, now)) return { _tag: "Drop" }
    return { _tag: before === undefined ? "Create" : "Count", event }
  }

  return { correlate }
}
