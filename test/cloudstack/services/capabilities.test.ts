import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { type Answer, Forbidden, type Reason, Unavailable } from "../../../src/cloudstack/Api.ts"
import { Capabilities } from "../../../src/cloudstack/Capabilities.ts"
import { layer as cloudStack } from "../../../src/cloudstack/layers.ts"
import { type Asked, scripted } from "../scripted.ts"
import { layerSettings } from "../settings.ts"

const on = (answer: Answer | Reason) => {
  const asked: Array<Asked> = []
  const layer = cloudStack.pipe(Layer.provide(scripted(() => answer, asked)), Layer.provide(layerSettings()))
  const region = Effect.flatMap(Capabilities, (capabilities) => capabilities.region)
  return { asked, layer, region }
}
const local = { id: 1, name: "Local", endpoint: "http://localhost:8080/client/" }

describe("the server's region", () => {
  for (const [title, answer, expected] of [
    ["is the only one there is", { count: 1, region: [local] }, "Local"],
    ["is not told where there are several", { count: 2, region: [local, { ...local, id: 2, name: "Far" }] }, undefined],
    ["is none in an empty answer", {}, undefined],
    ["is none without a name", { count: 1, region: [{ id: 1 }] }, undefined],
    ["is none where the role may not ask", new Forbidden({ what: "command", text: "no" }), undefined]
  ] as const) {
    it.effect(title, () => {
      const { asked, layer, region } = on(answer)
      return Effect.gen(function* () {
        assert.strictEqual(yield* region, expected)
        assert.strictEqual(yield* region, expected)
        assert.lengthOf(asked, 1)
      }).pipe(Effect.provide(layer))
    })
  }

  it.effect("is unknown, not none, while the server does not answer", () => {
    const { layer, region } = on(new Unavailable({ status: 503, text: "starting" }))
    return Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.flip(region), { startImmediately: true })
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "Unavailable")
    }).pipe(Effect.provide(layer))
  })
})
