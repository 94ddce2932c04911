/** The shutdown taint as upstream promises it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { Nodes } from "../../../src/kubernetes/Nodes.ts"
import { registerNode, setReady } from "../../support/nodeCloud.ts"
import { cluster, taintsOf } from "./bench.ts"

const shutdown = { key: "node.cloudprovider.kubernetes.io/shutdown", effect: "NoSchedule" }

describe("the shutdown taint", () => {
  it.effect("is one by key and effect: others of its key are somebody else's", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        yield* kube.edit("nodes", "a", { spec: { taints: [{ ...shutdown, effect: "NoExecute" }] } })
        cloud.become("a", "Stopped")
        yield* setReady("a", "Unknown")
        yield* periods(2)
        assert.deepStrictEqual(yield* taintsOf("a"), [`${shutdown.key}:NoExecute`, `${shutdown.key}:NoSchedule`])
        yield* setReady("a", "True")
        yield* periods(2)
        assert.deepStrictEqual(yield* taintsOf("a"), [`${shutdown.key}:NoExecute`])
      })
    )
  )

  it.effect("is patched with the whole list and the resourceVersion, and the last one with null", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        const nodes = yield* Nodes
        cloud.become("a", "Stopped")
        yield* setReady("a", "Unknown")
        const off = Option.getOrThrow(yield* nodes.find("a")).resourceVersion
        yield* periods(2)
        yield* setReady("a", "True")
        const on = Option.getOrThrow(yield* nodes.find("a")).resourceVersion
        yield* periods(2)
        assert.deepStrictEqual(
          (yield* kube.journal).map(({ body }) => body),
          [
            { metadata: { resourceVersion: off }, spec: { taints: [shutdown] } },
            { metadata: { resourceVersion: on }, spec: { taints: null } }
          ]
        )
      })
    )
  )

  it.effect("is set at the next period where the API server refused it", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        yield* kube.onWrite((write) => (write.n === 1 ? { status: 500, text: "no" } : undefined))
        cloud.become("a", "Stopped")
        yield* setReady("a", "Unknown")
        yield* periods(1)
        assert.deepStrictEqual(yield* taintsOf("a"), [])
        yield* periods(1)
        assert.deepStrictEqual(yield* taintsOf("a"), [`${shutdown.key}:NoSchedule`])
      })
    )
  )

  it.effect("is no business of ours on another cloud's Node", () =>
    cluster(["b"], ({ periods }) =>
      Effect.gen(function* () {
        yield* registerNode("a", { providerID: "kind://docker/kind/a", taints: [shutdown] })
        yield* periods(2)
        assert.deepStrictEqual(yield* taintsOf("a"), [`${shutdown.key}:NoSchedule`])
      })
    )
  )
})
