import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { eventReasons, nodeNames, registerNode, setReady, uninitialised } from "../../support/nodeCloud.ts"
import { byName, cluster, idOf, listCalls, nodeOf } from "../../support/nodesOnSimulator.ts"
import { pass } from "../../support/testBed.ts"

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

  it.effect("read one list for 200 Nodes that come at once", () =>
    cluster(
      200,
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        while (((yield* kube.writes)["patch nodes/status"] ?? 0) < 200) yield* pass(1)
        // They all go, and others come in their places.
        yield* TestClock.adjust("1 minute")
        for (let at = 1; at <= 200; at++) yield* kube.remove("nodes", `n${at}`)
        yield* TestClock.adjust("1 minute")
        const before = yield* listCalls
        for (let at = 1; at <= 200; at++) yield* registerNode(`n${at}`, { taints: [uninitialised] })
        while (((yield* kube.writes)["patch nodes/status"] ?? 0) < 400) yield* pass(1)
        assert.strictEqual((yield* listCalls) - before, 1)
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
