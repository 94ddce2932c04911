/**
 * Keeps a cache equal to what the API server holds: list, then watch from there, for ever.
 *
 * A watch that ends or breaks is resumed at the last revision seen (bookmarks keep that fresh); one that is refused
 * there, or told 410, starts with a list whose differences show what was missed. A watch that is silent for longer than
 * bookmarks can be is taken for dead. Nothing but a defect ends it, and that ends the readers of the cache too.
 */
import { Cause, Duration, Effect, Option, Random, Result, Schema, Stream } from "effect"
import { monotonicMillis } from "../wire/monotonic.ts"
import type { KubeApi } from "./KubeApi.ts"
import { KubeError } from "./KubeError.ts"
import { complain, identityOf, type Kind, listAll, readAs } from "./listing.ts"
import { isOlder, type Store, type Stored } from "./Store.ts"

export interface Followed<A extends Stored> extends Kind<A> {
  readonly store: Store<A>
}

/** The server sends a bookmark a minute. */
const silence = Duration.seconds(150)
/** Seconds after which the server is to end a watch, spread so that not all end at once. */
const [shortest, longest] = [300, 600]
const firstPause = 800
const longestPause = 30_000
/**
 * A watch that lived for so many milliseconds was a good one, even if it had nothing to tell: proxies cut what is silent
 * for 50 s or so, before the first bookmark comes.
 */
const goodLife = 10_000

const WatchEvent = Schema.Struct({ type: Schema.String, object: Schema.Unknown })
const Status = Schema.Struct({ code: Schema.optionalKey(Schema.Int), message: Schema.optionalKey(Schema.String) })
const revisionOf = Schema.decodeUnknownOption(
  Schema.Struct({ metadata: Schema.Struct({ resourceVersion: Schema.NonEmptyString }) })
)

/** Any refusal but these means that this revision cannot be watched from. */
const passing: ReadonlySet<number> = new Set([0, 401, 403, 429])

export const follow = Effect.fnUntraced(
  function* <A extends Stored>(api: KubeApi["Service"], followed: Followed<A>): Effect.fn.Return<never> {
    const { resource, decode, store } = followed
    const operation = `watch ${resource.plural}`
    let from: string | undefined
    let newest = "0"
    let failures = 0

    const reached = (revision: string) => {
      from = revision
      newest = revision
    }

    const list = Effect.gen(function* () {
      const { revision, ...listing } = yield* listAll(api, followed)
      const restarted = isOlder(revision, newest)
      if (restarted) yield* Effect.logWarning("the API server has gone back in its history", { revision })
      store.replace({ ...listing, restarted })
      reached(revision)
      yield* Effect.logDebug("listed", { objects: listing.objects.length, revision })
    })

    const accept = Effect.fnUntraced(function* (json: unknown) {
      const { type, object } = yield* readAs(WatchEvent, json, operation)
      if (type === "ERROR") {
        const { code, message } = yield* readAs(Status, object, operation)
        return yield* new KubeError({ operation, status: code ?? 500, text: message ?? "an error without a message" })
      }
      if (type === "DELETED") {
        for (const { key, uid } of Option.toArray(identityOf(object))) store.remove(key, uid)
      } else if (type !== "BOOKMARK") {
        const decoded = decode(object)
        if (Result.isSuccess(decoded)) store.upsert(decoded.success)
        else yield* complain(resource, object, decoded.failure)
      }
      for (const { metadata } of Option.toArray(revisionOf(object))) reached(metadata.resourceVersion)
    })

    const watch = Effect.fnUntraced(function* (resourceVersion: string) {
      const begun = yield* monotonicMillis
      const timeoutSeconds = String(yield* Random.nextIntBetween(shortest, longest))
      const events = api
        .watch(resource, { watch: "true", allowWatchBookmarks: "true", resourceVersion, timeoutSeconds })
        .pipe(
          Stream.timeoutOrElse({
            duration: silence,
            orElse: () => Stream.fail(new KubeError({ operation, status: 0, text: "silent for too long" }))
          })
        )
      const result = yield* Effect.result(Stream.runForEach(events, accept))
      const lived = (yield* monotonicMillis) - begun
      if (from !== resourceVersion || lived >= goodLife) failures = 0
      return yield* Effect.fromResult(result)
    })

    const step = Effect.suspend(() => (from === undefined ? list : watch(from)))

    const pause = Effect.suspend(() => {
      const millis = Math.min(firstPause * 2 ** failures, longestPause)
      failures += 1
      return Effect.flatMap(Random.nextBetween(0.5, 1), (share) => Effect.sleep(Duration.millis(millis * share)))
    })

    const failed = (error: KubeError) => {
      // Connections break and revisions expire in the best of clusters; twice in a row is news.
      const usual = failures === 0 && (error.status === 0 || error.status === 410)
      if (!passing.has(error.status)) from = undefined
      return Effect.logWithLevel(usual ? "Debug" : "Warn")("the API server cannot be followed at the moment", {
        problem: error.message
      })
    }

    while (true) {
      const wasListing = from === undefined
      const result = yield* Effect.result(step)
      if (Result.isFailure(result)) yield* failed(result.failure)
      // Also after an orderly end, because many watches end at once when a server restarts.
      if (Result.isFailure(result) || !wasListing) yield* pause
    }
  },
  (effect, _, { resource, store }) =>
    Effect.onExit(effect, (exit) => {
      if (exit._tag === "Success" || Cause.hasInterruptsOnly(exit.cause)) return Effect.void
      store.crash(exit.cause)
      return Effect.logFatal("the watch has died", exit.cause)
    }).pipe(Effect.annotateLogs({ resource: resource.plural }))
)
