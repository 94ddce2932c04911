/** The API server as a controller sees it: requests and watches, and what goes wrong with them. */
import { Deferred, Duration, Effect, Stream } from "effect"
import { isObject, textAt } from "../../../src/kubernetes/json.ts"
import { KubeApi, type KubeRequest, operationOf, type Resource } from "../../../src/kubernetes/KubeApi.ts"
import { KubeError } from "../../../src/kubernetes/KubeError.ts"
import type { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { type FaultName, isWatchFault, type WatchFault } from "./faults.ts"
import type { Outside, Process } from "./outside.ts"

const network = Duration.millis(5)
const outageMillis = 120_000
const betweenBookmarks = Duration.seconds(60)

/** One watch. */
interface Connection {
  readonly broken: Deferred.Deferred<never, KubeError>
  /** Nothing comes through any more, and nobody is told. */
  dead: boolean
}

export const makeKubeSide = (outside: Outside, kube: KubeMemory["Service"]) => {
  const { apart, awaited, common, note, time } = outside
  let downUntil = 0
  let expired = false
  const connections = new Map<Process, Set<Connection>>()

  const isDown = () => time.now() < downUntil

  const breakWatches = (process: Process, how: WatchFault | "down") =>
    Effect.gen(function* () {
      if (how === "watch: cut, then 410") expired = true
      for (const connection of connections.get(process) ?? []) {
        if (how === "watch: silent") connection.dead = true
        else yield* Deferred.fail(connection.broken, new KubeError({ operation: "watch", status: 0, text: "reset" }))
      }
    })

  /** What a fault does besides to its call; passed on to the call unless that was all. */
  const strike = (process: Process, name: FaultName | undefined): Effect.Effect<FaultName | undefined> => {
    if (name === undefined) return Effect.succeed(undefined)
    if (isWatchFault(name)) return Effect.as(breakWatches(process, name), undefined)
    if (name !== "kube: down") return Effect.succeed(name)
    downUntil = time.now() + outageMillis
    return Effect.as(breakWatches(process, "down"), name)
  }

  const answer = (process: Process, request: KubeRequest, name: FaultName | undefined) => {
    const operation = operationOf(request)
    const fail = (status: number) => Effect.fail(new KubeError({ operation, status, text: "chaos" }))
    const after = (delay: Duration.Input) => apart(process, Effect.andThen(Effect.sleep(delay), kube.request(request)))
    if (isDown()) return fail(0)
    const done = after(network)
    switch (name) {
      case "kube: conflict":
        return fail(409)
      case "kube: 500":
        return fail(500)
      case "kube: 500 after effect":
        return Effect.andThen(Effect.exit(done), fail(500))
      case "kube: no answer":
        return fail(0)
      case "kube: no answer after effect":
        return Effect.andThen(Effect.exit(done), fail(0))
      case "kube: slow":
        return after("12 seconds")
      default:
        return common(process, name, done) ?? done
    }
  }

  const call =
    (process: Process): KubeApi["Service"]["call"] =>
    (request) =>
      Effect.suspend(() => {
        const name = note(process, { to: "Kubernetes", what: operationOf(request) })
        if (name === "gone") return Effect.never
        return awaited(
          process,
          Effect.flatMap(strike(process, name), (left) => answer(process, request, left))
        )
      })

  /** What a real server says once a minute: how far the watch has come. */
  const bookmarks = (resource: Resource) =>
    Stream.tick(betweenBookmarks).pipe(
      Stream.drop(1),
      Stream.mapEffect(() => kube.request({ verb: "list", resource })),
      Stream.map((list) => ({
        type: "BOOKMARK",
        object: {
          metadata: { resourceVersion: isObject(list) ? textAt(list, "metadata", "resourceVersion") : "" }
        }
      }))
    )

  const connect = (process: Process, resource: Resource, revision: string) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const connection: Connection = { broken: yield* Deferred.make<never, KubeError>(), dead: false }
        const open = connections.get(process) ?? new Set()
        connections.set(process, open.add(connection))
        yield* Effect.addFinalizer(() => Effect.sync(() => open.delete(connection)))
        return Stream.merge(kube.watch(resource.plural, revision), bookmarks(resource)).pipe(
          Stream.mapEffect((event) => Effect.as(Effect.sleep(network), event)),
          Stream.filter(() => !connection.dead && !process.doomed),
          Stream.merge(Stream.fromEffect(Deferred.await(connection.broken)))
        )
      })
    )

  const watch =
    (process: Process): KubeApi["Service"]["watch"] =>
    (resource, query) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const operation = `watch ${resource.plural}`
          const name = note(process, { to: "Kubernetes", what: operation })
          if (name === "gone") return Stream.never
          const left = yield* strike(process, name)
          const fail = (status: number) => Stream.fail(new KubeError({ operation, status, text: "chaos" }))
          if (isDown()) return fail(0)
          if (expired) {
            expired = false
            return fail(410)
          }
          if (left === "kube: 500") return fail(500)
          if (left === "kube: no answer") return fail(0)
          yield* Effect.sleep(left === "kube: slow" ? "12 seconds" : network)
          yield* common(process, left, Effect.void) ?? Effect.void
          return connect(process, resource, query["resourceVersion"] ?? "0")
        })
      )

  return {
    /** The API server as this process sees it. */
    of: (process: Process): KubeApi["Service"] =>
      KubeApi.of({ call: call(process), watch: watch(process), healthy: Effect.void }),
    /** The watches of this process break, as a call to the other side was made. */
    breakWatches,
    /** It answers, and nobody misses anything. */
    calm: () =>
      !isDown() &&
      [...connections].every(([{ domain }, open]) => !domain.alive() || [...open].every(({ dead }) => !dead))
  }
}

export type KubeSide = ReturnType<typeof makeKubeSide>
