/**
 * The secure port: health for everybody, metrics only for this host.
 *
 * Plain HTTP for now. Upstream guards /metrics by asking the API server who may read it; until that exists here, only
 * a peer on the loopback interface gets them (`kubectl port-forward` and a sidecar do, the network does not).
 */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http"
import { type AddressInfo, BlockList, isIPv6 } from "node:net"
import { Context, Effect, Layer, Schema } from "effect"
import { HealthChecks } from "./HealthChecks.ts"
import { contentType, format } from "./prometheus.ts"

// An import would evaluate all that the module exports, Node's own fetch and WebSocket among it: 13 MiB.
const { createServer } = process.getBuiltinModule("node:http")

export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", {
  address: Schema.String,
  text: Schema.String
}) {
  override get message(): string {
    return `can not listen on ${this.address}: ${this.text}`
  }
}

export interface Options {
  /** `--bind-address` and `--secure-port`. */
  readonly address: string
  readonly port: number
}

export class Server extends Context.Service<Server, { readonly port: number }>()("ccm/observability/Server") {
  static readonly layerNoDeps = (options: Options): Layer.Layer<Server, ListenError, HealthChecks> =>
    Layer.effect(this, listen(options))
}

const loopback = new BlockList()
loopback.addSubnet("127.0.0.0", 8, "ipv4")
loopback.addAddress("::1", "ipv6")

/** The peer of the connection, never what a header claims. An IPv4 peer of an IPv6 socket is checked as IPv4. */
export const isLoopback = (peer: string | undefined): boolean =>
  peer !== undefined && loopback.check(peer, isIPv6(peer) ? "ipv6" : "ipv4")

interface Answer {
  readonly status: number
  readonly body: string
  readonly type?: string
}

const answer = Effect.fnUntraced(function* (request: IncomingMessage): Effect.fn.Return<Answer, never, HealthChecks> {
  const checks = yield* HealthChecks
  const url = URL.parse(request.url ?? "", "http://localhost")
  if (url === null) return { status: 400, body: "bad request" }
  if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, body: "method not allowed" }
  switch (url.pathname) {
    case "/healthz":
    case "/livez":
    case "/readyz": {
      const path = url.pathname === "/healthz" ? "healthz" : url.pathname === "/livez" ? "livez" : "readyz"
      const { body, healthy } = yield* checks.report(path, url.searchParams)
      return { status: healthy ? 200 : 500, body }
    }
    case "/metrics":
      return isLoopback(request.socket.remoteAddress)
        ? { status: 200, body: yield* format, type: contentType }
        : { status: 403, body: "metrics are served to the loopback interface only" }
    default:
      return { status: 404, body: "404 page not found" }
  }
})

const respond = (request: IncomingMessage, response: ServerResponse) => {
  const send = ({ body, status, type = "text/plain; charset=utf-8" }: Answer) =>
    Effect.sync(() => {
      response.writeHead(status, { "content-type": type, "x-content-type-options": "nosniff" })
      response.end(request.method === "HEAD" ? undefined : body)
    })
  return answer(request).pipe(
    Effect.catchCause((cause) =>
      Effect.as(Effect.logError("answering a probe failed", cause), { status: 500, body: "internal error" })
    ),
    Effect.flatMap(send)
  )
}

/**
 * Either stands for all addresses of both families, as to Go's programs: the kubelet probes whichever address the pod has.
 * Without a host Node takes both, or IPv4 alone where there is no IPv6.
 */
const everywhere: ReadonlySet<string> = new Set(["0.0.0.0", "::"])

const listen = Effect.fnUntraced(function* ({ address, port }: Options) {
  const context = yield* Effect.context<HealthChecks>()
  const run = Effect.runForkWith(context)
  const server = yield* Effect.acquireRelease(
    Effect.sync(() => createServer((request, response) => void run(respond(request, response)))),
    close
  )
  yield* Effect.callback<void, ListenError>((resume) => {
    const failed = (error: Error) => resume(new ListenError({ address: `${address}:${port}`, text: error.message }))
    server.once("error", failed)
    server.listen({ port, ...(everywhere.has(address) ? {} : { host: address }) }, () => {
      server.off("error", failed)
      resume(Effect.void)
    })
  })
  const bound = portOf(server.address()) ?? port
  yield* Effect.logInfo("serving health and, for this host, metrics", { address, port: bound })
  return { port: bound }
})

const portOf = (address: string | AddressInfo | null) => (typeof address === "object" ? address?.port : undefined)

const close = (server: HttpServer) =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })
