import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { layer } from "../../src/controllers/FencedServices.ts"
import { KubeMemory } from "../../src/kubernetes/memory/KubeMemory.ts"
import { kubernetesMemory } from "../../src/kubernetes/memory/layers.ts"
import { Services } from "../../src/kubernetes/Services.ts"
import { Fence, LostLeadership } from "../../src/runtime/Fence.ts"
import { serviceManifest } from "../support/kubeManifests.ts"

const lost = Layer.succeed(Fence, { ensure: new LostLeadership({ why: "the lease ran out" }) })
const under = (fence: Layer.Layer<Fence>) =>
  Layer.provideMerge(layer.pipe(Layer.provide(fence), Layer.provide(kubernetesMemory)), kubernetesMemory)

const publish = Effect.gen(function* () {
  yield* (yield* KubeMemory).apply(serviceManifest("web"))
  const services = yield* Services
  const service = Option.getOrThrow(yield* services.find("shop/web"))
  return yield* services.write(service, { _tag: "AddFinalizer", finalizer: "example.org/x" })
})

describe("FencedServices", () => {
  it.effect("sends nothing once the lease is lost", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(publish)
      assert.strictEqual(error.message, "patch services/status shop/web: no answer not sent: the lease ran out")
      assert.deepStrictEqual(yield* (yield* KubeMemory).writes, {})
    }).pipe(Effect.provide(under(lost)))
  )

  it.effect("sends everything while it is held", () =>
    Effect.gen(function* () {
      assert.isTrue(Option.isSome(yield* publish))
      assert.deepStrictEqual(yield* (yield* KubeMemory).writes, { "patch services/status": 1 })
    }).pipe(Effect.provide(under(Fence.layerOpen)))
  )
})
