/** The refresh of addresses as upstream promises it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { calm, eventReasons, registerNode, vmOf } from "../../support/nodeCloud.ts"
import { addressesOf, nodeOf, running, taint, writes } from "./running.ts"

const kube = KubeMemory

describe("the refresh", () => {
  it.effect("begins at once, and again a while after it has ended", () =>
    running(
      (cloud) => {
        cloud.disturb({ ...calm, list: (truth) => Effect.delay(Effect.succeed(truth), "1 minute") })
        return registerNode("a", { providerID: "cloudstack:///a" })
      },
      ({ calls }) =>
        Effect.gen(function* () {
          assert.strictEqual(calls.list, 1)
          yield* TestClock.adjust("5 minutes")
          assert.strictEqual(calls.list, 1)
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(calls.list, 2)
        })
    )
  )

  it.effect("changes only addresses: not labels, not providerID, whatever became of the VM", () =>
    running(
      (cloud) => {
        cloud.put(vmOf("a"))
        return registerNode("a", { taints: taint })
      },
      (cloud) =>
        Effect.gen(function* () {
          const before = yield* nodeOf("a")
          cloud.put(vmOf("a", { name: "renamed", zone: "Zone 2", instanceType: "Large", ip: "10.1.1.9" }))
          yield* TestClock.adjust("5 minutes")
          const after = yield* nodeOf("a")
          assert.deepStrictEqual(after.labels, before.labels)
          assert.strictEqual(after.providerID, before.providerID)
          assert.deepStrictEqual(yield* addressesOf("a"), ["InternalIP 10.1.1.9", "Hostname a"])
        })
    )
  )

  it.effect("leaves Nodes alone that still carry the taint", () =>
    running(
      (cloud) => {
        cloud.put(vmOf("1", { name: "a" }), vmOf("2", { name: "a" }))
        return registerNode("a", { taints: taint, addresses: [{ type: "InternalIP", address: "10.9.9.9" }] })
      },
      () =>
        Effect.gen(function* () {
          yield* TestClock.adjust("11 minutes")
          assert.deepStrictEqual(yield* writes, {})
        })
    )
  )

  it.effect(
    "goes on with the others where one Node's write fails, and writes nothing that the kubelet's choice forbids",
    () =>
      running(
        (cloud) => {
          cloud.put(vmOf("a", { ip: "10.1.1.1" }), vmOf("b", { ip: "10.1.1.2" }), vmOf("c", { ip: "10.1.1.3" }))
          return Effect.gen(function* () {
            const { onWrite } = yield* kube
            yield* onWrite((write) => (write.key === "a" ? { status: 500, text: "no" } : undefined))
            for (const name of ["a", "b", "c"]) {
              yield* registerNode(name, {
                providerID: `cloudstack:///${name}`,
                annotations: name === "c" ? { "alpha.kubernetes.io/provided-node-ip": "192.0.2.1" } : {}
              })
            }
          })
        },
        () =>
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* addressesOf("a"), [])
            assert.deepStrictEqual(yield* addressesOf("b"), ["InternalIP 10.1.1.2", "Hostname b"])
            assert.deepStrictEqual(yield* addressesOf("c"), [])
            assert.deepStrictEqual(yield* eventReasons, ["InvalidNodeIP c"])
            yield* Effect.flatMap(kube, ({ onWrite }) => onWrite(() => undefined))
            yield* TestClock.adjust("5 minutes")
            assert.deepStrictEqual(yield* addressesOf("a"), ["InternalIP 10.1.1.1", "Hostname a"])
            assert.deepStrictEqual(yield* eventReasons, ["InvalidNodeIP c"])
          })
      )
  )

  it.effect(
    "writes as many Nodes at a time as --concurrent-node-status-updates says, 0 as --concurrent-node-syncs",
    () =>
      Effect.forEach(
        [
          [0, 2, 2],
          [3, 1, 3]
        ] as const,
        ([concurrentNodeStatusUpdates, concurrentNodeSyncs, expected]) =>
          Effect.gen(function* () {
            let busy = 0
            let most = 0
            const slow = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
              Effect.acquireUseRelease(
                Effect.sync(() => {
                  most = Math.max(most, ++busy)
                }),
                () => Effect.delay(effect, "1 second"),
                () => Effect.sync(() => busy--)
              )
            yield* running(
              (cloud) => {
                const names = Array.from({ length: 8 }, (_, at) => `n${at}`)
                cloud.put(...names.map((name) => vmOf(name)))
                return Effect.forEach(names, (name) => registerNode(name, { providerID: `cloudstack:///${name}` }))
              },
              () => TestClock.adjust("1 minute"),
              {
                options: { concurrentNodeStatusUpdates, concurrentNodeSyncs },
                around: (nodes) => ({ ...nodes, write: (node, write) => slow(nodes.write(node, write)) })
              }
            )
            assert.strictEqual(most, expected)
          })
      )
  )

  it.effect(
    "tells once of a Node that serves although its VM is not visible, after two looks, unless none is visible",
    () =>
      running(
        (cloud) => {
          cloud.put(vmOf("b"))
          return Effect.forEach(["a", "b"], (name) => registerNode(name, { providerID: `cloudstack:///${name}` }))
        },
        (cloud) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* eventReasons, [])
            cloud.expunge("b")
            yield* TestClock.adjust("20 minutes")
            assert.deepStrictEqual(yield* eventReasons, [])
            cloud.put(vmOf("b"))
            for (let turn = 0; turn < 4; turn++) yield* TestClock.adjust("5 minutes")
            assert.deepStrictEqual(yield* eventReasons, ["VirtualMachineNotFound a"])
          })
      )
  )
})
