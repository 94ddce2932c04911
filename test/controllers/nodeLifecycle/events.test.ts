/** Every refusal and every deletion is explained, and by one Event. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { calm, eventReasons, failing, nodeNames, setReady } from "../../support/nodeCloud.ts"
import { cluster, throttled, unplug } from "./bench.ts"

const eventsOf = Effect.flatMap(KubeMemory, ({ events }) => events)

describe("Events", () => {
  it.effect("say each thing once while the Node is not Ready, whatever comes and goes meanwhile", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        yield* setReady("a", "Unknown")
        for (let turn = 0; turn < 10; turn++) {
          // The list lacks it, then shows it, then nobody answers.
          cloud.disturb({ ...calm, list: (truth) => Effect.succeed(truth.filter(({ id }) => id !== "a")) })
          yield* periods(13)
          cloud.disturb(calm)
          yield* periods(13)
          cloud.disturb(failing(throttled))
          yield* periods(13)
        }
        assert.deepStrictEqual(yield* eventReasons, ["NodeDeletionRefused a", "NodeDeletionRefused a"])
        const messages = (yield* eventsOf).map(({ count, message }) => `${count} ${message}`)
        assert.match(messages[0] ?? "", /^1 Node a is kept: the list of VMs lacks VM a, but a direct look-up shows it/)
        assert.match(messages[1] ?? "", /^1 Node a is kept: CloudStack does not say clearly/)
      })
    )
  )

  it.effect("of a deletion that is refused for good do not repeat, and the deletion is not told twice", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        yield* kube.onWrite((write) => (write.verb === "delete" ? { status: 403, text: "forbidden" } : undefined))
        yield* unplug(cloud, "a")
        yield* periods(200)
        const told = (yield* eventsOf).map(({ count, reason }) => `${reason} ${count}`)
        assert.deepStrictEqual(told, ["DeletingNode 1", "DeletingNodeFailed 1"])
        assert.match((yield* eventsOf)[1]?.message ?? "", /^Failed deleting node a: .*403 forbidden$/)
        yield* kube.onWrite(() => undefined)
        yield* periods(20)
        assert.deepStrictEqual(yield* nodeNames, ["b"])
        assert.deepStrictEqual(yield* eventReasons, ["DeletingNode a", "DeletingNodeFailed a"])
      })
    )
  )

  it.effect("tell of a CloudStack that does not answer only who has waited a minute", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        cloud.disturb(failing(throttled))
        yield* setReady("a", "Unknown")
        yield* periods(12)
        assert.deepStrictEqual(yield* eventReasons, [])
        yield* periods(30)
        assert.deepStrictEqual(yield* eventReasons, ["NodeDeletionRefused a"])
      })
    )
  )
})
