/**
 * Keys that wait, most urgent first, with ageing so that no priority starves another.
 *
 * The rule: a key that starts to wait at time t with the n-th priority (n = 0 is the most urgent) has the rank time
 * t + n × ageing, and the smallest rank time goes first; equals go in order of arrival. So a key of the n-th priority
 * is overtaken only by more urgent keys that came less than n × ageing after it.
 */

export interface Waiting<K, P> {
  readonly key: K
  readonly priority: P
  /** When it was first added, in the caller's milliseconds. */
  readonly since: number
}

interface Entry<K, P> extends Waiting<K, P> {
  readonly rankTime: number
}

export interface Lanes<K, P> {
  readonly has: (key: K) => boolean
  /** A key that waits already keeps its place, or gets a better one if the new priority is more urgent. */
  readonly push: (key: K, priority: P, now: number, since?: number) => void
  readonly shift: () => Waiting<K, P> | undefined
  readonly size: () => number
  /** How many wait with this priority, and since when the oldest of them. */
  readonly depth: (priority: P) => { readonly count: number; readonly oldest: number | undefined }
}

const before = <K, P>(a: Entry<K, P>, b: Entry<K, P>) =>
  a.rankTime < b.rankTime || (a.rankTime === b.rankTime && a.since < b.since)

export const makeLanes = <K, P>(priorities: ReadonlyArray<P>, ageingMillis: number): Lanes<K, P> => {
  const indexOf = new Map(priorities.map((priority, index) => [priority, index]))
  const urgency = (priority: P) => indexOf.get(priority) ?? priorities.length
  // Within one lane rank times only grow, so a lane is a Map in insertion order and its head is its smallest.
  const lanes = priorities.map(() => new Map<K, Entry<K, P>>())
  const laneOf = new Map<K, Map<K, Entry<K, P>>>()

  const put = (lane: Map<K, Entry<K, P>> | undefined, entry: Entry<K, P>) => {
    if (lane === undefined) throw new Error(`no such priority: ${String(entry.priority)}`)
    lane.set(entry.key, entry)
    laneOf.set(entry.key, lane)
  }

  const push = (key: K, priority: P, now: number, since = now) => {
    const rankTime = now + urgency(priority) * ageingMillis
    const lane = laneOf.get(key)
    const present = lane?.get(key)
    if (lane === undefined || present === undefined) {
      return put(lanes[urgency(priority)], { key, priority, since, rankTime })
    }
    if (urgency(priority) >= urgency(present.priority)) return
    // It may have aged past a newcomer of the more urgent priority: then only its name changes.
    if (present.rankTime <= rankTime) return put(lane, { ...present, priority })
    lane.delete(key)
    put(lanes[urgency(priority)], { ...present, priority, rankTime })
  }

  const shift = () => {
    let first: Entry<K, P> | undefined
    for (const lane of lanes) {
      const head = lane.values().next().value
      if (head !== undefined && (first === undefined || before(head, first))) first = head
    }
    if (first === undefined) return undefined
    laneOf.get(first.key)?.delete(first.key)
    laneOf.delete(first.key)
    return first
  }

  const depth = (priority: P) => {
    let count = 0
    let oldest: number | undefined
    for (const lane of lanes) {
      for (const entry of lane.values()) {
        if (entry.priority !== priority) continue
        count += 1
        if (oldest === undefined || entry.since < oldest) oldest = entry.since
      }
    }
    return { count, oldest }
  }

  return { has: (key) => laneOf.has(key), push, shift, size: () => laneOf.size, depth }
}
