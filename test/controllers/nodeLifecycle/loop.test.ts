/** The loop and its deletions as upstream promises them, as far as no other test of this folder shows it. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { run } from "../../../src/controllers/nodeLifecycle/NodeLifecycleController.ts"
import { encodeSeenVm } from "../../../src/domain/SeenVm.ts"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { kubernetesMemory } from "../../../src/kubernetes/memory/layers.ts"
import { Nodes } from "../../../src/kubernetes/Nodes.ts"
import { layerSettings } from "../../cloudstack/settings.ts"
import {
  calm,
  failing,
  makeNodeCloud,
  nodeNames,
  registerNode,
  setReady,
  uninitialised,
  vmOf
} from "../../support/nodeCloud.ts"
import { inBackground } from "../../support/testBed.ts"
import { cluster, registerSeen, throttled, unplug } from "./bench.ts"

const eventsOf = Effect.flatMap(KubeMemory, ({ events }) => events)

describe("the loop", () => {
  it.effect("begins at once, and each period so long after the one before has ended", () => {
    const cloud = makeNodeCloud()
    return Effect.gen(function* () {
      const asked: Array<number> = []
      const start = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      cloud.put(vmOf("a"))
      cloud.disturb({
        ...calm,
        list: (truth) =>
          Effect.flatMap(
            Effect.clockWith((clock) => clock.currentTimeMillis),
            (now) => {
              asked.push(now - start)
              return Effect.delay(Effect.succeed(truth), "3 seconds")
            }
          )
      })
      yield* registerSeen("a", { ready: "False" })
      yield* inBackground(run({ nodeMonitorPeriod: Duration.seconds(7) }))
      yield* TestClock.adjust("25 seconds")
      assert.deepStrictEqual(asked, [0, 10_000, 20_000])
    }).pipe(Effect.provide(Layer.mergeAll(kubernetesMemory, cloud.layer, layerSettings())))
  })
})

describe("a Node that is not Ready", () => {
  it.effect("is one without the condition, and one that is not initialised, too", () =>
    cluster(["b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        yield* registerSeen("a", { taints: [uninitialised] })
        yield* kube.edit("nodes", "a", { status: { conditions: null } })
        assert.strictEqual(Option.getOrThrow(yield* (yield* Nodes).find("a")).ready, "Unknown")
        cloud.put(vmOf("b"))
        yield* periods(3)
        assert.deepStrictEqual(yield* nodeNames, ["b"])
      })
    )
  )

  it.effect("is told and deleted in upstream's words, by UID and as it was read", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        yield* unplug(cloud, "a")
        const { resourceVersion, uid } = Option.getOrThrow(yield* (yield* Nodes).find("a"))
        yield* periods(3)
        assert.deepStrictEqual(
          (yield* kube.journal).filter(({ verb }) => verb === "delete").map(({ body, key }) => ({ body, key })),
          [
            {
              key: "a",
              body: { kind: "DeleteOptions", apiVersion: "v1", preconditions: { uid, resourceVersion } }
            }
          ]
        )
        const [event] = yield* eventsOf
        assert.deepInclude(event, {
          kind: "Node",
          name: "a",
          namespace: "",
          type: "Normal",
          reason: "DeletingNode",
          message: "Deleting node a because it does not exist in the cloud provider",
          component: "cloud-node-lifecycle-controller"
        })
      })
    )
  )

  it.effect("of no clear fate gets neither taint nor deletion", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        cloud.disturb(failing(throttled))
        yield* setReady("a", "False")
        yield* periods(5)
        assert.deepStrictEqual(yield* kube.writes, {})
      })
    )
  )
})

describe("where the node controller does not run", () => {
  it.effect("VMs are recorded by the lifecycle controller, and so a Node can go", () =>
    cluster([], ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        for (const name of ["a", "b"]) {
          cloud.put(vmOf(name))
          yield* registerNode(name, { providerID: `cloudstack:///${name}` })
        }
        yield* registerNode("stranger", { providerID: "cloudstack:///stranger" })
        yield* periods(12)
        assert.deepStrictEqual(yield* kube.writes, {})
        yield* periods(2)
        assert.deepStrictEqual(yield* kube.writes, { "patch nodes": 2 })
        const node = Option.getOrThrow(yield* (yield* Nodes).find("a"))
        assert.strictEqual(node.annotations["cloudstack-ccm/seen-vm"], encodeSeenVm(vmOf("a")))
        yield* unplug(cloud, "a")
        yield* periods(4)
        assert.deepStrictEqual(yield* nodeNames, ["b", "stranger"])
      })
    )
  )

  it.effect("VMs that never show are asked for every five minutes", () =>
    cluster(["a"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        yield* registerNode("stranger", { providerID: "cloudstack:///stranger" })
        yield* periods(720)
        assert.strictEqual(cloud.calls.list, 12)
      })
    )
  )
})
