/** The way to the API server: HTTP/1.1 connections that are kept, and credentials that are read again as they rotate. */
import { Context, Duration, Effect, Equal, Fiber, Layer, Metric, Option, Redacted, Result, Semaphore } from "effect"
import type { Dispatcher } from "undici"
import { restClientDuration, restClientRequests } from "../../observability/metrics.ts"
import { openWays } from "../../wire/agents.ts"
import { Withheld } from "../../wire/LastCheck.ts"
import { monotonicMillis } from "../../wire/monotonic.ts"
import { environmentProxy } from "../../wire/proxies.ts"
import type { Ways } from "../../wire/Ways.ts"
import { KubeError } from "../KubeError.ts"
import { type Credentials, type Source, unusable } from "./credentials.ts"
import { inCluster } from "./inCluster.ts"
import { kubeconfig } from "./kubeconfig.ts"
import { expectedServer, serverUrl } from "./serverUrl.ts"

export interface Sent {
  readonly method: Dispatcher.HttpMethod
  /** With query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface ConnectionOptions {
  /** File; without one the pod's service account, or else the user's own kubeconfig. */
  readonly kubeconfig?: string
  /** Overrides the address of the server: a URL or `host:port`. */
  readonly master?: string
}

export class Connection extends Context.Service<
  Connection,
  {
    /** Fails only when there was no answer, or the last check did not let it go. Who gets the body reads or destroys it. */
    readonly send: (request: Sent) => Effect.Effect<Dispatcher.ResponseData, KubeError>
  }
>()("ccm/kubernetes/live/Connection") {
  static readonly layer = (options: ConnectionOptions) => Layer.effect(this, make(sourceOf(options)))
  /** With credentials from somewhere else. */
  static readonly layerFrom = (credentials: Effect.Effect<Credentials, KubeError>) =>
    Layer.effect(this, make(Effect.succeed(credentials)))
}

/** Where the credentials come from; to run it is to try them out. */
export const sourceOf = (options: ConnectionOptions): Source =>
  Effect.gen(function* () {
    const path = options.kubeconfig === "" ? undefined : options.kubeconfig
    const pod = path === undefined ? yield* inCluster() : Option.none()
    const source = Option.isSome(pod) ? pod.value : yield* kubeconfig(path)
    const { master = "" } = options
    const located = master === "" ? source : Effect.flatMap(source, (found) => redirected(found, master))
    return Effect.flatMap(located, proxied)
  })

/** What the kubeconfig says about it counts more than the environment. */
const proxied = (found: Credentials) => {
  if (found.proxyUrl !== undefined) return Effect.succeed(found)
  return Result.match(environmentProxy(found.server, process.env), {
    onFailure: (problem) => Effect.fail(unusable(problem)),
    onSuccess: (proxyUrl) => Effect.succeed(proxyUrl === undefined ? found : { ...found, proxyUrl })
  })
}

const redirected = (found: Credentials, master: string) => {
  const { ca, cert, verify } = found.tls
  const server = serverUrl(master, ca !== undefined || cert !== undefined || !verify)
  return server === undefined
    ? Effect.fail(unusable(`--master ${JSON.stringify(master)}: ${expectedServer}`))
    : Effect.succeed({ ...found, server })
}

const refreshAfter = 60_000

const open = ({ tls, proxyUrl }: Credentials): Ways => {
  const connect = {
    rejectUnauthorized: tls.verify,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: Redacted.value(tls.key) }),
    ...(tls.servername === undefined ? {} : { servername: tls.servername })
  }
  // Connections are given up well before the server does (90 s). Deadlines are ours, not undici's: a watch may be silent.
  const timeouts = { keepAliveTimeout: 30_000, headersTimeout: 0, bodyTimeout: 0 }
  return openWays({ connect, proxy: proxyUrl, timeouts })
}

interface Current {
  readonly credentials: Credentials
  readonly ways: Ways
  readonly readAt: number
}

const sameWay = (a: Credentials, b: Credentials) =>
  Equal.equals([a.server, a.tls, a.proxyUrl], [b.server, b.tls, b.proxyUrl])

/** Counts the request, and times it until the answer begins. */
const measured =
  (method: string, host: string) =>
  (request: Effect.Effect<Dispatcher.ResponseData, KubeError>): Effect.Effect<Dispatcher.ResponseData, KubeError> =>
    Effect.gen(function* () {
      const [took, result] = yield* Effect.timed(Effect.result(request))
      const code = Result.isSuccess(result) ? String(result.success.statusCode) : "<error>"
      yield* Metric.update(restClientRequests.of({ code, method, host }), 1)
      yield* Metric.update(restClientDuration.of({ verb: method, host }), Duration.toSeconds(took))
      return yield* Effect.fromResult(result)
    })

/** Ends an answer that nobody reads to its end: its connection would stay open for as long as the server likes. */
export const abandon = ({ body }: Dispatcher.ResponseData): Effect.Effect<void> =>
  // A stream that is destroyed early complains, and nobody listens any more.
  Effect.sync(() => void body.on("error", () => {}).destroy())

const make = Effect.fnUntraced(function* (source: Source) {
  const lock = yield* Semaphore.make(1)
  const scope = yield* Effect.scope
  let read: Effect.Effect<Credentials, KubeError> | undefined
  let reading: Fiber.Fiber<Credentials, KubeError> | undefined
  let current: Current | undefined

  yield* Effect.addFinalizer(() => Effect.suspend(() => current?.ways.destroy ?? Effect.void))

  /** The old connections end with what runs on them. */
  const take = (stale: Current | undefined, credentials: Credentials, readAt: number) =>
    Effect.gen(function* () {
      const kept = stale !== undefined && sameWay(stale.credentials, credentials)
      current = { credentials, ways: kept ? stale.ways : open(credentials), readAt }
      if (stale !== undefined && !kept) yield* Effect.forkDetach(stale.ways.close)
      return current
    }).pipe(Effect.uninterruptible)

  const readOnce = Effect.gen(function* () {
    read ??= yield* source
    return yield* read
  })

  /** A plugin may hang. Then each request waits for it until its own deadline, and none starts another one. */
  const fresh = Effect.gen(function* () {
    reading ??= yield* Effect.forkIn(readOnce, scope)
    const exit = yield* Fiber.await(reading)
    reading = undefined
    return yield* exit
  })

  const renew = (stale: Current | undefined, now: number) =>
    Effect.gen(function* () {
      // Another request may have done it while this one waited.
      if (current !== undefined && current !== stale) return current
      const credentials = yield* fresh.pipe(
        Effect.catch((error) =>
          stale === undefined
            ? Effect.fail(error)
            : Effect.as(
                Effect.logWarning("credentials cannot be renewed", { problem: error.message }),
                stale.credentials
              )
        )
      )
      return yield* take(stale, credentials, now)
    }).pipe(lock.withPermit)

  const usable = Effect.gen(function* () {
    const now = yield* monotonicMillis
    return current !== undefined && now - current.readAt < refreshAfter ? current : yield* renew(current, now)
  })

  const sendWith = ({ credentials, ways }: Current, { method, path, headers, body }: Sent) => {
    const { origin, host, pathname } = new URL(credentials.server)
    const prefix = pathname === "/" ? "" : pathname
    return Effect.flatMap(ways.current, (way) =>
      Effect.tryPromise({
        try: (signal) =>
          way.request({
            origin,
            path: prefix + path,
            method,
            headers: { ...headers, ...Redacted.value(credentials.headers) },
            signal,
            ...(body === undefined ? {} : { body })
          }),
        catch: (cause) =>
          new KubeError({
            operation: `${method} ${origin}`,
            status: 0,
            text: cause instanceof Error ? cause.message : "the request failed",
            ...(cause instanceof Withheld ? { withheld: true } : {})
          })
      })
    ).pipe(measured(method, host))
  }

  return Connection.of({
    send: Effect.fnUntraced(function* (request) {
      const with_ = yield* usable
      const answer = yield* sendWith(with_, request)
      if (answer.statusCode !== 401) return answer
      // The token may have been replaced a moment ago.
      yield* Effect.onInterrupt(
        Effect.promise(() => answer.body.dump()),
        () => abandon(answer)
      )
      return yield* sendWith(yield* renew(with_, yield* monotonicMillis), request)
    })
  })
})
