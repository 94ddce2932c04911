import { request } from "node:http"
import { networkInterfaces } from "node:os"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Logger } from "effect"
import { HealthChecks } from "../../src/observability/HealthChecks.ts"
import { isLoopback, Server } from "../../src/observability/Server.ts"
import { readPromText } from "./promText.ts"

const local = { address: "127.0.0.1", port: 0 }
const Serving = Server.layerNoDeps(local).pipe(
  Layer.provideMerge(HealthChecks.layer),
  Layer.provideMerge(Logger.layer([]))
)

const ask = Effect.fnUntraced(function* (path: string, method = "GET", host = "127.0.0.1") {
  const { port } = yield* Server
  return yield* Effect.callback<{ readonly status: number; readonly body: string }, Error>((resume) => {
    request({ host, port, path, method }, (response) => {
      let body = ""
      response.on("data", (chunk) => {
        body += String(chunk)
      })
      response.on("end", () => resume(Effect.succeed({ status: response.statusCode ?? 0, body })))
    })
      .on("error", (error) => resume(Effect.fail(error)))
      .end()
  })
})

describe("Server", () => {
  it.live("answers the three probes, also with nothing registered", () =>
    Effect.gen(function* () {
      for (const path of ["/healthz", "/livez", "/readyz"]) {
        assert.deepStrictEqual(yield* ask(path), { status: 200, body: "ok" })
      }
      assert.deepStrictEqual(yield* ask("/healthz?verbose"), {
        status: 200,
        body: "[+]ping ok\nhealthz check passed\n"
      })
      assert.deepStrictEqual(yield* ask("/healthz", "HEAD"), { status: 200, body: "" })
      assert.strictEqual((yield* ask("/healthz", "POST")).status, 405)
      assert.strictEqual((yield* ask("/healthz/ping")).status, 404)
      assert.strictEqual((yield* ask("//")).status, 400)
    }).pipe(Effect.provide(Serving))
  )

  for (const address of ["0.0.0.0", "::"]) {
    it.live(`answers over every family that this host has, at ${address}`, () =>
      Effect.gen(function* () {
        const loopbacks = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address))
        for (const host of loopbacks.filter(isLoopback)) {
          assert.deepStrictEqual(yield* ask("/livez", "GET", host), { status: 200, body: "ok" })
          assert.strictEqual((yield* ask("/metrics", "GET", host)).status, 200)
        }
      }).pipe(
        Effect.provide(
          Server.layerNoDeps({ address, port: 0 }).pipe(
            Layer.provideMerge(HealthChecks.layer),
            Layer.provideMerge(Logger.layer([]))
          )
        )
      )
    )
  }

  it.live("words checks as upstream does, and keeps readiness apart from health", () =>
    Effect.gen(function* () {
      const { add } = yield* HealthChecks
      let broken = false
      yield* add({
        name: "leaderElection",
        of: "health",
        check: Effect.suspend(() => (broken ? Effect.fail("not renewed") : Effect.void))
      })
      yield* add({ name: "cloudstack", of: "readiness", check: Effect.fail("CloudStack has not answered yet") })
      assert.strictEqual((yield* ask("/livez")).status, 200)
      assert.deepStrictEqual(yield* ask("/readyz"), {
        status: 500,
        body: "[+]leaderElection ok\n[-]cloudstack failed: CloudStack has not answered yet\nreadyz check failed\n"
      })
      assert.strictEqual((yield* ask("/readyz?exclude=cloudstack")).status, 200)
      broken = true
      assert.deepStrictEqual(yield* ask("/healthz"), {
        status: 500,
        body: "[-]leaderElection failed: reason withheld\nhealthz check failed\n"
      })
      assert.deepStrictEqual(yield* ask("/healthz?verbose&exclude=leaderElection"), {
        status: 200,
        body: "[+]leaderElection excluded: ok\nhealthz check passed\n"
      })
    }).pipe(Effect.scoped, Effect.provide(Serving))
  )

  it.live("a check that dies is a failed answer, not a dead server", () =>
    Effect.gen(function* () {
      const { add } = yield* HealthChecks
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* add({ name: "bug", of: "health", check: Effect.die("a bug") })
          assert.strictEqual((yield* ask("/healthz")).status, 500)
        })
      )
      assert.strictEqual((yield* ask("/healthz")).status, 200)
    }).pipe(Effect.provide(Serving))
  )

  it.live("serves metrics to this host", () =>
    Effect.gen(function* () {
      const { body, status } = yield* ask("/metrics")
      assert.strictEqual(status, 200)
      readPromText(body)
    }).pipe(Effect.provide(Serving))
  )

  it("knows this host by the peer's address alone", () => {
    const yes = ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"]
    const no = ["10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "0.0.0.0", "::", "128.0.0.1"]
    assert.deepStrictEqual(
      yes.map(isLoopback),
      yes.map(() => true)
    )
    assert.deepStrictEqual(
      no.map(isLoopback),
      no.map(() => false)
    )
    assert.isFalse(isLoopback(undefined))
  })

  it.live("says which address is taken", () =>
    Effect.gen(function* () {
      const { port } = yield* Server
      const again = yield* Effect.exit(
        Layer.build(Server.layerNoDeps({ ...local, port })).pipe(Effect.provide(HealthChecks.layer))
      )
      assert.isTrue(Exit.isFailure(again))
      assert.match(String(again), new RegExp(`127.0.0.1:${port}`))
    }).pipe(Effect.scoped, Effect.provide(Serving))
  )
})
