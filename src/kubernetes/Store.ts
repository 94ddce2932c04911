/**
 * The cache of one kind: fed by list, watch and our own writes, read by the controllers.
 *
 * A write's answer enters the cache at once, so the watch may later deliver an older state of the same object. The API
 * server's resourceVersions of one object are ordered (decimal, growing); an older one never replaces a newer one.
 * Objects with different UIDs are never compared.
 */
import { Effect, Latch, Option, Queue, Stream } from "effect"
import type { Change } from "./Services.ts"

export interface Stored {
  readonly uid: string
  readonly resourceVersion: string
}

export interface Store<A extends Stored> {
  readonly synced: Effect.Effect<void>
  readonly find: (key: string) => Effect.Effect<Option.Option<A>>
  readonly all: Effect.Effect<ReadonlyArray<A>>
  readonly changes: Stream.Stream<Change<A>>
  readonly size: () => number
  readonly upsert: (object: A) => void
  /** A deletion seen by the watch. */
  readonly remove: (object: A) => void
  /** An object that our own write let go: what the watch still says about this UID is old. */
  readonly bury: (object: A) => void
  /** A complete list; whatever it lacks was deleted unseen. Opens `synced`. */
  readonly replace: (objects: ReadonlyArray<A>) => void
}

const decimal = /^\d+$/

/** Whether `a` is an earlier state than `b` of the same object. */
export const isOlder = (a: string, b: string): boolean => {
  if (!decimal.test(a) || !decimal.test(b)) return false
  return BigInt(a) < BigInt(b)
}

export const makeStore = <A extends Stored>(keyOf: (object: A) => string): Store<A> => {
  const objects = new Map<string, A>()
  const buried = new Map<string, string>()
  const subscribers = new Set<Queue.Queue<Change<A>>>()
  const synced = Latch.makeUnsafe(false)

  const publish = (change: Change<A>) => {
    for (const queue of subscribers) Queue.offerUnsafe(queue, change)
  }

  const upsert = (after: A) => {
    const key = keyOf(after)
    if (buried.get(key) === after.uid) return
    const before = objects.get(key)
    if (before?.uid === after.uid && before.resourceVersion === after.resourceVersion) return
    if (before?.uid === after.uid && isOlder(after.resourceVersion, before.resourceVersion)) return
    objects.set(key, after)
    publish(before === undefined ? { after } : { before, after })
  }

  const drop = (key: string, uid: string) => {
    const before = objects.get(key)
    if (before === undefined || before.uid !== uid) return
    objects.delete(key)
    publish({ before })
  }

  const changes = Stream.unwrap(
    Effect.acquireRelease(
      Effect.gen(function* () {
        const queue = yield* Queue.unbounded<Change<A>>()
        // In one step, so that no change falls between the snapshot and the subscription.
        for (const after of objects.values()) Queue.offerUnsafe(queue, { after })
        subscribers.add(queue)
        return queue
      }),
      (queue) => {
        subscribers.delete(queue)
        return Queue.shutdown(queue)
      }
    ).pipe(Effect.map(Stream.fromQueue))
  )

  return {
    synced: synced.await,
    find: (key) => Effect.sync(() => Option.fromNullishOr(objects.get(key))),
    all: Effect.sync(() => [...objects.values()]),
    changes,
    size: () => objects.size,
    upsert,
    remove: (object) => {
      const key = keyOf(object)
      if (buried.get(key) === object.uid) buried.delete(key)
      drop(key, object.uid)
    },
    bury: (object) => {
      const key = keyOf(object)
      // Not cached means that the watch has told of the end already.
      if (objects.get(key)?.uid !== object.uid) return
      buried.set(key, object.uid)
      drop(key, object.uid)
    },
    replace: (list) => {
      const present = new Map(list.map((object) => [keyOf(object), object]))
      for (const [key, uid] of buried) if (present.get(key)?.uid !== uid) buried.delete(key)
      for (const [key, before] of objects) if (!present.has(key)) drop(key, before.uid)
      for (const object of list) upsert(object)
      synced.openUnsafe()
    }
  }
}
