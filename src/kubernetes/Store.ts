/**
 * The cache of one kind: fed by list, watch and our own writes, read by the controllers.
 *
 * A write's answer enters the cache at once, so the watch may later deliver an older state of the same object. The API
 * server's resourceVersions of one object are ordered (decimal, growing); an older one never replaces a newer one.
 * Objects with different UIDs are never compared.
 */
import { type Cause, Deferred, Effect, Option, Queue, Stream } from "effect"
import type { Change } from "./Services.ts"

export interface Stored {
  readonly uid: string
  readonly resourceVersion: string
}

export interface Listing<A> {
  readonly objects: ReadonlyArray<A>
  /** Keys of objects that are there but cannot be read: what is cached of them stays. */
  readonly unreadable: ReadonlySet<string>
  /** The server has gone back in its history (restored from a backup): its word counts, whatever the revisions. */
  readonly restarted: boolean
}

export interface Store<A extends Stored> {
  readonly synced: Effect.Effect<void>
  readonly find: (key: string) => Effect.Effect<Option.Option<A>>
  readonly all: Effect.Effect<ReadonlyArray<A>>
  /** Dies if what feeds the cache has died: nobody goes on with a cache that stands still. */
  readonly changes: Stream.Stream<Change<A>>
  readonly upsert: (object: A) => void
  /** A deletion seen by the watch. */
  readonly remove: (key: string, uid: string) => void
  /** An object that our own write let go: what the watch still says about this UID is old. */
  readonly bury: (object: A) => void
  /** A complete list; whatever it lacks was deleted unseen. Opens `synced`. */
  readonly replace: (listing: Listing<A>) => void
  /** Ends `changes` and `synced` with a defect. */
  readonly crash: (cause: Cause.Cause<never>) => void
}

const decimal = /^\d+$/

/** Whether `a` is an earlier revision than `b`. */
export const isOlder = (a: string, b: string): boolean =>
  decimal.test(a) && decimal.test(b) && (a.length === b.length ? a < b : a.length < b.length)

export const makeStore = <A extends Stored>(keyOf: (object: A) => string): Store<A> => {
  const objects = new Map<string, A>()
  const buried = new Map<string, string>()
  const subscribers = new Set<Queue.Queue<Change<A>>>()
  const synced = Deferred.makeUnsafe<void>()
  let crashed: Cause.Cause<never> | undefined
  /** Made once for the many who ask between two changes. */
  let list: ReadonlyArray<A> | undefined

  const publish = (change: Change<A>) => {
    list = undefined
    for (const queue of subscribers) Queue.offerUnsafe(queue, change)
  }

  const put = (key: string, after: A) => {
    const before = objects.get(key)
    objects.set(key, after)
    publish(before === undefined ? { after } : { before, after })
  }

  const upsert = (after: A) => {
    const key = keyOf(after)
    if (buried.get(key) === after.uid) return
    const before = objects.get(key)
    const same = before?.uid === after.uid
    if (same && before.resourceVersion === after.resourceVersion) return
    if (same && isOlder(after.resourceVersion, before.resourceVersion)) return
    put(key, after)
  }

  const drop = (key: string, uid: string) => {
    const before = objects.get(key)
    if (before === undefined || before.uid !== uid) return
    objects.delete(key)
    publish({ before })
  }

  const subscribe = Effect.gen(function* () {
    const queue = yield* Queue.unbounded<Change<A>>()
    if (crashed !== undefined) Queue.failCauseUnsafe(queue, crashed)
    // In one step, so that no change falls between the snapshot and the subscription.
    for (const after of objects.values()) Queue.offerUnsafe(queue, { after })
    subscribers.add(queue)
    return queue
  })

  return {
    synced: Deferred.await(synced),
    find: (key) => Effect.sync(() => Option.fromNullishOr(objects.get(key))),
    all: Effect.sync(() => {
      list ??= [...objects.values()]
      return list
    }),
    changes: Stream.unwrap(
      Effect.acquireRelease(subscribe, (queue) => {
        subscribers.delete(queue)
        return Queue.shutdown(queue)
      }).pipe(Effect.map(Stream.fromQueue))
    ),
    upsert,
    remove: (key, uid) => {
      if (buried.get(key) === uid) buried.delete(key)
      drop(key, uid)
    },
    bury: (object) => {
      const key = keyOf(object)
      // Not cached means that the watch has told of the end already.
      if (objects.get(key)?.uid !== object.uid) return
      buried.set(key, object.uid)
      drop(key, object.uid)
    },
    replace: (listing) => {
      const present = new Map(listing.objects.map((object) => [keyOf(object), object]))
      for (const [key, uid] of buried) {
        if (listing.restarted || present.get(key)?.uid !== uid) buried.delete(key)
      }
      for (const [key, before] of objects) {
        if (!present.has(key) && !listing.unreadable.has(key)) drop(key, before.uid)
      }
      for (const [key, object] of present) {
        if (listing.restarted && objects.get(key)?.resourceVersion !== object.resourceVersion) put(key, object)
        else upsert(object)
      }
      Deferred.doneUnsafe(synced, Effect.void)
    },
    crash: (cause) => {
      crashed = cause
      for (const queue of subscribers) Queue.failCauseUnsafe(queue, cause)
      Deferred.doneUnsafe(synced, Effect.failCause(cause))
    }
  }
}
