/** The in-memory API server behind HTTPS, as far as the controller uses one, with objects as large as in a real cluster. */
import { readFile } from "node:fs/promises"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:https"
import { text } from "node:stream/consumers"
import { Effect, Fiber, Result, Schema, Stream } from "effect"
import { isObject, listAt, objectAt } from "../../src/kubernetes/json.ts"
import type { KubeRequest, Verb } from "../../src/kubernetes/KubeApi.ts"
import { KubeMemory } from "../../src/kubernetes/memory/KubeMemory.ts"
import { asOnTheWire } from "./wire.ts"

const fixture = (name: string) =>
  readFile(new URL(`../../test/kubernetes/live/fixtures/${name}`, import.meta.url), "utf8")

/** What the client has to trust. */
export const authority = Effect.promise(() => fixture("ca.crt"))

const verbs: Readonly<Record<string, Verb>> = { POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" }
const namespace = /^\/api\/v1\/namespaces\/(?<name>[^/]+)$/
const other =
  /^\/apis?\/(?:(?<group>[a-z0-9.]+)\/)?v1(?:\/namespaces\/(?<namespace>[^/]+))?\/(?<plural>[a-z]+)(?:\/(?<name>[^/]+)(?:\/(?<status>status))?)?$/

const parse = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Json))

const requestOf = (method: string, path: string, body: string): KubeRequest | undefined => {
  const groups = namespace.exec(path)?.groups ?? other.exec(path)?.groups
  if (groups === undefined) return undefined
  const { group = "", name, plural = "namespaces", status } = groups
  return {
    verb: verbs[method] ?? (name === undefined ? "list" : "get"),
    resource: { group, version: "v1", plural },
    ...(groups["namespace"] === undefined ? {} : { namespace: groups["namespace"] }),
    ...(name === undefined ? {} : { name: decodeURIComponent(name) }),
    ...(status === undefined ? {} : { subresource: "status" }),
    ...(body === "" ? {} : { body: parse(body) })
  }
}

const send = (response: ServerResponse, status: number, body: unknown) =>
  Effect.sync(() => void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body)))

/** One page of a list; the token is where the next one begins. */
const pageOf = (list: unknown, query: URLSearchParams) => {
  const whole = isObject(list) ? list : {}
  const items = listAt(whole, "items")
  const from = Number(query.get("continue") ?? 0)
  const to = from + Number(query.get("limit") ?? items.length)
  const more = to < items.length ? { continue: String(to) } : {}
  return {
    metadata: { ...objectAt(whole, "metadata"), ...more },
    items: items.slice(from, to).map(asOnTheWire)
  }
}

/** Listens while the scope lives. `asked` is told of each request. */
export const apiServer = Effect.fnUntraced(function* (asked: (method: string, path: string) => void) {
  const memory = yield* KubeMemory
  const [cert, key] = yield* Effect.promise(() => Promise.all([fixture("server.crt"), fixture("server.key")]))

  const watch = (response: ServerResponse, plural: string, revision: string) =>
    Effect.suspend(() => {
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders()
      return Stream.runForEach(memory.watch(plural, revision), (event) =>
        Effect.sync(() => {
          const { object, type } = isObject(event) ? event : {}
          response.write(`${JSON.stringify({ type, object: asOnTheWire(object ?? {}) })}\n`)
        })
      )
    }).pipe(Effect.scoped, Effect.ignore)

  const answer = Effect.fnUntraced(function* (request: IncomingMessage, response: ServerResponse) {
    const { pathname, searchParams } = new URL(request.url ?? "/", "https://127.0.0.1")
    const body = yield* Effect.promise(() => text(request))
    asked(request.method ?? "", request.url ?? "")
    const wanted = requestOf(request.method ?? "GET", pathname, body)
    if (wanted === undefined) return yield* send(response, pathname === "/healthz" ? 200 : 404, {})
    if (searchParams.get("watch") === "true") {
      const following = yield* Effect.forkChild(
        watch(response, wanted.resource.plural, searchParams.get("resourceVersion") ?? "0")
      )
      response.on("close", () => Effect.runFork(Fiber.interrupt(following)))
      return yield* Fiber.await(following)
    }
    const result = yield* Effect.result(memory.request(wanted))
    if (Result.isFailure(result)) {
      const { status, text: message } = result.failure
      return yield* send(response, status, { kind: "Status", message })
    }
    const found = result.success
    return yield* send(response, 200, wanted.verb === "list" ? pageOf(found, searchParams) : asOnTheWire(found))
  })

  const server = createServer({ cert, key, keepAliveTimeout: 90_000 }, (request, response) => {
    Effect.runFork(
      Effect.catchCause(answer(request, response), (cause) => send(response, 500, { message: `${cause}` }))
    )
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )
  const address = server.address()
  return address !== null && typeof address === "object" ? address.port : 0
})
