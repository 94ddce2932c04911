/** An HTTP server on loopback that answers as told, for what the API server and the way to it can do wrong. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { Effect, Layer, Redacted, Schema } from "effect"
import type { KubeApi } from "../../src/kubernetes/KubeApi.ts"
import { Connection } from "../../src/kubernetes/live/Connection.ts"
import { type ClientOptions, layerLive } from "../../src/kubernetes/live/layerLive.ts"

export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage["headers"]
  readonly body: unknown
}

/** `write` and `end` of a response, in JSON. */
export interface Answering {
  readonly json: (status: number, body: unknown, headers?: Readonly<Record<string, string>>) => void
  /** Starts a stream of lines; nothing ends it but `end` or `cut`. */
  readonly lines: (...objects: ReadonlyArray<unknown>) => void
  readonly raw: (text: string) => void
  /** Status and first words of an answer that nothing but `end` or `cut` ends. */
  readonly begin: (status: number, text: string) => void
  readonly end: () => void
  /** The connection breaks. */
  readonly cut: () => void
  /** When the answer is over, whoever ended it. */
  readonly over: (act: () => void) => void
}

export type Script = (asked: Asked, answer: Answering) => void

const parse = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Unknown))

const answering = (response: ServerResponse): Answering => ({
  json: (status, body, headers = {}) => {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))
  },
  lines: (...objects) => {
    if (!response.headersSent) response.writeHead(200, { "content-type": "application/json" }).flushHeaders()
    for (const object of objects) response.write(`${JSON.stringify(object)}\n`)
  },
  raw: (text) => void response.write(text),
  begin: (status, text) => void response.writeHead(status, { "content-type": "application/json" }).write(text),
  end: () => void response.end(),
  cut: () => void setImmediate(() => response.destroy()),
  over: (act) => void response.on("close", act)
})

/** Listens while the scope lives; `asked` grows with each request. */
export const kubeServer = Effect.fnUntraced(function* (script: Script) {
  const asked: Array<Asked> = []
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1")
      const text = Buffer.concat(chunks).toString()
      const body = text === "" ? undefined : parse(text)
      const { method = "", headers } = request
      const entry: Asked = { method, path: pathname, query: searchParams, headers, body }
      asked.push(entry)
      script(entry, answering(response))
    })
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
  const port = address !== null && typeof address === "object" ? address.port : 0
  return { asked, url: `http://127.0.0.1:${port}` }
})

/** A client of the server. */
export const clientOf = (url: string, options: Partial<ClientOptions> = {}): Layer.Layer<KubeApi> =>
  layerLive({ userAgent: "test", qps: 0, burst: 0, ...options }).pipe(
    Layer.provide(
      Connection.layerFrom(
        Effect.succeed({
          server: url,
          tls: { verify: true },
          headers: Redacted.make({ authorization: "Bearer t0ken" })
        })
      )
    )
  )
