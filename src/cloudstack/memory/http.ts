/** The HTTP door of the in-memory CloudStack: parses requests as CloudStack's servlet does and writes its answers. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { Context, Effect, FiberSet, Layer, Result, Schema } from "effect"
import type { Parameters } from "../Api.ts"
import { serverVersion } from "./commands/server.ts"
import { Fault } from "./faults.ts"
import { Simulator, type WireAnswer } from "./Simulator.ts"
import { toXml, xmlType } from "./xml.ts"

const json = "application/json;charset=utf-8"
/** What Jetty allows a form: 1 MiB and 5000 fields; request line and headers together 8 KiB. */
const maxBody = 1_048_576
const maxFields = 5000
const maxHeaderSize = 8192

/** The address could not be listened on. */
export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", { text: Schema.String }) {
  override get message() {
    return this.text
  }
}

/** The server that listens. */
export class Listener extends Context.Service<Listener, { readonly port: number; readonly url: string }>()(
  "ccm/cloudstack/memory/Listener"
) {}

/** Query and body make one set of names; the query wins, there the last value of a name counts, in a body the first. */
export const mergeParameters = (query: URLSearchParams, body: URLSearchParams): Parameters => {
  const merged = new Map<string, string>()
  for (const [name, value] of body) if (!merged.has(name)) merged.set(name, value)
  for (const [name, value] of query) merged.set(name, value)
  return Object.fromEntries(merged)
}

/** The body of a request, or undefined if it is larger than the server reads. */
const readBody = (request: IncomingMessage) =>
  Effect.callback<string | undefined>((resume) => {
    const chunks: Array<Buffer> = []
    let size = 0
    request.on("data", (chunk: Buffer) => {
      size += chunk.length
      if (size <= maxBody) chunks.push(chunk)
    })
    request.on("end", () => resume(Effect.succeed(size > maxBody ? undefined : Buffer.concat(chunks).toString("utf8"))))
    request.on("error", () => resume(Effect.interrupt))
  })

const send = (response: ServerResponse, status: number, headers: Record<string, string>, body: string) =>
  Effect.sync(() => {
    response.writeHead(status, { ...headers, "Content-Length": String(Buffer.byteLength(body)) })
    response.end(body)
  })

const sendJson = (response: ServerResponse, status: number, value: unknown) =>
  send(response, status, { "Content-Type": json }, JSON.stringify(value))

const refuse = (response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}) =>
  send(response, status, { "Content-Type": "text/plain;charset=utf-8", ...headers }, `${text}\n`)

/** Header values are Latin-1 on the wire, and a line break would end them. */
const headerValue = (text: string) => text.replace(/[^\t\x20-\x7e\xa0-\xff]/g, "?")

/** Whoever does not ask for JSON gets XML. */
const sendAnswer = (response: ServerResponse, answer: WireAnswer, asked: string | undefined) => {
  if (answer.dropped === true) return Effect.sync(() => response.destroy())
  const headers: Record<string, string> = { "Content-Type": xmlType }
  for (const [name, value] of Object.entries(answer.headers)) headers[name] = headerValue(value)
  if (answer.body === undefined) return send(response, answer.status, headers, answer.page ?? "")
  if (asked?.toLowerCase() === "json") {
    return send(response, answer.status, headers, JSON.stringify(answer.body))
  }
  return send(response, answer.status, { ...headers, "Content-Type": xmlType }, toXml(answer.body, serverVersion))
}

const isForm = (request: IncomingMessage) =>
  /^application\/x-www-form-urlencoded\s*(;|$)/i.test(request.headers["content-type"] ?? "")

const api = Effect.fnUntraced(function* (request: IncomingMessage, response: ServerResponse, query: string) {
  if (request.method !== "GET" && request.method !== "POST") {
    return yield* refuse(response, 405, "method not allowed", { Allow: "GET, POST" })
  }
  const text = yield* readBody(request)
  const form = new URLSearchParams(request.method === "POST" && isForm(request) ? text : "")
  if (text === undefined || form.size > maxFields) return yield* refuse(response, 400, "the form is too large")
  const parameters = mergeParameters(new URLSearchParams(query), form)
  const simulator = yield* Simulator
  const answer = yield* simulator.handle({ method: request.method, parameters })
  yield* sendAnswer(response, answer, parameters["response"])
})

const decodeFaults = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Array(Fault)), {
  errors: "all",
  onExcessProperty: "error"
})

const injectFaults = Effect.fnUntraced(function* (request: IncomingMessage, response: ServerResponse) {
  const simulator = yield* Simulator
  const faults = decodeFaults(yield* readBody(request))
  if (Result.isFailure(faults)) return yield* refuse(response, 400, faults.failure.message)
  yield* simulator.inject(faults.success)
  yield* sendJson(response, 200, { injected: faults.success.length })
})

const answer = Effect.fnUntraced(function* (request: IncomingMessage, response: ServerResponse) {
  const [path = "", ...query] = (request.url ?? "").split("?")
  if (path === "/client/api") return yield* api(request, response, query.join("?"))
  const simulator = yield* Simulator
  if (path === "/world" && request.method === "GET") return yield* sendJson(response, 200, yield* simulator.world)
  if (path === "/log" && request.method === "GET") return yield* sendJson(response, 200, yield* simulator.log)
  if (path === "/faults" && request.method === "POST") return yield* injectFaults(request, response)
  yield* refuse(response, 404, "not found: there are /client/api, GET /world, GET /log and POST /faults")
})

/** Serves the Simulator on `bind`:`port` (port 0 picks a free one) as long as the layer lives. */
export const layerHttp = (options: { readonly port: number; readonly bind: string }) =>
  Layer.effect(
    Listener,
    Effect.gen(function* () {
      const run = yield* FiberSet.makeRuntime<Simulator, void, never>()
      const server = createServer({ maxHeaderSize }, (request, response) => {
        // A caller that goes away does not undo its command, so the request is not tied to the connection.
        run(
          answer(request, response).pipe(
            Effect.catchCause((cause) =>
              Effect.logError("request failed", cause).pipe(Effect.andThen(Effect.sync(() => response.destroy())))
            )
          )
        )
      })
      yield* Effect.addFinalizer(() =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
      )
      const port = yield* Effect.callback<number, ListenError>((resume) => {
        server.on("error", (error) => resume(new ListenError({ text: error.message })))
        server.listen(options.port, options.bind, () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : options.port
          resume(Effect.succeed(port))
        })
      })
      const host = options.bind.includes(":") ? `[${options.bind}]` : options.bind
      return { port, url: `http://${host}:${port}/client/api` }
    })
  )
