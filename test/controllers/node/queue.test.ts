/** Which Nodes the controller takes up, how many at a time, and what it does to those that are initialised. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { calm, eventReasons, registerNode } from "../../support/nodeCloud.ts"
import { bodies, nodeOf, put, running, sample, taint } from "./running.ts"

const kube = KubeMemory

describe("the queue", () => {
  it.effect("is named Nodes; updates bring a Node back into it, deletions do not", () =>
    running(put("a"), () =>
      Effect.gen(function* () {
        const { edit, remove } = yield* kube
        yield* registerNode("a", { providerID: "cloudstack:///a" })
        yield* TestClock.adjust(100)
        const added = Effect.map(sample("workqueue_adds_total"), (count = Number.NaN) => count)
        assert.strictEqual(yield* added, 0)
        yield* edit("nodes", "a", { spec: { taints: taint } })
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual((yield* nodeOf("a")).taints, [])
        const before = yield* added
        assert.isAtLeast(before, 1)
        yield* remove("nodes", "a")
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* added, before)
      })
    )
  )

  it.effect("has as many workers as --concurrent-node-syncs says", () =>
    Effect.forEach([1, 3], (concurrentNodeSyncs) => {
      let most = 0
      return running(
        (cloud) =>
          Effect.gen(function* () {
            let busy = 0
            cloud.disturb({
              ...calm,
              list: (truth) =>
                Effect.acquireUseRelease(
                  Effect.sync(() => {
                    most = Math.max(most, ++busy)
                  }),
                  () => Effect.delay(Effect.succeed(truth), "1 second"),
                  () => Effect.sync(() => busy--)
                )
            })
            for (const name of ["a", "b", "c", "d"]) yield* registerNode(name, { taints: taint })
          }),
        () => Effect.map(TestClock.adjust("5 seconds"), () => assert.strictEqual(most, concurrentNodeSyncs)),
        { options: { concurrentNodeSyncs } }
      )
    })
  )

  it.effect("is done with a Node that is deleted before its turn", () =>
    running(
      (cloud) =>
        Effect.sync(() => cloud.disturb({ ...calm, list: (truth) => Effect.delay(Effect.succeed(truth), 500) })),
      () =>
        Effect.gen(function* () {
          yield* registerNode("a", { taints: taint })
          yield* registerNode("b", { taints: taint })
          yield* Effect.flatMap(kube, ({ remove }) => remove("nodes", "b"))
          yield* TestClock.adjust("5 minutes")
          assert.deepStrictEqual(yield* eventReasons, ["VirtualMachineNotFound a"])
        })
    )
  )
})

describe("labels of a Node that is initialised", () => {
  it.effect("are patched alone, without a resourceVersion, and again after a failure", () =>
    running(put("a"), () =>
      Effect.gen(function* () {
        const { onWrite } = yield* kube
        yield* onWrite((write) => (write.n === 1 ? { status: 500, text: "no" } : undefined))
        yield* registerNode("a", {
          providerID: "cloudstack:///a",
          labels: { "failure-domain.beta.kubernetes.io/region": "eu", "topology.kubernetes.io/region": "us" }
        })
        for (let turn = 0; turn < 20; turn++) yield* TestClock.adjust("100 millis")
        const patch = { metadata: { labels: { "topology.kubernetes.io/region": "eu" } } }
        assert.deepStrictEqual(yield* bodies("nodes"), [patch, patch])
      })
    )
  )
})
