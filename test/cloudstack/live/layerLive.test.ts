import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer as createProxy } from "node:http"
import { createServer } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Duplex } from "node:stream"
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from "node:tls"
import { inspect } from "node:util"
import { gzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Fiber, Layer, Logger, References, Stream, Tracer } from "effect"
import { CloudStackApi, type Parameters } from "../../../src/cloudstack/Api.ts"
import { layerLive } from "../../../src/cloudstack/live/layerLive.ts"
import { Settings } from "../../../src/config/Settings.ts"
import { LastCheck } from "../../../src/wire/LastCheck.ts"
import { apiKey, secretKey, settingsOf } from "../settings.ts"
import { formOf, json, listen, liveAt, serve } from "./server.ts"

const call = (command: string, parameters: Parameters = {}) =>
  Effect.flatMap(CloudStackApi, (api) => api.call(command, parameters))

describe("the live client", () => {
  it.live("posts a signed form and gives the content of the envelope", () =>
    Effect.gen(function* () {
      const seen: Array<Record<string, string>> = []
      const server = yield* serve(async (request, response) => {
        assert.strictEqual(request.method, "POST")
        assert.strictEqual(request.url, "/client/api")
        seen.push(await formOf(request))
        json(response, 200, { listzonesresponse: { count: 1, zone: [{ name: "Zürich <1>" }] } })
      })
      const answer = yield* call("listZones", { name: "Zürich (1) ~*" }).pipe(Effect.provide(liveAt(server.url)))
      assert.deepStrictEqual(answer, { count: 1, zone: [{ name: "Zürich <1>" }] })
      assert.strictEqual(seen[0]?.["name"], "Zürich (1) ~*")
      assert.strictEqual(seen[0]?.["command"], "listZones")
    })
  )

  it.live("keeps its connection and reads gzip", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => {
        response.writeHead(200, { "content-encoding": "gzip" })
        response.end(gzipSync(JSON.stringify({ xresponse: { success: true } })))
      })
      const answers = yield* Effect.replicateEffect(call("listZones"), 5).pipe(Effect.provide(liveAt(server.url)))
      assert.deepStrictEqual(answers[4], { success: true })
      assert.strictEqual(server.connections(), 1)
    })
  )

  it.live.each([
    ["an empty 200", 200, "", "Malformed"],
    ["an empty text/xml 200", 200, " ", "Malformed"],
    ["HTML with 200", 200, "<html>maintenance</html>", "Malformed"],
    ["HTML with 500", 500, "<html>oops</html>", "Unavailable"],
    ["HTML with 502", 502, "<html>bad gateway</html>", "Unavailable"],
    ["cut JSON", 200, '{"listzonesresponse":{"count":1,', "Malformed"],
    ["two envelopes", 200, '{"a":{},"b":{}}', "Malformed"],
    ["a list instead of an envelope", 200, "[]", "Malformed"],
    ["a typed error", 431, '{"x":{"errorcode":431,"errortext":"no"}}', "Refused"]
  ] as const)("answers %s with the right reason", ([, status, body, tag]) =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => {
        response.writeHead(status)
        response.end(body)
      })
      const error = yield* Effect.flip(call("listZones")).pipe(Effect.provide(liveAt(server.url)))
      assert.strictEqual(error.reason._tag, tag)
      assert.notInclude(error.message, "<html>")
    })
  )

  it.live("gives up at its deadline, also in the middle of a body", () =>
    Effect.gen(function* () {
      const server = yield* serve((request, response) => {
        response.writeHead(200)
        if (request.headers["content-length"] !== "0") response.write("{")
      })
      const error = yield* Effect.flip(call("listZones")).pipe(
        Effect.provide(liveAt(server.url, { callTimeout: Duration.millis(150) }))
      )
      assert.strictEqual(error.reason._tag, "DeadlineExceeded")
      assert.isTrue(error.ambiguous)
    })
  )

  it.live("knows whether a request can have left", () =>
    Effect.gen(function* () {
      const reset = yield* serve((request) => request.socket.destroy())
      const cut = yield* serve((_, response) => {
        response.writeHead(200, { "content-length": "100" })
        response.write("{", () => response.destroy())
      })
      for (const { url } of [reset, cut]) {
        const error = yield* Effect.flip(call("createTags")).pipe(Effect.provide(liveAt(url)))
        assert.deepInclude(error.reason, { _tag: "Unreachable", sent: true })
      }
      const closed = yield* Effect.scoped(serve(() => {}))
      for (const url of [closed.url, "http://nowhere.invalid/client/api"]) {
        const error = yield* Effect.flip(call("createTags")).pipe(Effect.provide(liveAt(url)))
        assert.deepInclude(error.reason, { _tag: "Unreachable", sent: false })
        assert.isFalse(error.ambiguous)
      }
    })
  )

  it.live("asks the last check when a connection is there to be written to, new or idle", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const server = yield* serve(async (request, response) => {
        const { command = "" } = await formOf(request)
        seen.push(command)
        json(response, 200, { xresponse: { success: true } })
      })
      let closed = false
      const check = Effect.suspend(() => (closed ? Effect.fail(new Error("the lease ran out")) : Effect.void))
      const change = Effect.provideService(call("createTags"), LastCheck, check)
      /** What may be sent when it is handed over, and no more when its connection is there. */
      const late = Effect.gen(function* () {
        const calling = yield* Effect.forkChild(Effect.flip(change), { startImmediately: true })
        closed = true
        const error = yield* Fiber.join(calling)
        closed = false
        return error
      })
      yield* Effect.gen(function* () {
        const errors = [yield* late]
        yield* change
        errors.push(yield* late)
        assert.deepStrictEqual(
          errors.map(({ ambiguous, message }) => [message, ambiguous]),
          [
            ["createTags: Withheld: the lease ran out", false],
            ["createTags: Withheld: the lease ran out", false]
          ]
        )
      }).pipe(Effect.provide(liveAt(server.url)))
      assert.deepStrictEqual(seen, ["createTags"])
    })
  )

  it.live("names an unreadable CA file", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(call("listZones")).pipe(
        Effect.provide(liveAt("https://127.0.0.1:1/", { caFile: "/nowhere/ca.pem" }))
      )
      assert.include(error.message, "/nowhere/ca.pem")
    })
  )

  it.live("trusts a CA file, or nobody's certificate, only if told so", () =>
    Effect.gen(function* () {
      const fixture = (name: string) => new URL(`./fixtures/${name}`, import.meta.url).pathname
      const options = { cert: readFileSync(fixture("server.pem")), key: readFileSync(fixture("server.key")) }
      const { url: plain } = yield* listen(
        createServer(options, (_, response) => json(response, 200, { xresponse: { success: true } }))
      )
      const url = plain.replace("http:", "https:")
      const error = yield* Effect.flip(call("listZones")).pipe(Effect.provide(liveAt(url)))
      assert.deepInclude(error.reason, { _tag: "Unreachable", sent: false })
      assert.include(error.message, "SELF_SIGNED")
      for (const trust of [{ caFile: fixture("server.pem") }, { verifyTls: false }]) {
        const answer = yield* call("listZones").pipe(Effect.provide(liveAt(url, trust)))
        assert.deepStrictEqual(answer, { success: true })
      }
    })
  )

  it.live("reads a CA file again that was replaced, however busy it is", () =>
    Effect.gen(function* () {
      const fixture = (name: string) => new URL(name, import.meta.url).pathname
      const options = {
        cert: readFileSync(fixture("./fixtures/server.pem")),
        key: readFileSync(fixture("./fixtures/server.key"))
      }
      const { url } = yield* listen(
        createServer(options, (_, response) => json(response, 200, { xresponse: { success: true } }))
      )
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "ca-"))),
        (made) => Effect.sync(() => rmSync(made, { recursive: true }))
      )
      const caFile = join(directory, "ca.pem")
      copyFileSync(fixture("../../kubernetes/live/fixtures/ca.crt"), caFile)
      const settings = () => settingsOf({ apiUrl: url.replace("http:", "https:"), caFile })
      let current = settings()
      const following = Layer.succeed(Settings, { current: Effect.sync(() => current), changes: Stream.never })
      yield* Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(call("listZones"))).reason._tag, "Unreachable")
        copyFileSync(fixture("./fixtures/server.pem"), caFile)
        assert.strictEqual((yield* Effect.flip(call("listZones"))).reason._tag, "Unreachable")
        // As it comes when the change was noticed and tried.
        current = settings()
        assert.deepStrictEqual(yield* call("listZones"), { success: true })
      }).pipe(Effect.provide(layerLive.pipe(Layer.provide(following))))
    })
  )

  it.live("looks again for a CA file that was missing", () =>
    Effect.gen(function* () {
      const fixture = (name: string) => new URL(`./fixtures/${name}`, import.meta.url).pathname
      const options = { cert: readFileSync(fixture("server.pem")), key: readFileSync(fixture("server.key")) }
      const server = yield* listen(
        createServer(options, (_, response) => json(response, 200, { xresponse: { success: true } }))
      )
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "ca-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      const caFile = join(directory, "ca.crt")
      yield* Effect.gen(function* () {
        const { reason } = yield* Effect.flip(call("listZones"))
        assert.deepInclude(reason, { _tag: "Unreachable", sent: false, text: `the CA file ${caFile} cannot be read` })
        copyFileSync(fixture("server.pem"), caFile)
        assert.deepStrictEqual(yield* call("listZones"), { success: true })
      }).pipe(Effect.provide(liveAt(server.url.replace("http:", "https:"), { caFile })))
    })
  )

  const within = (variables: Readonly<Record<string, string>>) =>
    Effect.acquireRelease(
      Effect.sync(() => Object.assign(process.env, variables)),
      () =>
        Effect.sync(() => {
          for (const name of Object.keys(variables)) delete process.env[name]
        })
    )

  it.live("goes through the proxy that the environment names, with a scheme or without, but not to this machine", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => json(response, 200, { xresponse: { success: true } }))
      const proxied: Array<string> = []
      const proxy = yield* serve((request, response) => {
        proxied.push(request.url ?? "")
        response.writeHead(502).end()
      })
      const { host, origin } = new URL(proxy.url)
      const elsewhere = "http://192.0.2.1/client/api"
      for (const text of [origin, host]) {
        yield* within({ http_proxy: text })
        const error = yield* Effect.flip(call("listZones")).pipe(Effect.provide(liveAt(elsewhere)))
        assert.deepInclude(error.reason, { _tag: "Unavailable", status: 502 })
        assert.deepStrictEqual(yield* call("listZones").pipe(Effect.provide(liveAt(server.url))), { success: true })
      }
      assert.deepStrictEqual(proxied, [elsewhere, elsewhere])
    })
  )

  it.live("speaks HTTP/1.1 also with a proxy that would rather speak HTTP/2", () =>
    Effect.gen(function* () {
      const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url), "utf8")
      const spoken: Array<string | false | null> = []
      const options = { cert: fixture("server.pem"), key: fixture("server.key"), ALPNProtocols: ["h2", "http/1.1"] }
      const proxy = createTlsServer(options, (socket) => {
        spoken.push(socket.alpnProtocol)
        socket.end("HTTP/1.1 403 Forbidden\r\n\r\n")
      })
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => void proxy.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => proxy.close())
      )
      const address = proxy.address()
      const port = address !== null && typeof address === "object" ? address.port : 0
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const usual = getCACertificates("default")
          setDefaultCACertificates([...usual, options.cert])
          return usual
        }),
        (usual) => Effect.sync(() => setDefaultCACertificates(usual))
      )
      yield* within({ https_proxy: `https://127.0.0.1:${port}` })
      yield* Effect.flip(call("listZones")).pipe(Effect.provide(liveAt("https://192.0.2.1/client/api")))
      assert.deepStrictEqual(spoken, ["http/1.1"])
    })
  )

  it.live("knows that nothing was sent through a proxy that opens no tunnel", () =>
    Effect.gen(function* () {
      for (const refuse of [
        (client: Duplex) => client.end("HTTP/1.1 502 Bad Gateway\r\n\r\n"),
        (client: Duplex) => client.destroy()
      ]) {
        const proxy = yield* listen(createProxy().on("connect", (_, client) => void refuse(client)))
        yield* within({ https_proxy: new URL(proxy.url).origin })
        const { reason } = yield* Effect.flip(call("associateIpAddress")).pipe(
          Effect.provide(liveAt("https://192.0.2.1/client/api"))
        )
        assert.deepInclude(reason, { _tag: "Unreachable", sent: false })
      }
    })
  )

  it.live("names the variable of a proxy that is none", () =>
    Effect.gen(function* () {
      yield* within({ HTTP_PROXY: "ftp://me:s3cret@proxy" })
      const { reason } = yield* Effect.flip(call("listZones")).pipe(
        Effect.provide(liveAt("http://192.0.2.1/client/api"))
      )
      const text = "HTTP_PROXY: expected an http, https or socks5 URL, such as http://10.0.0.1:3128"
      assert.deepInclude(reason, { _tag: "Unreachable", sent: false, text })
    })
  )

  it.live("lets neither key, secret nor signature into errors, logs or spans", () =>
    Effect.gen(function* () {
      const signatures: Array<string> = []
      const evil = yield* serve(async (request, response) => {
        const { signature = "" } = await formOf(request)
        signatures.push(signature)
        if (signatures.length === 1) return request.socket.destroy()
        if (signatures.length === 2) return json(response, 200, { x: { errorcode: 530, errortext: "broken" } })
        response.end("not json")
      })
      const said: Array<string> = []
      const logger = Logger.make((options) => {
        said.push(inspect(options.message, { depth: 20 }), inspect(options.cause, { depth: 20 }))
      })
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          const end = span.end.bind(span)
          span.end = (time, exit) => {
            said.push(span.name, inspect(span.attributes, { depth: 20 }), inspect(exit, { depth: 20 }))
            end(time, exit)
          }
          return span
        }
      })
      const once = call("listZones").pipe(
        Effect.tapCause((cause) => Effect.logError("call failed", cause)),
        Effect.catchCause((cause) =>
          Effect.sync(() => {
            said.push(Cause.pretty(cause), inspect(cause, { depth: 20 }), JSON.stringify(cause))
          })
        )
      )
      yield* Effect.replicateEffect(once, 3).pipe(
        Effect.provide(liveAt(evil.url)),
        Effect.andThen(once.pipe(Effect.provide(liveAt("http://127.0.0.1:1/client/api")))),
        Effect.provide(Layer.mergeAll(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "All"))),
        Effect.withTracer(tracer)
      )
      const all = said.join("\n")
      assert.isAbove(said.length, 20)
      assert.include(all, "CloudStackApi.call")
      assert.strictEqual(signatures.length, 3)
      for (const secret of [apiKey, secretKey, ...signatures, ...signatures.map(encodeURIComponent)]) {
        assert.notInclude(all, secret)
      }
    })
  )
})
