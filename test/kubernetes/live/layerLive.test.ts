import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, Logger, Metric, Option, Stream } from "effect"
import { TestClock } from "effect/testing"
import { KubeApi, leases, nodes, services } from "../../../src/kubernetes/KubeApi.ts"
import { Leases } from "../../../src/kubernetes/Leases.ts"
import { leasesLayer } from "../../../src/kubernetes/layers.ts"
import { makeBucket } from "../../../src/kubernetes/live/bucket.ts"
import type { ClientOptions } from "../../../src/kubernetes/live/layerLive.ts"
import { pathOf } from "../../../src/kubernetes/live/layerLive.ts"
import { restClientRequests } from "../../../src/observability/metrics.ts"
import { LastCheck } from "../../../src/wire/LastCheck.ts"
import { clientOf, kubeServer, type Script } from "../../support/kubeServer.ts"
import { onWallClock } from "../../support/wallClock.ts"

const quiet = Effect.provide(Logger.layer([]))

const client = Effect.fnUntraced(function* (script: Script, options: Partial<ClientOptions> = {}) {
  const server = yield* kubeServer(script)
  const context = yield* Layer.build(clientOf(server.url, options))
  return { ...server, api: yield* Effect.provideContext(KubeApi, context) }
})

const status = (code: number, message: string) => ({
  kind: "Status",
  apiVersion: "v1",
  status: "Failure",
  code,
  message
})

describe("paths", () => {
  for (const [path, request] of [
    ["/api/v1/services?limit=2", { verb: "list", resource: services, query: { limit: "2" } }],
    ["/api/v1/nodes/n1/status", { verb: "patch", resource: nodes, name: "n1", subresource: "status" }],
    [
      "/api/v1/namespaces/shop/services/web/status",
      { verb: "patch", resource: services, namespace: "shop", name: "web", subresource: "status" }
    ],
    [
      "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases",
      { verb: "create", resource: leases, namespace: "kube-system" }
    ],
    ["/api/v1/nodes/..%2Fsecrets", { verb: "get", resource: nodes, name: "../secrets" }]
  ] as const) {
    it(path, () => assert.strictEqual(pathOf(request), path))
  }
})

describe.concurrent("the client", () => {
  it.live("asks the last check when it has waited for all that it waits for, and then for a connection", () =>
    Effect.gen(function* () {
      let closed = false
      const { api, asked } = yield* client((request, answer) => {
        // The server asks for patience, and meanwhile the time is up.
        if (request.method !== "GET") closed = true
        answer.json(request.method === "GET" ? 200 : 429, {}, { "retry-after": "0" })
      })
      const check = Effect.suspend(() => (closed ? Effect.fail(new Error("the lease ran out")) : Effect.void))
      const write = api.call({ verb: "patch", resource: nodes, name: "n1", body: {} })
      const change = Effect.flip(Effect.provideService(write, LastCheck, check))
      const late = Effect.gen(function* () {
        const calling = yield* Effect.forkChild(change, { startImmediately: true })
        closed = true
        return yield* Fiber.join(calling)
      })
      const errors = [yield* late]
      closed = false
      yield* Effect.provideService(api.call({ verb: "get", resource: nodes, name: "n1" }), LastCheck, check)
      errors.push(yield* late)
      closed = false
      errors.push(yield* change)
      for (const { message, withheld } of errors) {
        assert.deepStrictEqual([message, withheld], ["patch nodes n1: not sent: the lease ran out", true])
      }
      assert.deepStrictEqual(
        asked.map(({ method }) => method),
        ["GET", "PATCH"]
      )
    }).pipe(Effect.scoped, quiet)
  )

  it.live("sends patches under its own name, and nothing that is not needed", () =>
    Effect.gen(function* () {
      const { api, asked } = yield* client((_, answer) => answer.json(200, { ok: true }), { userAgent: "ccm/1 test" })
      const body = { metadata: { finalizers: ["x"] } }
      const answer = yield* api.call({ verb: "patch", resource: nodes, name: "n1", subresource: "status", body })
      assert.deepStrictEqual(answer, { ok: true })
      assert.strictEqual(asked[0]?.method, "PATCH")
      assert.deepStrictEqual(asked[0]?.body, body)
      assert.strictEqual(asked[0]?.headers["content-type"], "application/strategic-merge-patch+json")
      assert.strictEqual(asked[0]?.headers["user-agent"], "ccm/1 test")
      assert.strictEqual(asked[0]?.headers["authorization"], "Bearer t0ken")
      assert.isUndefined(asked[0]?.headers["accept-encoding"])
    }).pipe(Effect.scoped, quiet)
  )

  it.live("tells refusals by status and the server's own words", () =>
    Effect.gen(function* () {
      const { api } = yield* client((asked, answer) =>
        asked.path.endsWith("web")
          ? answer.json(404, status(404, 'services "web" not found'))
          : answer.json(502, "<html>bad gateway</html>")
      )
      const error = yield* Effect.flip(api.call({ verb: "get", resource: services, namespace: "shop", name: "web" }))
      assert.isTrue(error.notFound)
      assert.strictEqual(error.message, 'get services shop/web: 404 services "web" not found')
      const other = yield* Effect.flip(api.call({ verb: "get", resource: nodes, name: "n" }))
      assert.strictEqual(other.status, 502)
    }).pipe(Effect.scoped, quiet)
  )

  it.live("names no secret when there is no answer", () =>
    Effect.gen(function* () {
      const { api } = yield* client((_, answer) => answer.cut())
      const error = yield* Effect.flip(api.call({ verb: "get", resource: nodes, name: "n" }))
      assert.strictEqual(error.status, 0)
      assert.notInclude(JSON.stringify(error) + error.message + String(error.stack), "t0ken")
    }).pipe(Effect.scoped, quiet)
  )

  it.live("gives up at its deadline, for headers as for a body that does not end", () =>
    Effect.gen(function* () {
      const timeout = Duration.millis(100)
      const { api } = yield* client(
        (asked, answer) => {
          if (asked.path.endsWith("slow")) answer.lines({ half: 1 })
        },
        { timeout }
      )
      for (const name of ["slow", "silent"]) {
        const error = yield* Effect.flip(api.call({ verb: "get", resource: nodes, name }))
        assert.strictEqual(error.status, 0)
        assert.include(error.text, "not within 100ms")
      }
      const error = yield* Effect.flip(Stream.runDrain(api.watch(nodes, {})).pipe(Effect.timeout("5 seconds")))
      assert.include(error.message, "not within")
    }).pipe(Effect.scoped, quiet)
  )

  it.live("gives up the connection, too, of an answer that does not end", () =>
    Effect.gen(function* () {
      for (const status of [200, 401, 500]) {
        const ended = yield* Deferred.make<void>()
        const { api } = yield* client(
          (_, answer) => {
            answer.over(() => Deferred.doneUnsafe(ended, Effect.void))
            answer.begin(status, '{"half":')
          },
          { timeout: Duration.millis(100) }
        )
        const error = yield* Effect.flip(api.call({ verb: "get", resource: nodes, name: "n" }))
        assert.include(error.text, "not within 100ms")
        yield* Deferred.await(ended)
      }
    }).pipe(Effect.scoped, quiet)
  )

  it.live("comes back when the server asks for patience", () =>
    Effect.gen(function* () {
      let count = 0
      const { api, asked } = yield* client((_, answer) => {
        count += 1
        if (count < 3) answer.json(429, status(429, "too many requests"), { "retry-after": "0" })
        else answer.json(200, {})
      })
      yield* api.call({ verb: "get", resource: nodes, name: "n" })
      assert.strictEqual(asked.length, 3)
    }).pipe(Effect.scoped, quiet)
  )

  it.live("counts what it sends", () =>
    Effect.gen(function* () {
      const { api, url } = yield* client((_, answer) => answer.json(403, status(403, "forbidden")))
      yield* Effect.result(api.call({ verb: "delete", resource: nodes, name: "n" }))
      const series = restClientRequests.of({ code: "403", method: "DELETE", host: new URL(url).host })
      assert.strictEqual((yield* Metric.value(series)).count, 1)
    }).pipe(Effect.scoped, quiet)
  )

  it.live("asks for health", () =>
    Effect.gen(function* () {
      let healthy = false
      const { api } = yield* client((_, answer) => answer.json(healthy ? 200 : 500, "ok"))
      assert.strictEqual((yield* Effect.flip(api.healthy)).status, 500)
      healthy = true
      yield* api.healthy
    }).pipe(Effect.scoped, quiet)
  )

  it.live("writes the times of a Lease with six decimals", () =>
    Effect.gen(function* () {
      const spec = {
        holderIdentity: "a",
        leaseDurationSeconds: 15,
        acquireTime: 1_700_000_000_120,
        renewTime: 0,
        leaseTransitions: 3
      }
      const { url, asked } = yield* kubeServer((request, answer) =>
        answer.json(200, {
          ...(typeof request.body === "object" ? request.body : {}),
          metadata: { name: "l", namespace: "kube-system", uid: "u", resourceVersion: "7" }
        })
      )
      const context = yield* Layer.build(leasesLayer.pipe(Layer.provide(clientOf(url))))
      const held = yield* Effect.flatMap(Leases, (view) => view.create("kube-system", "l", spec)).pipe(
        Effect.provideContext(context)
      )
      assert.deepInclude(held, { ...spec, resourceVersion: "7" })
      yield* Effect.flatMap(Leases, (view) => view.update(held, spec)).pipe(Effect.provideContext(context))
      assert.deepStrictEqual(asked[1]?.body, {
        kind: "Lease",
        apiVersion: "coordination.k8s.io/v1",
        metadata: { namespace: "kube-system", name: "l", uid: "u", resourceVersion: "7" },
        spec: { ...spec, acquireTime: "2023-11-14T22:13:20.120000Z", renewTime: "1970-01-01T00:00:00.000000Z" }
      })
      assert.strictEqual(asked[1]?.method, "PUT")
      assert.isTrue(
        Option.isSome(
          yield* Effect.flatMap(Leases, (view) => view.get("kube-system", "l")).pipe(Effect.provideContext(context))
        )
      )
    }).pipe(Effect.scoped, quiet)
  )
})

describe("the token bucket", () => {
  it.effect("lets a burst through, then its rate", () =>
    Effect.gen(function* () {
      const turn = makeBucket(20, 3)
      const at: Array<number> = []
      yield* Effect.forkScoped(
        Effect.forEach(
          Array.from({ length: 6 }),
          () =>
            Effect.andThen(
              turn,
              Effect.clockWith((clock) => Effect.sync(() => at.push(clock.currentTimeMillisUnsafe())))
            ),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(at, [0, 0, 0, 50, 100, 150])
    })
  )

  it.effect("does not stand still when the clock is set back", () =>
    onWallClock((correct) =>
      Effect.gen(function* () {
        const turn = makeBucket(20, 3)
        yield* turn
        correct(-3_600_000)
        const fiber = yield* Effect.forkScoped(turn, { startImmediately: true })
        assert.isDefined(fiber.pollUnsafe())
      })
    )
  )
})
