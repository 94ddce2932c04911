/** The life of Nodes, from the kubelet's registration to their deletion, with the shipped bundle and rights at work. */
import { assert } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Cluster, lastWords } from "./Cluster.ts"
import { eventually } from "./eventually.ts"
import { suite } from "./suite.ts"
import { candidates, furtherSpares, nodeObject, spare } from "./world.ts"

const controller = Layer.effectDiscard(Effect.flatMap(Cluster, ({ startController }) => startController))

const uninitialised = { key: "node.cloudprovider.kubernetes.io/uninitialized", value: "true", effect: "NoSchedule" }
const [witness = ""] = candidates
const shutdown = { key: "node.cloudprovider.kubernetes.io/shutdown", effect: "NoSchedule" }

/** A Node as its kubelet registers it, for as long as the test lasts. */
const registered = Effect.fnUntraced(function* (name: string, spec: object) {
  const { kubectl } = yield* Cluster
  yield* Effect.acquireRelease(kubectl(["apply", "-f", "-"], JSON.stringify({ ...nodeObject(name), spec })), () =>
    Effect.ignore(kubectl(["delete", "node", name, "--ignore-not-found"]))
  )
  const get = (path: string) => kubectl(["get", "node", name, "-o", `jsonpath={${path}}`])
  const ready = (status: string) => {
    const conditions = [{ type: "Ready", status, reason: "Test", message: "" }]
    return kubectl([
      ...["patch", "node", name, "--subresource=status", "--type=merge", "-p"],
      JSON.stringify({ status: { conditions } })
    ])
  }
  const reasons = Effect.map(
    kubectl(["get", "events", "-A", "-o", `jsonpath={.items[?(@.involvedObject.name=="${name}")].reason}`]),
    (text) => text.split(" ")
  )
  const taints = Effect.map(
    get(".spec.taints"),
    (text): ReadonlyArray<{ readonly key: string; readonly effect: string }> => (text === "" ? [] : JSON.parse(text))
  )
  /** The API server taints a Node that is not Ready by itself. */
  const cloudTaints = Effect.map(taints, (all) => all.filter(({ key }) => key.includes("cloudprovider")))
  return { get, ready, reasons, cloudTaints }
})

/** Of the Nodes that are there from the beginning one bears the id of its VM, as it has it from an older provider. */
const giveId = Effect.fnUntraced(function* (name: string) {
  const { cloud, kubectl } = yield* Cluster
  const spec = { providerID: `cloudstack:///${yield* cloud.idOf(name)}` }
  yield* kubectl(["patch", "node", name, "--type=merge", "-p", JSON.stringify({ spec })])
  // So that its VM is looked for, and seen.
  yield* eventually(kubectl(["get", "node", name, "-o", "jsonpath={.metadata.annotations}"]), (text) =>
    assert.include(text, "cloudstack-ccm/seen-vm")
  )
})

suite(
  "node",
  (binaries) => Layer.provideMerge(controller, Cluster.layer(binaries)),
  (it) => {
    it.effect("a new Node is initialised, tainted while its VM is off, and deleted when its VM is expunged", () =>
      Effect.gen(function* () {
        const { cloud, kubectl } = yield* Cluster
        yield* giveId(witness)
        const node = yield* registered(spare, { taints: [uninitialised] })
        const providerID = yield* eventually(node.get(".spec.providerID"), (text) => assert.notStrictEqual(text, ""))
        const labels = JSON.parse(yield* node.get(".metadata.labels"))
        assert.deepInclude(labels, {
          "topology.kubernetes.io/zone": "Zone_1",
          "failure-domain.beta.kubernetes.io/zone": "Zone_1",
          // Not ASCII and over 63 characters: cut, with a hash that keeps it apart from its likes.
          "topology.kubernetes.io/region": "R_gion_de_l_Est__tr_s_loin_de_tout__derri_re_les_sept-cd280751",
          "failure-domain.beta.kubernetes.io/region": "R_gion_de_l_Est__tr_s_loin_de_tout__derri_re_les_sept-cd280751",
          "node.kubernetes.io/instance-type": "tiny",
          "beta.kubernetes.io/instance-type": "tiny"
        })
        assert.deepStrictEqual(yield* node.cloudTaints, [])
        const addresses = yield* eventually(node.get(".status.addresses[*].type"), (text) =>
          assert.notStrictEqual(text, "")
        )
        assert.strictEqual(addresses, "InternalIP Hostname")
        yield* eventually(node.reasons, (reasons) => assert.include(reasons, "Synced"))
        yield* node.ready("True")

        assert.strictEqual(providerID, `external-cloudstack://${yield* cloud.idOf(spare)}`)
        yield* cloud.operate("stopVirtualMachine", spare, { forced: "true" })
        yield* node.ready("False")
        yield* eventually(node.cloudTaints, (taints) => assert.deepStrictEqual(taints, [shutdown]))
        yield* cloud.operate("startVirtualMachine", spare)
        yield* node.ready("True")
        yield* eventually(node.cloudTaints, (taints) => assert.deepStrictEqual(taints, []))

        yield* cloud.operate("destroyVirtualMachine", spare, { expunge: "true" })
        yield* node.ready("Unknown")
        const left = kubectl(["get", "node", spare, "--ignore-not-found", "-o", "name"])
        yield* eventually(left, (text) => assert.strictEqual(text, ""), "60 seconds")
        yield* eventually(node.reasons, (reasons) => assert.include(reasons, "DeletingNode"))
      })
    )

    it.effect("of Nodes that go at once one waits for the limit, and goes when that is confirmed", () =>
      Effect.gen(function* () {
        const { cloud, kubectl } = yield* Cluster
        yield* giveId(witness)
        const [first = "", second = ""] = furtherSpares
        const nodes = yield* Effect.all([
          registered(first, { taints: [uninitialised] }),
          registered(second, { taints: [uninitialised] })
        ])
        for (const node of nodes) {
          yield* eventually(node.reasons, (reasons) => assert.include(reasons, "Synced"))
          // In the order of the default interface, the other, the name; the API server merges by type otherwise.
          assert.strictEqual(yield* node.get(".status.addresses[*].type"), "InternalIP InternalIP Hostname")
        }
        for (const name of furtherSpares) yield* cloud.operate("destroyVirtualMachine", name, { expunge: "true" })
        yield* Effect.all(nodes.map(({ ready }) => ready("Unknown")))
        const all = Effect.map(Effect.all(nodes.map(({ reasons }) => reasons)), (reasons) => reasons.flat())
        yield* eventually(all, (reasons) => assert.include(reasons, "NodeDeletionPaused"), "60 seconds")
        yield* Effect.sleep("20 seconds")
        const left = Effect.map(kubectl(["get", "nodes", "-o", "name"]), (text) =>
          text.split("\n").filter((line) => furtherSpares.some((name) => line === `node/${name}`))
        )
        assert.isNotEmpty(yield* left)
        for (const name of yield* left) yield* kubectl(["annotate", name, "cloudstack-ccm/confirm-deletion=true"])
        yield* eventually(left, (names) => assert.deepStrictEqual(names, []), "60 seconds")
        const record = yield* kubectl(["get", "nodes", "-o", "jsonpath={.items[*].metadata.annotations}"])
        assert.include(record, "cloudstack-ccm/recent-deletions")
      })
    )

    it.effect("a Node whose VM was never seen, and another cloud's, are kept", () =>
      Effect.gen(function* () {
        const stranger = yield* registered("stranger", {
          providerID: "cloudstack:///00000000-0000-4000-8000-000000000000"
        })
        const foreign = yield* registered("foreign", {
          providerID: "kind://docker/kind/foreign",
          taints: [uninitialised]
        })
        yield* Effect.all([stranger.ready("Unknown"), foreign.ready("Unknown")])
        yield* eventually(stranger.reasons, (reasons) => assert.include(reasons, "NodeDeletionRefused"), "60 seconds")
        yield* Effect.sleep("15 seconds")
        assert.include(yield* stranger.get(".metadata.name"), "stranger")
        assert.strictEqual((yield* foreign.cloudTaints).length, 1)
        assert.deepStrictEqual(yield* foreign.reasons, [""])
      })
    )
  },
  lastWords
)
