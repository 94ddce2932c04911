import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { layer } from "../../src/controllers/FencedNodes.ts"
import { KubeMemory } from "../../src/kubernetes/memory/KubeMemory.ts"
import { kubernetesMemory } from "../../src/kubernetes/memory/layers.ts"
import { Nodes } from "../../src/kubernetes/Nodes.ts"
import { Fence, LostLeadership } from "../../src/runtime/Fence.ts"
import { nodeNames, registerNode } from "../support/nodeCloud.ts"

const lost = Layer.succeed(Fence, { ensure: new LostLeadership({ why: "the lease ran out" }) })
const under = (fence: Layer.Layer<Fence>) =>
  Layer.provideMerge(layer.pipe(Layer.provide(fence), Layer.provide(kubernetesMemory)), kubernetesMemory)

const both = Effect.gen(function* () {
  yield* registerNode("a")
  const nodes = yield* Nodes
  const node = Option.getOrThrow(yield* nodes.find("a"))
  const written = yield* Effect.result(nodes.write(node, { _tag: "Change", labels: { x: "1" } }))
  const latest = Option.getOrThrow(yield* nodes.find("a"))
  return [written, yield* Effect.result(nodes.remove(latest))].map((result) =>
    result._tag === "Success" ? "sent" : result.failure.message
  )
})

describe("FencedNodes", () => {
  it.effect("sends nothing once the lease is lost", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* both, [
        "patch nodes a: no answer not sent: the lease ran out",
        "delete nodes a: no answer not sent: the lease ran out"
      ])
      assert.deepStrictEqual(yield* nodeNames, ["a"])
      assert.deepStrictEqual(yield* (yield* KubeMemory).writes, {})
    }).pipe(Effect.provide(under(lost)))
  )

  it.effect("sends everything while it is held", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* both, ["sent", "sent"])
      assert.deepStrictEqual(yield* nodeNames, [])
    }).pipe(Effect.provide(under(Fence.layerOpen)))
  )
})
