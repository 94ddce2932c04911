/** Initialisation as upstream promises it, and what becomes of it when the API server is in trouble. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import { textAt } from "../../../src/kubernetes/json.ts"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { Nodes } from "../../../src/kubernetes/Nodes.ts"
import { eventReasons, registerNode, vmOf } from "../../support/nodeCloud.ts"
import { addressesOf, bodies, nodeOf, put, running, sample, taint, writes } from "./running.ts"

const kube = KubeMemory

describe("initialisation", () => {
  it.effect("is one patch of the Node with its resourceVersion, and one of its status", () =>
    running(put("a"), () =>
      Effect.gen(function* () {
        const conditions = [{ type: "Ready", status: "False", reason: "NetworkPluginNotReady", message: "" }]
        yield* registerNode("a", { taints: taint, ready: "False", addresses: [{ type: "Hostname", address: "a" }] })
        yield* Effect.flatMap(kube, ({ edit }) => edit("nodes", "a", { status: { conditions } }))
        const { resourceVersion } = yield* nodeOf("a")
        yield* TestClock.adjust("1 second")
        const [patch] = yield* bodies("nodes")
        assert.strictEqual(textAt({ ...Object(patch) }, "metadata", "resourceVersion"), resourceVersion)
        assert.deepStrictEqual(yield* bodies("nodes/status"), [
          {
            status: {
              addresses: [
                { type: "InternalIP", address: "10.1.1.5" },
                { type: "Hostname", address: "a" },
                { $patch: "replace" }
              ]
            }
          }
        ])
        // Conditions are the kubelet's.
        const object = yield* Effect.flatMap(kube, ({ object }) => object("nodes", "a"))
        assert.deepNestedInclude(object, { "status.conditions": conditions })
      })
    )
  )

  it.effect("says Synced as the component cloud-node-controller, word for word", () =>
    running(put("a"), () =>
      Effect.gen(function* () {
        yield* registerNode("a", { taints: taint })
        yield* TestClock.adjust("1 second")
        const [event] = yield* Effect.flatMap(kube, ({ events }) => events)
        assert.deepInclude(event, {
          kind: "Node",
          name: "a",
          namespace: "",
          type: "Normal",
          reason: "Synced",
          message: "Node synced successfully",
          component: "cloud-node-controller"
        })
      })
    )
  )

  it.effect("keeps a providerID of another form, and overwrites labels that are not as the VM is", () =>
    running(put("a"), () =>
      Effect.gen(function* () {
        yield* registerNode("a", {
          taints: taint,
          providerID: "cloudstack://eu/a",
          labels: { "topology.kubernetes.io/zone": "old", "beta.kubernetes.io/instance-type": "old", mine: "old" }
        })
        yield* TestClock.adjust("1 second")
        const { labels, providerID, taints } = yield* nodeOf("a")
        assert.strictEqual(providerID, "cloudstack://eu/a")
        assert.deepStrictEqual(taints, [])
        assert.deepInclude(labels, {
          "topology.kubernetes.io/zone": "Zone_1",
          "failure-domain.beta.kubernetes.io/zone": "Zone_1",
          "beta.kubernetes.io/instance-type": "Small_Instance",
          mine: "old"
        })
      })
    )
  )

  it.effect("does not lose a taint that somebody adds at the same moment", () =>
    running(put("a"), () =>
      Effect.gen(function* () {
        const { edit, onWrite } = yield* kube
        const theirs = { key: "theirs", effect: "NoExecute" }
        yield* onWrite((write) => {
          if (write.n > 1) return undefined
          // In the step of our write, before it.
          Effect.runSync(edit("nodes", "a", { spec: { taints: [...taint, theirs] } }))
          return undefined
        })
        yield* registerNode("a", { taints: taint })
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual((yield* nodeOf("a")).taints, [theirs])
      })
    )
  )

  it.effect("gives up after twenty conflicts and comes back later; another error ends the attempt at once", () =>
    Effect.forEach([409, 500], (status) =>
      running(put("a"), () =>
        Effect.gen(function* () {
          const { onWrite } = yield* kube
          yield* onWrite(() => ({ status, text: "no" }))
          yield* registerNode("a", { taints: taint })
          const tries = Effect.map(writes, (counts) => counts["patch nodes"] ?? 0)
          if (status === 409) {
            for (let turn = 0; turn < 40; turn++) yield* TestClock.adjust("100 millis")
            assert.isAtLeast(yield* tries, 21)
          } else {
            // Registration and the kubelet's first status are two changes, and so two attempts.
            yield* TestClock.adjust("50 millis")
            assert.isAtMost(yield* tries, 2)
          }
          yield* onWrite(() => undefined)
          for (let turn = 0; turn < 60; turn++) yield* TestClock.adjust("1 second")
          assert.deepStrictEqual((yield* nodeOf("a")).taints, [])
          assert.deepStrictEqual(yield* eventReasons, ["Synced a"])
        })
      )
    )
  )

  it.effect("leaves a Node alone that was replaced by another of its name meanwhile", () =>
    running(put("a"), () =>
      Effect.gen(function* () {
        const { onWrite, remove } = yield* kube
        yield* onWrite((write) => {
          if (write.n > 1) return undefined
          Effect.runSync(remove("nodes", "a"))
          return { status: 409, text: "conflict" }
        })
        yield* registerNode("a", { taints: taint })
        yield* TestClock.adjust("1 minute")
        assert.isTrue(Option.isNone(yield* (yield* Nodes).find("a")))
        assert.deepStrictEqual(yield* eventReasons, [])
      })
    )
  )

  it.effect("is measured from the Node's creation to the taint's removal and to the end", () =>
    running(
      () => registerNode("a", { taints: taint }),
      (cloud) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("3 minutes")
          cloud.put(vmOf("a"))
          yield* TestClock.adjust("1 minute")
          for (const of of ["taint_removal_delay", "initial_node_sync_delay"]) {
            const name = `node_controller_${of === "taint_removal_delay" ? "cloud_provider_" : ""}${of}_seconds`
            assert.strictEqual(yield* sample(name, "_count"), 1)
            const seconds = (yield* sample(name, "_sum")) ?? 0
            assert.isTrue(seconds > 180 && seconds < 250, `${seconds}`)
          }
        })
    )
  )
})

describe("an initialisation whose answers are lost", () => {
  const lost = { status: 0, text: "connection reset", applied: true }
  it.effect("is seen to its end: addresses, Event and measure, each once", () =>
    running(put("a"), () =>
      Effect.gen(function* () {
        const { onWrite } = yield* kube
        yield* onWrite((write) => (write.n === 1 ? lost : undefined))
        yield* registerNode("a", { taints: taint })
        for (let turn = 0; turn < 10; turn++) yield* TestClock.adjust("100 millis")
        assert.deepStrictEqual((yield* nodeOf("a")).taints, [])
        assert.deepStrictEqual(yield* addressesOf("a"), ["InternalIP 10.1.1.5", "Hostname a"])
        assert.deepStrictEqual(yield* eventReasons, ["Synced a"])
        assert.strictEqual(yield* sample("node_controller_cloud_provider_taint_removal_delay_seconds", "_count"), 1)
      })
    )
  )

  it.effect("sets the addresses again within seconds, not at the next refresh", () =>
    running(put("a"), () =>
      Effect.gen(function* () {
        const { onWrite } = yield* kube
        let failures = 0
        yield* onWrite((write) =>
          write.resource === "nodes/status" && failures++ < 3 ? { status: 500, text: "busy" } : undefined
        )
        yield* registerNode("a", { taints: taint })
        for (let turn = 0; turn < 20; turn++) yield* TestClock.adjust("100 millis")
        assert.deepStrictEqual(yield* addressesOf("a"), ["InternalIP 10.1.1.5", "Hostname a"])
        assert.deepStrictEqual(yield* eventReasons, ["Synced a"])
        assert.strictEqual(yield* sample("node_controller_cloud_provider_taint_removal_delay_seconds", "_count"), 1)
      })
    )
  )
})

describe("VMs that never show", () => {
  it.effect("cost a list every ten seconds at most, however many Nodes wait for them", () =>
    running(
      (cloud) => {
        cloud.put(vmOf("other"))
        return Effect.forEach(
          Array.from({ length: 60 }, (_, at) => at),
          (at) => Effect.andThen(registerNode(`n${at}`, { taints: taint }), TestClock.adjust("1 second"))
        )
      },
      (cloud) =>
        Effect.gen(function* () {
          for (let turn = 0; turn < 300; turn++) yield* TestClock.adjust("1 second")
          const before = cloud.calls.list
          for (let turn = 0; turn < 300; turn++) yield* TestClock.adjust("1 second")
          assert.isAtMost(cloud.calls.list - before, 31)
          assert.lengthOf(yield* eventReasons, 60)
        })
    )
  )
})
