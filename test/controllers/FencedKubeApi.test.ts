import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { layer } from "../../src/controllers/FencedKubeApi.ts"
import { Events } from "../../src/kubernetes/Events.ts"
import { KubeApi, services } from "../../src/kubernetes/KubeApi.ts"
import { KubeError } from "../../src/kubernetes/KubeError.ts"
import { eventsLayer, nodesLayer, servicesLayer } from "../../src/kubernetes/layers.ts"
import { KubeMemory } from "../../src/kubernetes/memory/KubeMemory.ts"
import { kubeApiMemory } from "../../src/kubernetes/memory/layers.ts"
import { Nodes } from "../../src/kubernetes/Nodes.ts"
import { serviceRef } from "../../src/kubernetes/objects.ts"
import { Services } from "../../src/kubernetes/Services.ts"
import { Fence } from "../../src/runtime/Fence.ts"
import { serviceManifest } from "../support/kubeManifests.ts"
import { brieflyOpen, lost, patiently } from "../support/lostLease.ts"
import { nodeNames, registerNode } from "../support/nodeCloud.ts"

const under = (fence: Layer.Layer<Fence>) =>
  Layer.mergeAll(servicesLayer, nodesLayer, eventsLayer).pipe(
    Layer.provide(layer),
    Layer.provide([kubeApiMemory, fence]),
    Layer.provideMerge(KubeMemory.layer)
  )

/** Everything that a leader writes, and what came of it. */
const writeAll = Effect.gen(function* () {
  yield* registerNode("a")
  yield* (yield* KubeMemory).apply(serviceManifest("web"))
  yield* TestClock.adjust("1 second")
  const [services, nodes, events] = [yield* Services, yield* Nodes, yield* Events]
  const node = Option.getOrThrow(yield* nodes.find("a"))
  const service = Option.getOrThrow(yield* services.find("shop/web"))
  const about = serviceRef(service)
  yield* events.record({ about, type: "Normal", reason: "Told", message: "it", component: "service-controller" })
  const finalizer = "example.org/x"
  const results = [
    yield* Effect.result(services.write(service, { _tag: "AddFinalizer", finalizer })),
    yield* Effect.result(nodes.write(node, { _tag: "Change", labels: { x: "1" } })),
    yield* Effect.result(nodes.remove(Option.getOrThrow(yield* nodes.find("a"))))
  ]
  yield* TestClock.adjust("10 minutes")
  return results.map((result) => (result._tag === "Success" ? "sent" : result.failure.message))
})

describe("FencedKubeApi", () => {
  it.effect("sends nothing once the lease is lost, and does not come back to it", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* writeAll, [
        "patch services/status shop/web: not sent: the lease ran out",
        "patch nodes a: not sent: the lease ran out",
        "delete nodes a: not sent: the lease ran out"
      ])
      assert.deepStrictEqual(yield* nodeNames, ["a"])
      assert.deepStrictEqual(yield* (yield* KubeMemory).writes, {})
    }).pipe(Effect.provide(under(lost)))
  )

  it.effect("sends everything while it is held", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* writeAll, ["sent", "sent", "sent"])
      assert.deepStrictEqual(yield* nodeNames, [])
      assert.deepStrictEqual(yield* (yield* KubeMemory).writes, {
        "patch services/status": 1,
        "patch nodes": 1,
        "delete nodes": 1,
        "create events": 1
      })
    }).pipe(Effect.provide(under(Fence.layerOpen)))
  )

  it.effect("has writes checked again after all that the client waits for, and reads not at all", () => {
    const sent: Array<string> = []
    const client = Layer.mock(KubeApi)({
      call: ({ verb }) =>
        patiently(
          () => sent.push(verb),
          (text) => new KubeError({ operation: verb, status: 0, text, withheld: true })
        )
    })
    return Effect.gen(function* () {
      const api = yield* KubeApi
      for (const verb of ["get", "list", "create", "update", "patch", "delete"] as const) {
        yield* Effect.ignore(api.call({ verb, resource: services }))
      }
      assert.deepStrictEqual(sent, ["get", "list"])
    }).pipe(Effect.provide(layer.pipe(Layer.provide([client, brieflyOpen()]))))
  })
})
