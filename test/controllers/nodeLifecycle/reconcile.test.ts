import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted, Ref } from "effect"
import { TestClock } from "effect/testing"
import { makeMemory } from "../../../src/controllers/nodeLifecycle/Memory.ts"
import { reconcile } from "../../../src/controllers/nodeLifecycle/reconcile.ts"
import { encodeSeenVm, readSeenVm } from "../../../src/domain/SeenVm.ts"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { Nodes } from "../../../src/kubernetes/Nodes.ts"
import { calm, eventReasons, failing, nodeNames, registerNode, setReady, vmOf } from "../../support/nodeCloud.ts"
import { type Bench, cluster, many, period, registerSeen, taintsOf, throttled, unplug } from "./bench.ts"

describe("deletion of a Node", () => {
  it.effect("takes two looks ten seconds apart", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        yield* unplug(cloud, "a")
        yield* periods(2)
        assert.deepStrictEqual(yield* nodeNames, ["a", "b"])
        yield* periods(1)
        assert.deepStrictEqual(yield* nodeNames, ["b"])
        assert.deepStrictEqual(yield* eventReasons, ["DeletingNode a"])
        assert.strictEqual(cloud.calls.find, 4)
      })
    )
  )

  it.effect("does not happen while the Node is Ready, and CloudStack is not asked", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        cloud.expunge("a")
        yield* periods(10)
        assert.deepStrictEqual(yield* nodeNames, ["a", "b"])
        assert.deepStrictEqual(cloud.calls, { list: 0, find: 0 })
      })
    )
  )

  it.effect("happens when the VM is destroyed, which a user can not tell from expunged", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        cloud.become("a", "Destroyed")
        yield* setReady("a", "False")
        yield* periods(3)
        assert.deepStrictEqual(yield* nodeNames, ["b"])
      })
    )
  )

  it.effect("begins anew when the VM shows up in between", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        yield* unplug(cloud, "a")
        yield* periods(2)
        cloud.put(vmOf("a"))
        yield* TestClock.adjust(period)
        yield* periods(1)
        cloud.expunge("a")
        yield* periods(2)
        assert.deepStrictEqual(yield* nodeNames, ["a", "b"])
        yield* periods(2)
        assert.deepStrictEqual(yield* nodeNames, ["b"])
      })
    )
  )

  it.effect("survives nothing: after a restart the looks are made again, on the record that the Node carries", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        yield* unplug(cloud, "a")
        yield* periods(2)
        const restarted = yield* makeMemory
        yield* reconcile(restarted, { period })
        assert.deepStrictEqual(yield* nodeNames, ["a", "b"])
        yield* TestClock.adjust(10_000)
        yield* reconcile(restarted, { period })
        assert.deepStrictEqual(yield* nodeNames, ["b"])
      })
    )
  )

  it.effect("is not made on a look from before the credentials changed", () =>
    cluster(["a", "b"], ({ cloud, periods, settings }) =>
      Effect.gen(function* () {
        yield* unplug(cloud, "a")
        yield* periods(2)
        const other = { apiKey: Redacted.make("other"), secretKey: Redacted.make("other") }
        yield* Ref.update(settings, (before) => ({ ...before, credentials: other }))
        yield* periods(1)
        assert.deepStrictEqual(yield* nodeNames, ["a", "b"])
        yield* periods(2)
        assert.deepStrictEqual(yield* nodeNames, ["b"])
      })
    )
  )

  it.effect("is not made when the Node became Ready and the cache does not know yet", () =>
    cluster(["a", "b"], ({ cloud, periods, memory }) =>
      Effect.gen(function* () {
        yield* unplug(cloud, "a")
        yield* periods(2)
        const nodes = yield* Nodes
        const stale = yield* nodes.all
        yield* setReady("a", "True")
        yield* Effect.provideService(reconcile(memory, { period }), Nodes, {
          ...nodes,
          all: Effect.succeed(stale)
        })
        assert.deepStrictEqual(yield* nodeNames, ["a", "b"])
      })
    )
  )

  it.effect("that fails is told and tried again", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        yield* kube.onWrite((write) => (write.verb === "delete" ? { status: 403, text: "forbidden" } : undefined))
        yield* unplug(cloud, "a")
        yield* periods(3)
        assert.deepStrictEqual(yield* eventReasons, ["DeletingNode a", "DeletingNodeFailed a"])
        yield* kube.onWrite(() => undefined)
        yield* periods(3)
        assert.deepStrictEqual(yield* nodeNames, ["b"])
      })
    )
  )
})

describe("doubt", () => {
  const stays = (
    title: string,
    names: ReadonlyArray<string>,
    kept: ReadonlyArray<string>,
    spoil: (bench: Bench) => Effect.Effect<unknown, unknown, KubeMemory>,
    events: ReadonlyArray<string>
  ) =>
    it.effect(title, () =>
      cluster(names, (bench) =>
        Effect.gen(function* () {
          yield* spoil(bench)
          yield* bench.periods(40)
          assert.deepStrictEqual(yield* nodeNames, [...kept])
          assert.deepStrictEqual(yield* eventReasons, [...events])
        })
      )
    )

  stays("keeps the only Node", ["a"], ["a"], ({ cloud }) => unplug(cloud, "a"), ["NodeDeletionRefused a"])
  stays(
    "keeps Nodes whose VMs all vanish at once",
    ["a", "b", "c"],
    ["a", "b", "c"],
    ({ cloud }) => unplug(cloud, "a", "b", "c"),
    ["NodeDeletionRefused a", "NodeDeletionRefused b", "NodeDeletionRefused c"]
  )
  stays(
    "keeps Nodes while the list is empty",
    ["a", "b"],
    ["a", "b"],
    ({ cloud }) => {
      cloud.disturb({ list: () => Effect.succeed([]), find: () => Effect.succeed(Option.none()) })
      return setReady("a", "Unknown")
    },
    ["NodeDeletionRefused a"]
  )
  stays(
    "keeps a Node that the list lacks and the direct look-up shows",
    ["a", "b"],
    ["a", "b"],
    ({ cloud }) => {
      cloud.disturb({ ...calm, list: (truth) => Effect.succeed(truth.filter(({ id }) => id !== "a")) })
      return setReady("a", "Unknown")
    },
    ["NodeDeletionRefused a"]
  )
  stays(
    "keeps Nodes while another account answers",
    ["a", "b"],
    ["a", "b"],
    ({ cloud }) => {
      cloud.disturb({
        list: () => Effect.succeed([vmOf("x", { owner: "other" })]),
        find: () => Effect.succeed(Option.none())
      })
      return setReady("a", "Unknown")
    },
    ["NodeDeletionRefused a"]
  )
  stays(
    "keeps a Node when the account changes between the list and the look-up",
    ["a", "b"],
    ["a", "b"],
    ({ cloud }) => {
      cloud.disturb({
        list: (truth) => Effect.succeed(truth.filter(({ id }) => id !== "a")),
        find: () => Effect.succeed(Option.none())
      })
      return setReady("a", "Unknown")
    },
    ["NodeDeletionRefused a"]
  )
  stays(
    "keeps a Node whose zone is hidden while a Ready Node of that zone must be visible",
    ["a", "b"],
    ["a", "b", "c"],
    ({ cloud }) => {
      const far = vmOf("c", { zone: "Zone 2" })
      cloud.put(far)
      const only = (id: string) => id === "c"
      cloud.disturb({
        list: (truth) => Effect.succeed(truth.filter(({ id }) => only(id))),
        find: (id, truth) => Effect.succeed(only(id) ? truth : Option.none())
      })
      return Effect.andThen(
        registerSeen("c", { annotations: { "cloudstack-ccm/seen-vm": encodeSeenVm(far) } }),
        setReady("a", "Unknown")
      )
    },
    ["NodeDeletionRefused a"]
  )
  stays(
    "keeps a Node whose VM was never seen",
    ["b"],
    ["a", "b"],
    () => registerNode("a", { providerID: "cloudstack:///a", ready: "Unknown" }),
    ["NodeDeletionRefused a"]
  )
  stays(
    "keeps a Node whose record is about another VM",
    ["b"],
    ["a", "b"],
    () =>
      registerNode("a", {
        providerID: "cloudstack:///a",
        ready: "Unknown",
        annotations: { "cloudstack-ccm/seen-vm": encodeSeenVm(vmOf("z")) }
      }),
    ["NodeDeletionRefused a"]
  )
  for (const providerID of ["", "external-cloudstack"]) {
    stays(
      `keeps a Node of providerID ${JSON.stringify(providerID)}`,
      ["b"],
      ["a", "b"],
      () => registerNode("a", { ...(providerID === "" ? {} : { providerID }), ready: "Unknown" }),
      ["NodeDeletionRefused a"]
    )
  }
  stays(
    "has nothing to say about other clouds' Nodes",
    ["b"],
    ["a", "b"],
    () => registerNode("a", { providerID: "kind://docker/kind/a", ready: "Unknown" }),
    []
  )
  stays(
    "keeps Nodes of an owner of whom no other VM is known",
    ["b"],
    ["a", "b"],
    () =>
      registerNode("a", {
        providerID: "cloudstack:///a",
        ready: "Unknown",
        annotations: { "cloudstack-ccm/seen-vm": encodeSeenVm(vmOf("a", { owner: "project:p1" })) }
      }),
    ["NodeDeletionRefused a"]
  )

  it.effect("of an error drops a proof that was begun, and says so once", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        yield* unplug(cloud, "a")
        yield* periods(1)
        cloud.disturb(failing(throttled))
        yield* TestClock.adjust(period)
        yield* periods(5)
        assert.deepStrictEqual(yield* nodeNames, ["a", "b"])
        assert.deepStrictEqual(yield* eventReasons, ["NodeDeletionRefused a"])
        cloud.disturb(calm)
        yield* periods(2)
        assert.deepStrictEqual(yield* nodeNames, ["a", "b"])
        yield* periods(2)
        assert.deepStrictEqual(yield* nodeNames, ["b"])
      })
    )
  )

  it.effect("of a failed direct look-up is doubt too", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        cloud.disturb({ ...calm, find: () => Effect.fail(throttled) })
        yield* unplug(cloud, "a")
        yield* periods(10)
        assert.deepStrictEqual(yield* nodeNames, ["a", "b"])
      })
    )
  )
})

describe("the quota", () => {
  it.effect("lets one of a few go, and the next ten minutes later", () =>
    cluster(["a", "b", "c", "d"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        yield* unplug(cloud, "a", "b")
        yield* periods(20)
        assert.deepStrictEqual(yield* nodeNames, ["b", "c", "d"])
        assert.deepStrictEqual(yield* eventReasons, ["NodeDeletionPaused b", "DeletingNode a"])
        yield* periods(100)
        assert.deepStrictEqual(yield* nodeNames, ["b", "c", "d"])
        yield* periods(20)
        assert.deepStrictEqual(yield* nodeNames, ["c", "d"])
      })
    )
  )

  it.effect("is a tenth of many", () =>
    cluster(many(40), ({ cloud, periods }) =>
      Effect.gen(function* () {
        yield* unplug(cloud, ...many(12))
        yield* periods(60)
        assert.strictEqual((yield* nodeNames).length, 36)
      })
    )
  )

  it.effect("does not bind a Node whose deletion is confirmed", () =>
    cluster(["a", "b", "c", "d"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        yield* unplug(cloud, "a", "b", "c")
        yield* periods(4)
        const kube = yield* KubeMemory
        yield* kube.edit("nodes", "c", { metadata: { annotations: { "cloudstack-ccm/confirm-deletion": "true" } } })
        yield* periods(4)
        assert.deepStrictEqual(yield* nodeNames, ["b", "d"])
      })
    )
  )

  it.effect("is not held up by a Node whose absence stays unproved", () =>
    cluster(["a", "b", "c"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        cloud.disturb({ ...calm, list: (truth) => Effect.succeed(truth.filter(({ id }) => id !== "a")) })
        yield* setReady("a", "Unknown")
        yield* unplug(cloud, "b")
        yield* periods(10)
        assert.deepStrictEqual(yield* nodeNames, ["a", "c"])
      })
    )
  )
})

describe("a VM that is there", () => {
  it.effect("is tainted while it is off, and freed of the taint when its Node is Ready", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        yield* kube.edit("nodes", "a", { spec: { taints: [{ key: "mine", effect: "NoExecute" }] } })
        cloud.become("a", "Stopped")
        yield* setReady("a", "Unknown")
        yield* periods(3)
        const shutdown = "node.cloudprovider.kubernetes.io/shutdown:NoSchedule"
        assert.deepStrictEqual(yield* taintsOf("a"), ["mine:NoExecute", shutdown])
        cloud.become("a", "Running")
        yield* TestClock.adjust(period)
        yield* periods(1)
        assert.deepStrictEqual(yield* taintsOf("a"), ["mine:NoExecute", shutdown])
        yield* setReady("a", "True")
        yield* periods(1)
        assert.deepStrictEqual(yield* taintsOf("a"), ["mine:NoExecute"])
        assert.deepStrictEqual(yield* kube.writes, { "patch nodes": 2 })
        assert.deepStrictEqual(yield* nodeNames, ["a", "b"])
      })
    )
  )

  it.effect("does not lose a taint that somebody adds at the same moment", () =>
    cluster(["a", "b"], ({ cloud, memory }) =>
      Effect.gen(function* () {
        cloud.become("a", "Stopping")
        yield* setReady("a", "Unknown")
        const nodes = yield* Nodes
        const stale = yield* nodes.all
        const kube = yield* KubeMemory
        yield* kube.edit("nodes", "a", { spec: { taints: [{ key: "theirs", effect: "NoExecute" }] } })
        yield* Effect.provideService(reconcile(memory, { period }), Nodes, { ...nodes, all: Effect.succeed(stale) })
        assert.deepStrictEqual(yield* taintsOf("a"), [
          "theirs:NoExecute",
          "node.cloudprovider.kubernetes.io/shutdown:NoSchedule"
        ])
      })
    )
  )

  it.effect("is remembered on its Node", () =>
    cluster(["b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        cloud.put(vmOf("a"))
        yield* registerNode("a", { providerID: "cloudstack:///a", ready: "Unknown" })
        yield* periods(3)
        const node = Option.getOrThrow(yield* (yield* Nodes).find("a"))
        assert.deepStrictEqual(readSeenVm(node.annotations)?.owner, "acme")
        const kube = yield* KubeMemory
        assert.deepStrictEqual(yield* kube.writes, { "patch nodes": 1 })
      })
    )
  )

  it.effect("that stays unready costs one list a minute", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        yield* setReady("a", "Unknown")
        yield* periods(24)
        const before = cloud.calls.list
        yield* periods(120)
        assert.isAtMost(cloud.calls.list - before, 11)
      })
    )
  )
})
