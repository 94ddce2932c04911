import { readFile } from "node:fs/promises"
import { createSecureServer } from "node:http2"
import { join } from "node:path"
import { TLSSocket } from "node:tls"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Redacted, Ref, Result } from "effect"
import { TestClock } from "effect/testing"
import { KubeApi, nodes } from "../../../src/kubernetes/KubeApi.ts"
import { Connection } from "../../../src/kubernetes/live/Connection.ts"
import type { Tls } from "../../../src/kubernetes/live/credentials.ts"
import { layerLive } from "../../../src/kubernetes/live/layerLive.ts"

const pem = (name: string) => Effect.promise(() => readFile(join(import.meta.dirname, "fixtures", name), "utf8"))

/** Offers HTTP/2 like the API server, and tells who asked in which version. */
const secureServer = Effect.gen(function* () {
  const [ca, cert, key] = [yield* pem("ca.crt"), yield* pem("server.crt"), yield* pem("server.key")]
  const options = { ca, cert, key, allowHTTP1: true, requestCert: true, rejectUnauthorized: false }
  const server = createSecureServer(options, (request, response) => {
    const { socket } = request
    const user = socket instanceof TLSSocket && socket.authorized ? socket.getPeerCertificate().subject.CN : ""
    response.end(JSON.stringify({ user, version: request.httpVersion }))
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => server.close())
  )
  const address = server.address()
  return `https://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`
})

const world = Effect.fnUntraced(function* (first: Tls) {
  const server = yield* secureServer
  const tls = yield* Ref.make(first)
  const credentials = Effect.map(Ref.get(tls), (now) => ({ server, tls: now, headers: Redacted.make({}) }))
  const api = layerLive({ userAgent: "test", qps: 0, burst: 0 }).pipe(Layer.provide(Connection.layerFrom(credentials)))
  const context = yield* Layer.build(api)
  const ask = Effect.flatMap(KubeApi, (client) => client.call({ verb: "get", resource: nodes, name: "n" })).pipe(
    Effect.result,
    Effect.provideContext(context)
  )
  return { tls, ask }
})

const quiet = Effect.provide(Logger.layer([]))

describe("TLS to the API server", () => {
  it.effect("shows the client's certificate, over HTTP/1.1", () =>
    Effect.gen(function* () {
      const key = Redacted.make(yield* pem("client.key"))
      const { ask } = yield* world({ ca: yield* pem("ca.crt"), cert: yield* pem("client.crt"), key, verify: true })
      assert.deepStrictEqual(yield* ask, Result.succeed({ user: "client", version: "1.1" }))
    }).pipe(quiet)
  )

  it.effect("trusts nobody without the CA, unless told to", () =>
    Effect.gen(function* () {
      const { ask, tls } = yield* world({ verify: true })
      assert.isTrue(Result.isFailure(yield* ask))
      yield* Ref.set(tls, { verify: false })
      yield* TestClock.adjust("61 seconds")
      assert.isTrue(Result.isSuccess(yield* ask))
    }).pipe(quiet)
  )

  it.effect("takes up a new CA when it appears", () =>
    Effect.gen(function* () {
      const { ask, tls } = yield* world({ verify: true })
      assert.isTrue(Result.isFailure(yield* ask))
      yield* Ref.set(tls, { ca: yield* pem("ca.crt"), servername: "kubernetes", verify: true })
      yield* TestClock.adjust("61 seconds")
      assert.deepStrictEqual(yield* ask, Result.succeed({ user: "", version: "1.1" }))
    }).pipe(quiet)
  )
})
