/** An HTTP server that answers as a test says, on a port of its own. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http"
import { Effect, Layer } from "effect"
import type { CloudStackApi } from "../../../src/cloudstack/Api.ts"
import { layerLive } from "../../../src/cloudstack/live/layerLive.ts"
import type { CloudSettings } from "../../../src/config/Settings.ts"
import { layerSettings } from "../settings.ts"

export const serve = (listener: RequestListener) => listen(createServer(listener))

export const listen = (server: Server) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly close: () => void; readonly connections: () => number }>(
      (resume) => {
        let connections = 0
        server.on("connection", () => connections++)
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = address !== null && typeof address === "object" ? address.port : 0
          resume(
            Effect.succeed({
              url: `http://127.0.0.1:${port}/client/api`,
              connections: () => connections,
              close: () => {
                server.close()
                server.closeAllConnections()
              }
            })
          )
        })
      }
    ),
    (server) => Effect.sync(server.close)
  )

export const formOf = (request: IncomingMessage): Promise<Record<string, string>> =>
  new Promise((resolve) => {
    let text = ""
    request.setEncoding("utf8")
    request.on("data", (chunk) => {
      text += chunk
    })
    request.on("end", () => resolve(Object.fromEntries(new URLSearchParams(text))))
  })

export const json = (response: ServerResponse, status: number, body: unknown) => {
  response.writeHead(status, { "content-type": "application/json;charset=utf-8" })
  response.end(JSON.stringify(body))
}

/** A client for that server. */
export const liveAt = (url: string, over: Partial<CloudSettings> = {}): Layer.Layer<CloudStackApi> =>
  layerLive.pipe(Layer.provide(layerSettings({ apiUrl: url, ...over })))
