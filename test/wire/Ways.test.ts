import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { readFile } from "node:fs/promises"
import { createServer, type RequestListener } from "node:http"
import { createServer as createTlsServer } from "node:https"
import { connect, createServer as createSocketServer, type Server } from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Agent, type Dispatcher, ProxyAgent } from "undici"
import { LastCheck, Withheld } from "../../src/wire/LastCheck.ts"
import { makeWays } from "../../src/wire/Ways.ts"

const fixture = (name: string) =>
  Effect.promise(() => readFile(join(import.meta.dirname, "../cloudstack/live/fixtures", name), "utf8"))

/** `host:port` of the server, which listens while the scope lives. */
const listening = (server: Server, close: () => void) =>
  Effect.gen(function* () {
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () => Effect.sync(close)
    )
    const address = server.address()
    return `127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`
  })

/** One server in both manners, and a proxy that forwards to the one and opens tunnels to the other. */
const servers = Effect.gen(function* () {
  const seen: Array<string> = []
  const answer: RequestListener = (request, response) => {
    seen.push(new URL(request.url ?? "", "http://any").pathname)
    request.resume().on("end", () => response.end("{}"))
  }
  const plain = createServer(answer)
  const secure = createTlsServer({ key: yield* fixture("server.key"), cert: yield* fixture("server.pem") }, answer)
  const proxy = createServer(answer).on("connect", (request, client, head) => {
    const [host, port] = (request.url ?? "").split(":")
    const upstream = connect(Number(port), host, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n")
      upstream.write(head)
      upstream.pipe(client).pipe(upstream)
    })
    for (const end of [upstream, client]) end.on("error", () => upstream.destroy())
  })
  const at = (server: typeof plain) =>
    listening(server, () => {
      server.close()
      server.closeAllConnections()
    })
  return {
    seen,
    http: `http://${yield* at(plain)}`,
    https: `https://${yield* at(secure)}`,
    proxy: `http://${yield* at(proxy)}`
  }
})

/** Runs that between the client's decision to send a request to such a path and its first byte. */
const beforeFirstByte = (path: string, act: () => void) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const listener = (message: unknown) => {
        if (typeof message === "object" && message !== null && "headers" in message) {
          if (String(message.headers).includes(`${path} HTTP/1.1`)) act()
        }
      }
      subscribe("undici:client:sendHeaders", listener)
      return listener
    }),
    (listener) => Effect.sync(() => unsubscribe("undici:client:sendHeaders", listener))
  )

const tls = { rejectUnauthorized: false }
const manners = [
  ["in plain text", "http", () => (from: Agent.Options) => new Agent({ ...from, connect: tls, allowH2: false })],
  ["over TLS", "https", () => (from: Agent.Options) => new Agent({ ...from, connect: tls, allowH2: false })],
  [
    "through a proxy that forwards",
    "http",
    (uri: string) => (from: Agent.Options) => new ProxyAgent({ ...from, uri, requestTls: tls, allowH2: false })
  ],
  [
    "through a proxy's tunnel",
    "https",
    (uri: string) => (from: Agent.Options) => new ProxyAgent({ ...from, uri, requestTls: tls, allowH2: false })
  ]
] as const

describe.concurrent("a way with a last check", () => {
  for (const [index, [manner, scheme, open]] of manners.entries()) {
    it.live(`writes nothing any more when the check fails after the client has begun, ${manner}`, () =>
      Effect.gen(function* () {
        const { proxy, seen, ...origins } = yield* servers
        const ways = makeWays(open(proxy))
        yield* Effect.addFinalizer(() => ways.destroy)
        const send = Effect.fnUntraced(function* (
          path: string,
          method: Dispatcher.HttpMethod = "POST",
          body = "change"
        ) {
          const way = yield* ways.current
          const request = { origin: origins[scheme], path, method, ...(body === "" ? {} : { body }) }
          const { statusCode, body: answer } = yield* Effect.tryPromise({
            try: () => way.request(request),
            catch: (cause) => cause
          })
          yield* Effect.promise(() => answer.dump())
          return statusCode
        })
        let closed = false
        const check = Effect.suspend(() => (closed ? Effect.fail(new Error("the lease ran out")) : Effect.void))
        const asked = Effect.provideService(LastCheck, check)
        const late = [`/late-${index}/change`, `/late-${index}/delete`] as const
        for (const path of late) {
          yield* beforeFirstByte(path, () => {
            closed = true
          })
        }

        assert.strictEqual(yield* send("/in-time").pipe(asked), 200)
        for (const [path, method, body] of [
          [late[0], "POST", "change"],
          [late[1], "DELETE", ""]
        ] as const) {
          closed = false
          const error = yield* Effect.flip(send(path, method, body).pipe(asked))
          assert.instanceOf(error, Withheld)
          assert.strictEqual(error.message, "the lease ran out")
          assert.isTrue(closed)
        }
        // Others have their own way, and this one is open again with the check.
        assert.strictEqual(yield* send("/read"), 200)
        closed = false
        assert.strictEqual(yield* send("/again").pipe(asked), 200)
        assert.deepStrictEqual(seen, ["/in-time", "/read", "/again"])
      })
    )
  }

  it.live("sends nothing when the check fails before the connection is there, through SOCKS", () =>
    Effect.gen(function* () {
      const { http, seen } = yield* servers
      const { host, port } = new URL(http)
      const proxy = createSocketServer((client) => {
        client.once("data", () => {
          client.write(Buffer.from([5, 0]))
          client.once("data", () => {
            const upstream = connect(Number(port), "127.0.0.1", () => {
              client.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 80]))
              upstream.pipe(client).pipe(upstream)
            })
          })
        })
      })
      const uri = `socks5://${yield* listening(proxy, () => void proxy.close())}`
      const ways = makeWays((from) => new ProxyAgent({ ...from, uri }))
      yield* Effect.addFinalizer(() => ways.destroy)
      let closed = false
      const check = Effect.suspend(() => (closed ? Effect.fail(new Error("the lease ran out")) : Effect.void))
      const send = Effect.fnUntraced(function* (path: string) {
        const way = yield* Effect.provideService(ways.current, LastCheck, check)
        const request = { origin: `http://${host}`, path, method: "POST", body: "change" } as const
        return yield* Effect.tryPromise({ try: () => way.request(request), catch: (cause) => cause })
      })
      const late = yield* Effect.forkChild(Effect.flip(send("/late")), { startImmediately: true })
      closed = true
      assert.instanceOf(yield* Fiber.join(late), Withheld)
      closed = false
      assert.strictEqual((yield* send("/in-time")).statusCode, 200)
      assert.deepStrictEqual(seen, ["/in-time"])
    })
  )

  it.live("is closed with the others, when all that runs on it has ended", () =>
    Effect.gen(function* () {
      const { http } = yield* servers
      const ways = makeWays((from) => new Agent(from))
      const request = { origin: http, path: "/", method: "POST" } as const
      const way = yield* Effect.provideService(ways.current, LastCheck, Effect.void)
      const running = yield* Effect.forkChild(Effect.promise(() => way.request(request)))
      yield* Effect.yieldNow
      yield* ways.close
      assert.strictEqual((yield* Fiber.join(running)).statusCode, 200)
      assert.strictEqual((yield* Effect.flip(Effect.tryPromise(() => way.request(request))))._tag, "UnknownError")
    })
  )
})
