import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Fiber, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { type CloudSettings, Settings } from "../../src/config/Settings.ts"
import { ClusterId } from "../../src/controllers/ClusterIdentity.ts"
import { KubeApi } from "../../src/kubernetes/KubeApi.ts"
import { KubeError } from "../../src/kubernetes/KubeError.ts"

const settings: CloudSettings = {
  apiUrl: "https://c.test/client/api",
  credentials: { apiKey: Redacted.make("a"), secretKey: Redacted.make("b") },
  verifyTls: true,
  callTimeout: Duration.seconds(30),
  jobTimeout: Duration.minutes(5),
  rateLimit: { qps: 20, burst: 20 },
  vmCacheTtl: Duration.seconds(30),
  previousClusterIds: ["older"],
  servicePolicy: "all",
  allowedAddresses: []
}

/** An API server that answers with UIDs, or with these statuses. */
const api = (answers: Readonly<Record<string, string | number>>, asked: Array<string> = []) =>
  Layer.mock(KubeApi)({
    call: ({ name = "", resource, verb }) =>
      Effect.suspend(() => {
        asked.push(`${resource.plural}/${name}`)
        const answer = answers[resource.plural] ?? 404
        const named = { metadata: { name: resource.plural === "services" ? "kubernetes" : name, uid: String(answer) } }
        return typeof answer === "string"
          ? Effect.succeed(verb === "list" ? { items: [named] } : named)
          : Effect.fail(new KubeError({ operation: `get ${resource.plural}`, status: answer, text: "no" }))
      })
  })

const identity = (kube: Layer.Layer<KubeApi>, over: Partial<CloudSettings> = {}) =>
  Layer.build(
    ClusterId.layerNoDeps.pipe(Layer.provide(Layer.merge(kube, Settings.layerOf({ ...settings, ...over }))))
  ).pipe(Effect.map(Context.get(ClusterId)), Effect.scoped)

describe("the identity of the cluster", () => {
  it.effect("is the configured one, and the API server is not asked", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const found = yield* identity(api({ namespaces: "ns" }, asked), { clusterId: "prod" })
      assert.deepStrictEqual(found, { id: "prod", previous: ["older"] })
      assert.deepStrictEqual(asked, [])
    })
  )

  it.effect("is the UID of kube-system; marks with that of default/kubernetes count too", () =>
    Effect.gen(function* () {
      const found = yield* identity(api({ namespaces: "ns", services: "svc" }))
      assert.deepStrictEqual(found, { id: "ns", previous: ["older", "svc"] })
    })
  )

  it.effect("is the UID of default/kubernetes where namespaces may not be read", () =>
    Effect.gen(function* () {
      const found = yield* identity(api({ namespaces: 403, services: "svc" }))
      assert.deepStrictEqual(found, { id: "svc", previous: ["older"] })
    })
  )

  it.effect("does not need the Service", () =>
    Effect.gen(function* () {
      const found = yield* identity(api({ namespaces: "ns", services: 403 }))
      assert.deepStrictEqual(found, { id: "ns", previous: ["older"] })
    })
  )

  it.effect("is refused with a remedy where neither may be read", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(identity(api({ namespaces: 403, services: 403 })))
      assert.include(error.message, "set cluster-id in the cloud-config")
    })
  )

  it.effect("is waited for while the API server is away", () =>
    Effect.gen(function* () {
      const answers: Record<string, string | number> = { namespaces: 0, services: "svc" }
      const fiber = yield* Effect.forkChild(identity(api(answers)), { startImmediately: true })
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(fiber.pollUnsafe())
      answers["namespaces"] = "ns"
      yield* TestClock.adjust("30 seconds")
      const exit = yield* Fiber.await(fiber)
      assert.deepStrictEqual(exit, Exit.succeed({ id: "ns", previous: ["older", "svc"] }))
    })
  )
})
