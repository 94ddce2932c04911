import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { KubeMemory } from "../../../../src/kubernetes/memory/KubeMemory.ts"
import {
  annotated,
  applyNodes,
  applyService,
  balanced,
  bed,
  byHand,
  counting,
  editNode,
  editService,
  eventMessages,
  events,
  ingress,
  kubeWrites,
  pass,
  reconcile,
  removeService,
  started,
  wholeWorld,
  world,
  worldOf
} from "../../../support/testBed.ts"

const onePort = { spec: { ports: [{ name: "http", port: 80, nodePort: 30_080 }] } }
const members = Effect.map(balanced, ({ rules }) => rules.map((rule) => rule.split(" ")[3]))
const idOf = (name: string) =>
  Effect.map(world, ({ machines }) => machines.find((machine) => machine.name === name)?.id ?? "")
const applyNode = (name: string, providerID: string) =>
  Effect.flatMap(KubeMemory, (memory) =>
    memory.apply({ apiVersion: "v1", kind: "Node", metadata: { name }, spec: { providerID } })
  )
const told = (reason: string) =>
  Effect.map(eventMessages(), (all) => all.filter((text) => text.startsWith(`${reason}: `)))

const vms = (...all: ReadonlyArray<string | { name: string; nets: ReadonlyArray<string>; owner?: string }>) =>
  all.map((one, index) =>
    typeof one === "string"
      ? { ref: `v${index}`, name: one, owner: "alice", nics: [{ network: "net1" }] }
      : {
          ref: `v${index}`,
          name: one.name,
          owner: one.owner ?? "alice",
          nics: one.nets.map((network) => ({ network }))
        }
  )
const cloud = (machines: ReturnType<typeof vms>) => {
  const base = worldOf()
  return {
    ...base,
    networks: [...base.networks, { ref: "net2", name: "net2", kind: "isolated", owner: "alice" }],
    vms: machines
  }
}

describe("which nodes stand behind a Service", () => {
  it.effect("every way to say which VM it is", () =>
    Effect.gen(function* () {
      yield* applyNode("one", `external-cloudstack://${yield* idOf("w1")}`)
      yield* applyNode("two", `cloudstack:///${(yield* idOf("w2")).toUpperCase()}`)
      yield* applyNode("three", `cloudstack://region/${yield* idOf("w3")}`)
      yield* applyNode("w4.cluster.example.org", "external-cloudstack")
      yield* applyNodes("W5.Example.Org", "w6")
      yield* applyNode("w7", "kind://docker/kind/w7")
      yield* applyService(onePort)
      yield* reconcile()
      assert.deepStrictEqual(yield* members, ["W5,w1,w2,w3,w4,w6"])
      const [text] = yield* told("NodesLeftOut")
      assert.include(text, "w7 (its providerID kind://docker/kind/w7 is another cloud's)")
    }).pipe(Effect.provide(bed({ world: cloud(vms("w1", "w2", "w3", "w4", "W5", "w6", "w7")) })))
  )

  it.effect("two VMs of a name, a VM elsewhere, one that is not there: left out and named, the rest serve", () =>
    Effect.gen(function* () {
      yield* applyNodes("good", "good2", "twin", "elsewhere", "ghost", "both")
      yield* applyService(onePort)
      yield* started
      yield* pass(20)
      assert.deepStrictEqual(yield* members, ["both,good,good2"])
      const [text, ...more] = yield* told("NodesLeftOut")
      assert.deepStrictEqual(more, [])
      for (const part of [
        "twin (2 VMs have that name)",
        "elsewhere (its VM has no NIC in the network)",
        "ghost (no VM"
      ]) {
        assert.include(text, part)
      }
      const writes = yield* kubeWrites
      const { mutations } = yield* counting(pass(2_100))
      assert.deepStrictEqual(mutations, {})
      assert.deepStrictEqual(yield* kubeWrites, writes)
      // Another node that makes the same trouble is news; heartbeats are not.
      yield* applyNodes("ghost2")
      yield* pass(20)
      assert.strictEqual((yield* told("NodesLeftOut")).length, 2)
    }).pipe(
      Effect.provide(
        bed({
          world: cloud(
            vms(
              "good",
              "good2",
              "twin",
              "twin",
              { name: "elsewhere", nets: ["net2"] },
              { name: "both", nets: ["net1", "net2"] }
            )
          )
        })
      )
    )
  )

  it.effect("the taint of the autoscaler takes a node out, at once", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2")
      yield* applyService(onePort)
      yield* started
      yield* pass(20)
      yield* editNode("n2", {
        spec: { taints: [{ key: "ToBeDeletedByClusterAutoscaler", effect: "NoSchedule", value: "1" }] }
      })
      yield* pass(15)
      assert.deepStrictEqual(yield* members, ["n1"])
      yield* editNode("n2", { spec: { taints: null } })
      yield* pass(15)
      assert.deepStrictEqual(yield* members, ["n1,n2"])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("not ready, cordoned, without providerID: stays", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2")
      yield* applyService(onePort)
      yield* started
      yield* pass(20)
      const { mutations } = yield* counting(
        Effect.gen(function* () {
          yield* editNode("n1", {
            spec: {
              unschedulable: true,
              taints: [{ key: "node.cloudprovider.kubernetes.io/shutdown", effect: "NoSchedule" }]
            },
            status: { conditions: [{ type: "Ready", status: "False" }] }
          })
          yield* pass(700)
        })
      )
      assert.deepStrictEqual(mutations, {})
    }).pipe(Effect.provide(bed()))
  )

  it.effect("a VM that gets its NIC after its node has joined is taken in at the next resync", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "late")
      yield* applyService(onePort)
      yield* started
      yield* pass(20)
      assert.deepStrictEqual(yield* members, ["n1,n2"])
      const networkid = (yield* world).networks.find(({ name }) => name === "net1")?.id ?? ""
      yield* byHand("addNicToVirtualMachine", { virtualmachineid: yield* idOf("late"), networkid })
      yield* pass(700)
      assert.deepStrictEqual(yield* members, ["late,n1,n2"])
    }).pipe(Effect.provide(bed({ world: cloud(vms("n1", "n2", { name: "late", nets: ["net2"] })) })))
  )

  it.effect("a destroyed VM that its rules still carry asks for nothing", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2")
      yield* applyService(onePort)
      yield* started
      yield* pass(20)
      yield* byHand("destroyVirtualMachine", { id: yield* idOf("n2") })
      const { mutations } = yield* counting(pass(700))
      assert.deepStrictEqual(mutations, {})
      assert.strictEqual((yield* told("NodesLeftOut")).length, 1)
      yield* Effect.flatMap(KubeMemory, (memory) => memory.remove("nodes", "n2"))
      const after = yield* counting(pass(700))
      assert.deepStrictEqual(after.mutations, {})
      // It goes on: another port, another node.
      yield* editService({ spec: { ports: [{ name: "http", port: 81, nodePort: 30_081 }] } })
      yield* pass(20)
      assert.deepStrictEqual(yield* members, ["n1"])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("one that vanishes while its node joins keeps no other node out", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService(onePort)
      yield* reconcile()
      const n3 = yield* idOf("n3")
      // The list of machines that is known says that it is there; CloudStack refuses all of an assign without a reason.
      yield* byHand("destroyVirtualMachine", { id: n3 })
      yield* applyNodes("n2", "n3")
      assert.strictEqual(yield* reconcile(), "Changed")
      assert.deepStrictEqual(yield* members, ["n1,n2"])
      assert.strictEqual((yield* told("NodesLeftOut")).length, 1)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("a stopped VM stays a member, and may become one", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2")
      yield* applyService(onePort)
      yield* reconcile()
      yield* byHand("stopVirtualMachine", { id: yield* idOf("n2") })
      yield* byHand("stopVirtualMachine", { id: yield* idOf("n3") })
      yield* applyNodes("n3")
      yield* reconcile()
      assert.deepStrictEqual(yield* members, ["n1,n2,n3"])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("no nodes at all, then some, then none, then some", () =>
    Effect.gen(function* () {
      yield* started
      yield* applyService(onePort)
      yield* pass(20)
      assert.deepStrictEqual(
        yield* events(),
        ["UnAvailableLoadBalancer", "NetworkUnknown"],
        (yield* eventMessages()).join("\n")
      )
      yield* applyNodes("n1", "n2")
      yield* pass(30)
      assert.deepStrictEqual(yield* members, ["n1,n2"])
      for (const name of ["n1", "n2"]) yield* Effect.flatMap(KubeMemory, (memory) => memory.remove("nodes", name))
      yield* pass(30)
      assert.deepStrictEqual(yield* members, [""])
      assert.strictEqual((yield* told("UnAvailableLoadBalancer")).length, 2)
      assert.strictEqual((yield* ingress())?.length, 1)
      yield* pass(700)
      assert.strictEqual((yield* told("UnAvailableLoadBalancer")).length, 2)
      // Upstream has an Event for none, and another for some.
      assert.strictEqual((yield* told("UpdatedLoadBalancer")).length, 0)
      yield* applyNodes("n3")
      yield* pass(30)
      assert.deepStrictEqual(yield* members, ["n3"])
      assert.strictEqual((yield* told("UpdatedLoadBalancer")).length, 1)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("that come one after another cost each rule one look at its members and one assign", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      const services = 6
      for (let index = 0; index < services; index++) {
        yield* applyService({ name: `s${index}`, spec: { ports: [{ port: 80, nodePort: 30_080 + index }] } })
      }
      yield* started
      yield* pass(60)
      for (const name of ["n4", "n5"]) {
        const { calls } = yield* counting(Effect.andThen(applyNodes(name), pass(20)))
        assert.deepStrictEqual(calls, {
          listVirtualMachines: 1,
          listLoadBalancerRuleInstances: services,
          assignToLoadBalancerRule: services
        })
      }
      assert.deepStrictEqual(new Set(yield* members), new Set(["n1,n2,n3,n4,n5"]))
      // What is known without a look is what is there.
      const { mutations } = yield* counting(pass(700))
      assert.deepStrictEqual(mutations, {})
    }).pipe(Effect.provide(bed({ world: worldOf({ nodes: 5 }) })))
  )

  it.effect("that come to a rule that somebody has deleted, or has filled before: it is put right", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* started
      yield* applyService({
        spec: {
          ports: [
            { name: "a", port: 80, nodePort: 30_080 },
            { name: "b", port: 81, nodePort: 30_081 }
          ]
        }
      })
      yield* pass(30)
      const { loadBalancerRules } = yield* world
      const ruleOn = (port: number) => loadBalancerRules.find(({ publicPort }) => publicPort === port)?.id ?? ""
      yield* byHand("deleteLoadBalancerRule", { id: ruleOn(80) })
      yield* byHand("assignToLoadBalancerRule", { id: ruleOn(81), virtualmachineids: yield* idOf("n2") })
      yield* applyNodes("n2")
      yield* pass(30)
      assert.deepStrictEqual(yield* members, ["n1,n2", "n1,n2"])
      assert.deepStrictEqual(yield* told("SyncLoadBalancerFailed"), [])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("all replaced in a rollout: one assign and one remove per rule", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      yield* started
      yield* applyService({
        spec: {
          ports: [
            { name: "http", port: 80, nodePort: 30_080 },
            { name: "https", port: 443, nodePort: 30_443 }
          ]
        }
      })
      yield* pass(30)
      const rollout = Effect.gen(function* () {
        for (const [old, young] of [
          ["n1", "n4"],
          ["n2", "n5"],
          ["n3", "n6"]
        ] as const) {
          yield* applyNodes(young)
          yield* pass(1)
          yield* Effect.flatMap(KubeMemory, (memory) => memory.remove("nodes", old))
          yield* pass(1)
        }
        yield* pass(30)
      })
      const { mutations } = yield* counting(rollout)
      assert.deepStrictEqual(mutations, { assignToLoadBalancerRule: 2, removeFromLoadBalancerRule: 2 })
      assert.deepStrictEqual(yield* members, ["n4,n5,n6", "n4,n5,n6"])
      assert.strictEqual((yield* told("UpdatedLoadBalancer")).length, 1)
    }).pipe(Effect.provide(bed({ world: worldOf({ nodes: 6 }) })))
  )

  it.effect("its network named: made without a node, and the nodes follow", () =>
    Effect.gen(function* () {
      yield* started
      yield* applyService({ ...onePort, annotations: annotated("network", "net1") })
      yield* pass(20)
      assert.strictEqual((yield* ingress())?.length, 1, (yield* eventMessages()).join("\n"))
      assert.include(yield* events(), "UnAvailableLoadBalancer")
      yield* applyNodes("n1")
      yield* pass(20)
      assert.deepStrictEqual(yield* members, ["n1"])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("all unresolvable, while the Service changes in other ways", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2")
      yield* applyService(onePort)
      yield* reconcile()
      yield* Effect.forEach(["n1", "n2", "n3"], (name) =>
        Effect.flatMap(idOf(name), (id) => byHand("destroyVirtualMachine", { id }))
      )
      yield* editService({ spec: { loadBalancerSourceRanges: ["10.0.0.0/8"] } })
      yield* reconcile()
      const { firewall } = yield* balanced
      assert.deepStrictEqual(firewall, ["tcp 80-80 10.0.0.0/8"])
      assert.deepStrictEqual(yield* members, ["n1,n2"])
      const before = yield* wholeWorld
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* balanced, { addresses: [], rules: [], firewall: [] })
    }).pipe(Effect.provide(bed()))
  )

  it.effect("another account's VM of the name is none of ours", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "theirs")
      yield* applyService(onePort)
      yield* reconcile()
      assert.deepStrictEqual(yield* members, ["n1"])
    }).pipe(
      Effect.provide(
        bed({
          world: {
            ...worldOf(),
            accounts: [...worldOf().accounts, { ref: "bob", name: "bob", role: "User" }],
            networks: [...worldOf().networks, { ref: "netb", name: "netb", kind: "isolated", owner: "bob" }],
            vms: vms("n1", { name: "theirs", nets: ["netb"], owner: "bob" })
          }
        })
      )
    )
  )
})
