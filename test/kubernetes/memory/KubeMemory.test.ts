import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Events } from "../../../src/kubernetes/Events.ts"
import { listAt, textAt } from "../../../src/kubernetes/json.ts"
import { KubeApi, services } from "../../../src/kubernetes/KubeApi.ts"
import { nodesLayer, servicesLayer } from "../../../src/kubernetes/layers.ts"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { kubeApiMemory, kubernetesMemory } from "../../../src/kubernetes/memory/layers.ts"
import { Nodes } from "../../../src/kubernetes/Nodes.ts"
import { Services } from "../../../src/kubernetes/Services.ts"
import { nodeManifest, serviceManifest } from "../../support/kubeManifests.ts"

const service = (key: string) => Effect.flatMap(Services, (view) => Effect.map(view.find(key), Option.getOrThrow))
const ports = (key: string) => Effect.map(service(key), (found) => found.ports.map((port) => port.nodePort))

describe("Services in memory", () => {
  it.effect("keep their node ports when the user applies again, and lose them with the type", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      yield* memory.apply(serviceManifest("web"))
      assert.deepStrictEqual(yield* ports("shop/web"), [30_000, 30_001])
      yield* memory.apply(serviceManifest("other"))
      assert.deepStrictEqual(yield* ports("shop/other"), [30_002, 30_003])
      const more = [
        { name: "http", port: 80 },
        { name: "alt", port: 8080 }
      ]
      yield* memory.apply(serviceManifest("web", { ports: more }))
      assert.deepStrictEqual(yield* ports("shop/web"), [30_000, 30_001])
      yield* memory.apply(serviceManifest("web", { ports: more, type: "ClusterIP" }))
      assert.deepStrictEqual(yield* ports("shop/web"), [0, 0])
    }).pipe(Effect.provide(kubernetesMemory))
  )

  it.effect("share no node port", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      yield* memory.apply(serviceManifest("a", { ports: [{ port: 80, nodePort: 31_000 }] }))
      const taken = yield* Effect.flip(memory.apply(serviceManifest("b", { ports: [{ port: 80, nodePort: 31_000 }] })))
      assert.strictEqual(taken.status, 422)
      yield* memory.apply(serviceManifest("c", { ports: [{ port: 80, nodePort: 31_000, protocol: "UDP" }] }))
      const outside = yield* Effect.flip(memory.apply(serviceManifest("d", { ports: [{ port: 80, nodePort: 80 }] })))
      assert.strictEqual(outside.status, 422)
    }).pipe(Effect.provide(kubernetesMemory))
  )

  it.effect("have a health check port while they are Local", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      yield* memory.apply(serviceManifest("web", { externalTrafficPolicy: "Local" }))
      assert.strictEqual((yield* service("shop/web")).healthCheckNodePort, 30_002)
      yield* memory.edit("services", "shop/web", { spec: { externalTrafficPolicy: "Cluster" } })
      assert.notProperty(yield* service("shop/web"), "healthCheckNodePort")
    }).pipe(Effect.provide(kubernetesMemory))
  )

  it.effect("keep their class, and lose class and addresses with the type", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      yield* memory.apply({
        ...serviceManifest("web", { loadBalancerClass: "example.com/x" }),
        status: { loadBalancer: { ingress: [{ ip: "203.0.113.7" }] } }
      })
      const before = yield* service("shop/web")
      assert.deepStrictEqual(before.ingress, [{ ip: "203.0.113.7", ipMode: "VIP" }])
      const changed = { spec: { loadBalancerClass: "example.com/y" } }
      assert.strictEqual((yield* Effect.flip(memory.edit("services", "shop/web", changed))).status, 422)
      yield* memory.edit("services", "shop/web", { spec: { type: "ClusterIP" } })
      const after = yield* service("shop/web")
      assert.deepStrictEqual(after.ingress, [])
      assert.notProperty(after, "loadBalancerClass")
    }).pipe(Effect.provide(kubernetesMemory))
  )

  it.effect("keep what others set when the user applies again", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      yield* memory.apply(serviceManifest("web", {}, { annotations: { mine: "1", gone: "1" } }))
      const view = yield* Services
      yield* view.write(yield* service("shop/web"), { _tag: "Annotate", annotations: { theirs: "2" } })
      yield* view.write(yield* service("shop/web"), { _tag: "AddFinalizer", finalizer: "example.com/f" })
      const again = yield* memory.apply(serviceManifest("web", {}, { annotations: { mine: "3" } }))
      const after = yield* service("shop/web")
      assert.deepStrictEqual(after.annotations, { mine: "3", theirs: "2" })
      assert.deepStrictEqual(after.finalizers, ["example.com/f"])
      const same = yield* memory.apply(serviceManifest("web", {}, { annotations: { mine: "3" } }))
      assert.deepStrictEqual(same, again)
    }).pipe(Effect.provide(kubernetesMemory))
  )

  it.effect("live until the finalizer goes, and come back as somebody else", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      const view = yield* Services
      yield* memory.apply(serviceManifest("web", {}, { finalizers: ["example.com/f"] }))
      const first = yield* service("shop/web")
      yield* TestClock.adjust("1 hour")
      yield* memory.remove("services", "shop/web")
      yield* memory.remove("services", "shop/web")
      const stored = yield* memory.object("services", "shop/web")
      assert.strictEqual(textAt(stored, "metadata", "deletionTimestamp"), "1970-01-01T01:00:00Z")
      yield* view.write(yield* service("shop/web"), { _tag: "RemoveFinalizer", finalizer: "example.com/f" })
      assert.strictEqual((yield* Effect.flip(memory.object("services", "shop/web"))).status, 404)
      yield* memory.apply(serviceManifest("web"))
      assert.notStrictEqual((yield* service("shop/web")).uid, first.uid)
    }).pipe(Effect.provide(kubernetesMemory))
  )

  it.effect("show each change once", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      const view = yield* Services
      yield* memory.apply(serviceManifest("web"))
      const changes: Array<string> = []
      yield* Stream.runForEach(view.changes, ({ before, after }) =>
        Effect.sync(() => changes.push(`${before?.ingress.length ?? "-"}>${after?.ingress.length ?? "-"}`))
      ).pipe(Effect.forkScoped({ startImmediately: true }))
      const ingress = [{ ip: "203.0.113.7", ipMode: "VIP" as const }]
      yield* view.write(yield* service("shop/web"), { _tag: "SetIngress", ingress })
      yield* view.write(yield* service("shop/web"), { _tag: "SetIngress", ingress })
      yield* memory.apply(serviceManifest("web"))
      yield* memory.remove("services", "shop/web")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(changes, ["->0", "0>1", "1>-"])
    }).pipe(Effect.provide(kubernetesMemory))
  )
})

describe("writes in memory", () => {
  it.effect("are counted and can fail, with or without effect", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      const view = yield* Services
      yield* memory.apply(serviceManifest("web"))
      yield* memory.onWrite(({ n }) =>
        n === 1 ? { status: 500, text: "no" } : n === 2 ? { status: 0, text: "reset", applied: true } : undefined
      )
      const fresh = yield* service("shop/web")
      const add = (finalizer: string) => view.write(fresh, { _tag: "AddFinalizer", finalizer })
      assert.strictEqual((yield* Effect.flip(add("x.test/1"))).status, 500)
      assert.strictEqual((yield* Effect.flip(add("x.test/2"))).status, 0)
      assert.deepStrictEqual((yield* service("shop/web")).finalizers, ["x.test/2"])
      yield* add("x.test/3")
      assert.deepStrictEqual(yield* memory.writes, { "patch services/status": 3 })
    }).pipe(Effect.provide(kubernetesMemory))
  )

  it.effect("of nothing are no writes", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      yield* memory.apply(serviceManifest("web"))
      yield* memory.apply(nodeManifest("n1"))
      const view = yield* Services
      const nodes = yield* Nodes
      const node = Option.getOrThrow(yield* nodes.find("n1"))
      yield* view.write(yield* service("shop/web"), { _tag: "SetIngress", ingress: [] })
      yield* nodes.write(node, { _tag: "Change", taints: [], labels: {} })
      yield* nodes.write(node, { _tag: "SetAddresses", addresses: node.addresses })
      assert.deepStrictEqual(yield* memory.writes, {})
    }).pipe(Effect.provide(kubernetesMemory))
  )
})

describe("Nodes in memory", () => {
  it.effect("follow the kubelet", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      const nodes = yield* Nodes
      yield* memory.apply(nodeManifest("n1"))
      assert.strictEqual(Option.getOrThrow(yield* nodes.find("n1")).ready, "True")
      yield* memory.edit("nodes", "n1", { status: { conditions: [{ type: "Ready", status: "Unknown" }] } })
      assert.strictEqual(Option.getOrThrow(yield* nodes.find("n1")).ready, "Unknown")
      yield* memory.remove("nodes", "n1")
      assert.isTrue(Option.isNone(yield* nodes.find("n1")))
    }).pipe(Effect.provide(kubernetesMemory))
  )

  for (const [what, patch] of [
    ["a label that is too long", { metadata: { labels: { zone: "z".repeat(64) } } }],
    ["a label with a blank", { metadata: { labels: { zone: "Zone 1" } } }],
    ["a label that ends with a dot", { metadata: { labels: { zone: "z." } } }],
    ["an unknown taint effect", { spec: { taints: [{ key: "a", effect: "Sometimes" }] } }],
    [
      "a taint twice",
      { spec: { taints: [1, 2].map((value) => ({ key: "a", effect: "NoExecute", value: `${value}` })) } }
    ]
  ] as const) {
    it.effect(`refuse ${what}`, () =>
      Effect.gen(function* () {
        const memory = yield* KubeMemory
        yield* memory.apply(nodeManifest("n1"))
        assert.strictEqual((yield* Effect.flip(memory.edit("nodes", "n1", patch))).status, 422)
      }).pipe(Effect.provide(kubernetesMemory))
    )
  }
})

describe("Events in memory", () => {
  it.effect("are what was said, one by one", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      const events = yield* Events
      const about = { kind: "Node", apiVersion: "v1", name: "n1", uid: "u" } as const
      const note = { about, type: "Normal", reason: "Synced", message: "Node synced", component: "c" } as const
      yield* events.record(note)
      yield* events.record(note)
      const expected = { kind: "Node", namespace: "", name: "n1", type: "Normal", reason: "Synced", count: 1 }
      for (const event of yield* memory.events) assert.deepInclude(event, { ...expected, component: "c" })
      assert.strictEqual((yield* memory.events).length, 2)
      assert.deepStrictEqual(yield* memory.writes, {})
    }).pipe(Effect.provide(kubernetesMemory))
  )
})

describe("the API in memory", () => {
  const live = Layer.mergeAll(servicesLayer, nodesLayer).pipe(
    Layer.provideMerge(kubeApiMemory),
    Layer.provideMerge(KubeMemory.layer)
  )
  it.effect("can be listed and watched like the real one", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      const view = yield* Services
      yield* memory.apply(serviceManifest("early"))
      yield* view.synced
      yield* memory.apply(serviceManifest("late"))
      yield* memory.remove("services", "shop/early")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        (yield* view.all).map(({ key }) => key),
        ["shop/late"]
      )
      const api = yield* KubeApi
      const list = yield* api.call({ verb: "list", resource: services })
      assert.strictEqual(listAt(JSON.parse(JSON.stringify(list)), "items").length, 1)
      const first = yield* Effect.flip(Stream.runDrain(api.watch(services, { resourceVersion: "-1" })))
      assert.strictEqual(first.status, 410)
    }).pipe(Effect.provide(live))
  )
})
