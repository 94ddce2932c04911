/** An application of somebody else's, which has only the public face: one reconcile inside its own program. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { KubeMemory, kubernetesMemory, layerMemory, Services, Settings, simulatorLayer } from "../src/index.ts"
import { sync } from "./support/readmeExample.ts"

const world = {
  zones: [{ ref: "z", name: "z" }],
  accounts: [{ ref: "me", name: "me", role: "User" }],
  networks: [{ ref: "net", name: "net", kind: "isolated", owner: "me" }],
  vms: [{ ref: "a", name: "a", owner: "me", nics: [{ network: "net" }] }],
  publicIps: { free: { me: 1 } }
}

const settings = Settings.layerOf({
  apiUrl: "http://unused",
  credentials: { apiKey: Redacted.make("k"), secretKey: Redacted.make("s") },
  verifyTls: true,
  callTimeout: Duration.seconds(30),
  jobTimeout: Duration.minutes(5),
  rateLimit: { qps: 100, burst: 100 },
  vmCacheTtl: Duration.seconds(30),
  previousClusterIds: [],
  servicePolicy: "all",
  allowedAddresses: []
})

const everything = Layer.provideMerge(
  layerMemory("me"),
  Layer.mergeAll(kubernetesMemory, settings, simulatorLayer(world))
)

const application = Effect.gen(function* () {
  const cluster = yield* KubeMemory
  yield* cluster.apply({ apiVersion: "v1", kind: "Node", metadata: { name: "a" } })
  yield* cluster.apply({
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "default", name: "web" },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }] }
  })
  const result = yield* sync
  const service = yield* (yield* Services).find("default/web")
  return { result, ingress: Option.getOrThrow(service).ingress }
})

describe("embedding", () => {
  it("is shown in the README as it is compiled here", () => {
    const text = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8")
    const example = text("support/readmeExample.ts").replace("../../src/index.ts", "cloudstack-ccm")
    assert.include(text("../README.md"), `\`\`\`ts\n${example}\`\`\`\n`)
  })

  it.effect("a reconcile runs inside another application", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(application, { startImmediately: true })
      while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("100 millis")
      const { ingress, result } = yield* Fiber.join(fiber)
      assert.strictEqual(result, "Changed")
      assert.strictEqual(ingress.length, 1)
    }).pipe(Effect.provide(everything))
  )
})
