/** `KubeApi` over HTTP: one client with its own rate, name and deadline. Clients share connections and credentials. */
import { Duration, Effect, Layer, Option, Schema, Stream } from "effect"
import type { Dispatcher } from "undici"
import { KubeApi, type KubeRequest, operationOf, type Resource, type Verb } from "../KubeApi.ts"
import { KubeError } from "../KubeError.ts"
import { makeBucket } from "./bucket.ts"
import { abandon, Connection, type Sent } from "./Connection.ts"

export interface ClientOptions {
  readonly userAgent: string
  /** Requests a second; 0 = no limit. */
  readonly qps: number
  readonly burst: number
  /** Deadline of a request, waiting for its turn included. */
  readonly timeout?: Duration.Duration
}

const methods: Readonly<Record<Verb, Dispatcher.HttpMethod>> = {
  get: "GET",
  list: "GET",
  create: "POST",
  update: "PUT",
  patch: "PATCH",
  delete: "DELETE"
}

const rootOf = ({ group, version, plural }: Resource, namespace: string | undefined): string => {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`
  return namespace === undefined ? `${root}/${plural}` : `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`
}

const withQuery = (path: string, query: Readonly<Record<string, string>> = {}): string => {
  const text = new URLSearchParams(query).toString()
  return text === "" ? path : `${path}?${text}`
}

export const pathOf = ({ resource, namespace, name, subresource, query }: KubeRequest): string => {
  const parts = [rootOf(resource, namespace)]
  if (name !== undefined) parts.push(encodeURIComponent(name))
  if (subresource !== undefined) parts.push(subresource)
  return withQuery(parts.join("/"), query)
}

const decodeStatus = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ message: Schema.String })))
const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

/** The server asks for patience: after so many seconds, for so many times. */
const mostRetries = 10
const retryAfter = ({ statusCode, headers }: Dispatcher.ResponseData): number | undefined => {
  const seconds = Number(headers["retry-after"])
  const asked = statusCode === 429 || statusCode >= 500
  return asked && headers["retry-after"] !== undefined && Number.isFinite(seconds) ? seconds : undefined
}

const make = Effect.fnUntraced(function* (options: ClientOptions) {
  const connection = yield* Connection
  const turn = makeBucket(options.qps, options.burst)
  const timeout = options.timeout ?? Duration.seconds(30)

  const textOf = (operation: string, answer: Dispatcher.ResponseData) =>
    Effect.tryPromise({
      try: () => answer.body.text(),
      catch: () => new KubeError({ operation, status: 0, text: "the connection broke during the answer" })
    }).pipe(Effect.onInterrupt(() => abandon(answer)))

  const refusal = (operation: string, status: number, body: string) => {
    const said = Option.map(decodeStatus(body), ({ message }) => message)
    return new KubeError({ operation, status, text: Option.getOrElse(said, () => body.slice(0, 200).trim()) })
  }

  /** The answer with its body still to be read, if it is a good one. */
  const exchange = Effect.fnUntraced(function* (operation: string, request: Sent) {
    const headers = { accept: "application/json", "user-agent": options.userAgent, ...request.headers }
    for (let tries = 0; ; tries++) {
      yield* turn
      const answer = yield* Effect.mapError(
        connection.send({ ...request, headers }),
        ({ text, unsendable, withheld }) =>
          new KubeError({
            operation,
            status: 0,
            text,
            ...(withheld === true ? { withheld } : {}),
            ...(unsendable === true ? { unsendable } : {})
          })
      )
      if (answer.statusCode < 300) return answer
      const patience = tries < mostRetries ? retryAfter(answer) : undefined
      const body = yield* textOf(operation, answer)
      if (patience === undefined) return yield* refusal(operation, answer.statusCode, body)
      yield* Effect.sleep(Duration.seconds(patience))
    }
  })

  const bounded = <A>(operation: string, effect: Effect.Effect<A, KubeError>) =>
    Effect.timeoutOrElse(effect, {
      duration: timeout,
      orElse: () => Effect.fail(new KubeError({ operation, status: 0, text: `not within ${Duration.format(timeout)}` }))
    })

  const call = Effect.fn("KubeApi.call")(function* (request: KubeRequest) {
    const operation = operationOf(request)
    yield* Effect.annotateCurrentSpan({ operation })
    const type = request.verb === "patch" ? "application/strategic-merge-patch+json" : "application/json"
    const sent: Sent = {
      method: methods[request.verb],
      path: pathOf(request),
      headers: request.body === undefined ? {} : { "content-type": type },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) })
    }
    const body = yield* bounded(
      operation,
      Effect.flatMap(exchange(operation, sent), (answer) => textOf(operation, answer))
    )
    const json = decodeJson(body)
    if (Option.isSome(json)) return json.value
    return yield* new KubeError({ operation, status: 0, text: "the answer is not JSON" })
  })

  const watch = (resource: Resource, query: Readonly<Record<string, string>>) => {
    const operation = operationOf({ verb: "watch", resource })
    const broken = (cause: unknown) =>
      new KubeError({ operation, status: 0, text: cause instanceof Error ? cause.message : "the connection broke" })
    const sent: Sent = { method: "GET", path: withQuery(rootOf(resource, undefined), query), headers: {} }
    return Stream.unwrap(
      Effect.acquireRelease(bounded(operation, exchange(operation, sent)), abandon, { interruptible: true }).pipe(
        Effect.map(({ body }) => Stream.fromAsyncIterable<Uint8Array, KubeError>(body, broken))
      )
    ).pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.filter((line) => line !== ""),
      Stream.mapEffect((line) => {
        const json = decodeJson(line)
        return Option.isSome(json) ? Effect.succeed(json.value) : Effect.fail(broken(new Error("a line was cut")))
      })
    )
  }

  const healthy = Effect.suspend(() => {
    const request: Sent = { method: "GET", path: "/healthz", headers: { accept: "*/*" } }
    const asked = exchange("get /healthz", request)
    return Effect.asVoid(
      bounded(
        "get /healthz",
        Effect.flatMap(asked, (answer) => textOf("get /healthz", answer))
      )
    )
  })

  return KubeApi.of({ call, watch, healthy })
})

/** Each use makes a client of its own. */
export const layerLive = (options: ClientOptions): Layer.Layer<KubeApi, never, Connection> =>
  Layer.effect(KubeApi, make(options))
