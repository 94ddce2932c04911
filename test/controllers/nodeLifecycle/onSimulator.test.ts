/** Both node controllers over the in-memory CloudStack with its real reader, and the in-memory API server. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { layer as cloudServices } from "../../../src/cloudstack/layers.ts"
import { layer as simulator } from "../../../src/cloudstack/memory/layer.ts"
import { layerMemory } from "../../../src/cloudstack/memory/layerMemory.ts"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { Settings } from "../../../src/config/Settings.ts"
import * as NodeController from "../../../src/controllers/node/NodeController.ts"
import * as NodeLifecycleController from "../../../src/controllers/nodeLifecycle/NodeLifecycleController.ts"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { kubernetesMemory } from "../../../src/kubernetes/memory/layers.ts"
import { Nodes } from "../../../src/kubernetes/Nodes.ts"
import { eventReasons, nodeNames, registerNode, setReady, uninitialised } from "../../support/nodeCloud.ts"
import { byHand, callsOf, inBackground, pass, settings, world, worldOf } from "../../support/testBed.ts"

const controllers = Effect.all(
  [
    NodeController.run({
      providerIdFormat: "external-cloudstack",
      nodeStatusUpdateFrequency: Duration.minutes(5),
      concurrentNodeSyncs: 1,
      concurrentNodeStatusUpdates: 0
    }),
    NodeLifecycleController.run({ nodeMonitorPeriod: Duration.seconds(5) })
  ],
  { concurrency: "unbounded" }
)

/** Nodes n1, n2, … as their kubelets register them, and both controllers at work. */
const cluster = <A, E>(
  count: number,
  body: Effect.Effect<A, E, Simulator | KubeMemory | Nodes>,
  cloud: unknown = worldOf({ nodes: count, allow: ["listVirtualMachines"] }),
  changed: Partial<typeof settings> = {}
) =>
  Effect.gen(function* () {
    for (let at = 1; at <= count; at++) yield* registerNode(`n${at}`, { taints: [uninitialised] })
    yield* inBackground(controllers)
    yield* pass(2)
    return yield* body
  }).pipe(
    Effect.provide(
      Layer.provideMerge(
        cloudServices.pipe(Layer.provide(layerMemory("alice"))),
        Layer.mergeAll(kubernetesMemory, Settings.layerOf({ ...settings, ...changed }), simulator(cloud, { seed: 7 }))
      )
    )
  )

const nodeOf = (name: string) =>
  Effect.map(
    Effect.flatMap(Nodes, (nodes) => nodes.find(name)),
    Option.getOrThrow
  )

const idOf = (name: string) =>
  Effect.map(world, ({ machines }) => machines.find((machine) => machine.name === name)?.id ?? "")

const byName = Effect.fnUntraced(function* (
  command: string,
  name: string,
  more: Readonly<Record<string, string>> = {}
) {
  return yield* byHand(command, { id: yield* idOf(name), ...more })
})

const listCalls = Effect.flatMap(Simulator, (cloud) =>
  Effect.map(cloud.log, (log) => callsOf(log)["listVirtualMachines"] ?? 0)
)

describe("node controllers on the in-memory CloudStack", () => {
  it.effect("initialise every Node with one list, with the narrowest of roles", () =>
    cluster(
      3,
      Effect.gen(function* () {
        const node = yield* nodeOf("n1")
        assert.strictEqual(node.providerID, `external-cloudstack://${yield* idOf("n1")}`)
        assert.deepInclude(node.labels, {
          "topology.kubernetes.io/zone": "sim1",
          "node.kubernetes.io/instance-type": "tiny"
        })
        assert.deepStrictEqual(
          node.addresses.map(({ type }) => type),
          ["InternalIP", "Hostname"]
        )
        assert.deepStrictEqual(node.taints, [])
        assert.strictEqual(yield* listCalls, 1)
      })
    )
  )

  it.effect("taint a stopped VM's Node, keep it, and free it when it runs again", () =>
    cluster(
      2,
      Effect.gen(function* () {
        yield* byName("stopVirtualMachine", "n1")
        yield* setReady("n1", "Unknown")
        yield* pass(120)
        assert.deepStrictEqual((yield* nodeOf("n1")).taints, [
          { key: "node.cloudprovider.kubernetes.io/shutdown", effect: "NoSchedule" }
        ])
        yield* byName("startVirtualMachine", "n1")
        yield* setReady("n1", "True")
        yield* pass(6)
        assert.deepStrictEqual((yield* nodeOf("n1")).taints, [])
      })
    )
  )

  it.effect("delete the Node of an expunged VM within two looks and a period", () =>
    cluster(
      2,
      Effect.gen(function* () {
        yield* byName("destroyVirtualMachine", "n1", { expunge: "true" })
        assert.deepStrictEqual(yield* nodeNames, ["n1", "n2"])
        yield* setReady("n1", "Unknown")
        yield* pass(16)
        assert.deepStrictEqual(yield* nodeNames, ["n2"])
        assert.include(yield* eventReasons, "DeletingNode n1")
      })
    )
  )

  it.effect("delete nothing while the project in the config is the wrong one", () =>
    cluster(
      2,
      Effect.gen(function* () {
        const cloud = yield* Simulator
        const missing = { _tag: "error", code: 431, cserrorcode: 9999, text: "Unable to find project" } as const
        const fault = { command: "listVirtualMachines", fault: missing }
        yield* cloud.inject(Array.from({ length: 200 }, (_, at) => ({ ...fault, occurrence: at + 1 })))
        yield* setReady("n1", "Unknown")
        yield* pass(120)
        assert.deepStrictEqual(yield* nodeNames, ["n1", "n2"])
      })
    )
  )

  it.effect("read 1,000 VMs in two pages, and write nothing when nothing changed", () =>
    cluster(
      1_000,
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        while (((yield* kube.writes)["patch nodes/status"] ?? 0) < 1_000) yield* pass(1)
        yield* TestClock.adjust("5 minutes")
        yield* pass(2)
        const before = { calls: yield* listCalls, writes: yield* kube.writes }
        yield* TestClock.adjust("5 minutes")
        yield* pass(2)
        assert.strictEqual((yield* listCalls) - before.calls, 2)
        assert.deepStrictEqual(yield* kube.writes, before.writes)
      })
    )
  )
})
