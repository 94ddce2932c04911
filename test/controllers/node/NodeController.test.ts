import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { NetworkId } from "../../../src/domain/Cloud.ts"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { calm, eventReasons, failing, registerNode, vmOf } from "../../support/nodeCloud.ts"
import { addressesOf, nodeOf, running, taint, unavailable, until, writes } from "./running.ts"

const syncedCount = Effect.map(eventReasons, (reasons) => reasons.filter((it) => it.startsWith("Synced")).length)

describe("a new Node", () => {
  it.effect("gets providerID, labels, addresses, and loses the taint", () =>
    running(
      (cloud) => {
        cloud.put(
          vmOf("id-1", {
            name: "Node-1",
            nics: [
              { networkId: NetworkId.make("n2"), networkName: "n2", isDefault: false, ipv4: "10.2.0.1", secondary: [] },
              {
                networkId: NetworkId.make("n1"),
                networkName: "n1",
                isDefault: true,
                ipv4: "10.1.0.1",
                ipv6: "2001:db8::1",
                secondary: [],
                publicIp: "203.0.113.7"
              }
            ]
          })
        )
        return registerNode("node-1", {
          taints: [{ key: "other", effect: "NoSchedule" }, ...taint],
          labels: { mine: "1" },
          addresses: [
            { type: "InternalIP", address: "10.1.0.1" },
            { type: "Hostname", address: "node-1" }
          ]
        })
      },
      () =>
        Effect.gen(function* () {
          const node = yield* nodeOf("node-1")
          assert.strictEqual(node.providerID, "external-cloudstack://id-1")
          assert.deepStrictEqual(node.taints, [{ key: "other", effect: "NoSchedule" }])
          assert.deepInclude(node.labels, {
            mine: "1",
            "topology.kubernetes.io/zone": "Zone_1",
            "failure-domain.beta.kubernetes.io/zone": "Zone_1",
            "node.kubernetes.io/instance-type": "Small_Instance",
            "topology.kubernetes.io/region": "eu"
          })
          assert.deepStrictEqual(yield* addressesOf("node-1"), [
            "InternalIP 10.1.0.1",
            "InternalIP 2001:db8::1",
            "InternalIP 10.2.0.1",
            "ExternalIP 203.0.113.7",
            "Hostname node-1"
          ])
          assert.deepStrictEqual(yield* writes, { "patch nodes": 1, "patch nodes/status": 1 })
          assert.deepStrictEqual(yield* eventReasons, ["Synced node-1"])
        }),
      { region: "eu" }
    )
  )

  it.effect("registered while the controller runs is served at once, in the form the config asks for", () =>
    running(
      (cloud) => Effect.sync(() => cloud.put(vmOf("a"))),
      () =>
        Effect.gen(function* () {
          yield* registerNode("a", { taints: taint })
          yield* TestClock.adjust(100)
          assert.strictEqual((yield* nodeOf("a")).providerID, "cloudstack:///a")
        }),
      { providerIdFormat: "cloudstack" }
    )
  )

  it.effect("without a VM keeps its taint, is told once, and is served when the VM shows", () =>
    running(
      () => registerNode("a", { taints: taint }),
      (cloud) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("5 minutes")
          assert.deepStrictEqual((yield* nodeOf("a")).taints.length, 1)
          assert.deepStrictEqual(yield* eventReasons, ["VirtualMachineNotFound a"])
          cloud.put(vmOf("a"))
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual((yield* nodeOf("a")).taints, [])
          assert.deepStrictEqual(yield* eventReasons, ["VirtualMachineNotFound a", "Synced a"])
        })
    )
  )

  it.effect("whose name two VMs bear waits until one is gone", () =>
    running(
      (cloud) => {
        cloud.put(vmOf("1", { name: "a" }), vmOf("2", { name: "a", state: "Stopped" }))
        return registerNode("a", { taints: taint })
      },
      (cloud) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("3 minutes")
          assert.strictEqual((yield* nodeOf("a")).providerID, "")
          assert.deepStrictEqual(yield* eventReasons, ["AmbiguousVirtualMachine a"])
          cloud.become("1", "Destroyed")
          yield* TestClock.adjust("1 minute")
          assert.strictEqual((yield* nodeOf("a")).providerID, "external-cloudstack://2")
        })
    )
  )

  it.effect("of another cloud is left alone", () =>
    running(
      (cloud) => {
        cloud.put(vmOf("a"))
        return registerNode("a", {
          taints: taint,
          providerID: "kind://docker/kind/a",
          labels: { "beta.kubernetes.io/instance-type": "k" }
        })
      },
      () =>
        Effect.gen(function* () {
          yield* TestClock.adjust("10 minutes")
          assert.deepStrictEqual(yield* writes, {})
          assert.deepStrictEqual(yield* eventReasons, [])
        })
    )
  )

  it.effect("whose kubelet was told an address that the VM lacks stays tainted", () =>
    running(
      (cloud) => {
        cloud.put(vmOf("a"))
        return registerNode("a", {
          taints: taint,
          annotations: { "alpha.kubernetes.io/provided-node-ip": "192.0.2.1" }
        })
      },
      () =>
        Effect.gen(function* () {
          yield* TestClock.adjust("3 minutes")
          assert.strictEqual((yield* nodeOf("a")).taints.length, 1)
          assert.deepStrictEqual(yield* eventReasons, ["InvalidNodeIP a"])
        })
    )
  )

  it.effect("survives CloudStack being away", () =>
    running(
      (cloud) => {
        cloud.put(vmOf("a"))
        cloud.disturb(failing(unavailable))
        return registerNode("a", { taints: taint })
      },
      (cloud) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("3 minutes")
          assert.strictEqual((yield* nodeOf("a")).taints.length, 1)
          cloud.disturb(calm)
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual((yield* nodeOf("a")).taints, [])
        })
    )
  )

  it.effect("is written again on its newest copy when somebody changed it meanwhile", () =>
    running(
      (cloud) => Effect.sync(() => cloud.put(vmOf("a"))),
      () =>
        Effect.gen(function* () {
          const kube = yield* KubeMemory
          let conflicts = 0
          yield* kube.onWrite((write) => {
            if (write.resource !== "nodes" || conflicts >= 3) return undefined
            conflicts++
            return { status: 409, text: "conflict" }
          })
          yield* registerNode("a", { taints: taint })
          yield* TestClock.adjust("1 second")
          assert.strictEqual(conflicts, 3)
          assert.deepStrictEqual((yield* nodeOf("a")).taints, [])
          assert.deepStrictEqual(yield* eventReasons, ["Synced a"])
        })
    )
  )

  it.effect("comes in a crowd of 200: one list", () =>
    running(
      (cloud) => Effect.sync(() => cloud.put(...Array.from({ length: 200 }, (_, at) => vmOf(`n${at}`)))),
      (cloud) =>
        Effect.gen(function* () {
          for (let at = 0; at < 200; at++) yield* registerNode(`n${at}`, { taints: taint })
          yield* until(Effect.map(syncedCount, (count) => count === 200))
          assert.strictEqual(yield* syncedCount, 200)
          assert.strictEqual(cloud.calls.list, 1)
        })
    )
  )

  it.effect("whose VM is younger than the list makes it read afresh, once for a whole crowd", () =>
    running(
      (cloud) => {
        cloud.put(vmOf("old"))
        return registerNode("old", { taints: taint })
      },
      (cloud) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("5 seconds")
          const before = cloud.calls.list
          for (let at = 0; at < 50; at++) {
            cloud.put(vmOf(`n${at}`))
            yield* registerNode(`n${at}`, { taints: taint })
          }
          yield* until(Effect.map(syncedCount, (count) => count === 51))
          assert.strictEqual(yield* syncedCount, 51)
          assert.strictEqual(cloud.calls.list - before, 1)
        })
    )
  )
})

describe("a Node that is initialised", () => {
  it.effect("has its newer labels brought in line with the older ones, also when a user edits them", () =>
    running(
      (cloud) => {
        cloud.put(vmOf("a"))
        return registerNode("a", {
          providerID: "cloudstack:///a",
          labels: { "failure-domain.beta.kubernetes.io/zone": "z1", "topology.kubernetes.io/zone": "z2" }
        })
      },
      () =>
        Effect.gen(function* () {
          const zone = Effect.map(nodeOf("a"), ({ labels }) => labels["topology.kubernetes.io/zone"])
          assert.strictEqual(yield* zone, "z1")
          const kube = yield* KubeMemory
          yield* kube.edit("nodes", "a", { metadata: { labels: { "topology.kubernetes.io/zone": "mine" } } })
          yield* TestClock.adjust("1 second")
          assert.strictEqual(yield* zone, "z1")
        })
    )
  )

  it.effect("gets the addresses its VM has now, and its sight recorded", () =>
    running(
      (cloud) => {
        cloud.put(vmOf("a"))
        return registerNode("a", { providerID: "cloudstack:///a" })
      },
      (cloud) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* addressesOf("a"), ["InternalIP 10.1.1.5", "Hostname a"])
          assert.strictEqual(
            (yield* nodeOf("a")).annotations["cloudstack-ccm/seen-vm"],
            '{"vm":"a","owner":"acme","zone":"Zone 1"}'
          )
          cloud.put(vmOf("a", { ip: "10.1.1.9" }))
          yield* TestClock.adjust("5 minutes")
          assert.deepStrictEqual(yield* addressesOf("a"), ["InternalIP 10.1.1.9", "Hostname a"])
        })
    )
  )

  it.effect("keeps its addresses when its VM is not visible, or has none", () =>
    running(
      (cloud) => {
        cloud.put(vmOf("b", { nics: [] }))
        return Effect.forEach(["a", "b"], (name) =>
          registerNode(name, {
            providerID: `cloudstack:///${name}`,
            addresses: [{ type: "InternalIP", address: "10.9.9.9" }]
          })
        )
      },
      () =>
        Effect.gen(function* () {
          yield* TestClock.adjust("10 minutes")
          assert.deepStrictEqual(yield* addressesOf("a"), ["InternalIP 10.9.9.9"])
          assert.deepStrictEqual(yield* addressesOf("b"), ["InternalIP 10.9.9.9"])
        })
    )
  )

  it.effect("costs nothing while nothing changes: one list per refresh for 1,000, and no write", () =>
    running(
      (cloud) =>
        Effect.gen(function* () {
          const names = Array.from({ length: 1_000 }, (_, at) => `n${at}`)
          cloud.put(...names.map((name) => vmOf(name)))
          for (const name of names) yield* registerNode(name, { providerID: `external-cloudstack://${name}` })
        }),
      (cloud) =>
        Effect.gen(function* () {
          const status = Effect.map(writes, (counts) => counts["patch nodes/status"] ?? 0)
          yield* until(Effect.map(status, (count) => count === 1_000))
          const before = yield* writes
          assert.deepStrictEqual(before, { "patch nodes": 1_000, "patch nodes/status": 1_000 })
          for (let refreshes = 0; refreshes < 6; refreshes++) yield* TestClock.adjust("5 minutes")
          yield* until(Effect.sync(() => cloud.calls.list >= 7))
          assert.strictEqual(cloud.calls.list, 7)
          assert.strictEqual(cloud.calls.find, 0)
          assert.deepStrictEqual(yield* writes, before)
        })
    )
  )

  it.effect("is refreshed again after CloudStack was away", () =>
    running(
      (cloud) => {
        cloud.put(vmOf("a"))
        cloud.disturb(failing(unavailable))
        return registerNode("a", { providerID: "cloudstack:///a" })
      },
      (cloud) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* addressesOf("a"), [])
          cloud.disturb(calm)
          yield* TestClock.adjust("5 minutes")
          assert.deepStrictEqual(yield* addressesOf("a"), ["InternalIP 10.1.1.5", "Hostname a"])
        })
    )
  )
})
