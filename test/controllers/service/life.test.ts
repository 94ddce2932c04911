import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
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
  narrowRole,
  pass,
  reconcile,
  removeService,
  started,
  wholeWorld,
  world,
  worldOf
} from "../../support/testBed.ts"

const nodes = "n1,n2,n3"
const start = Effect.andThen(applyNodes("n1", "n2", "n3"), applyService())
const rule = (protocol: string, port: number, members = nodes, algorithm = "roundrobin", nodePort = 30_000 + port) =>
  `${protocol} ${port}>${nodePort} ${algorithm} ${members}`
const open = (port: number, cidrs = "0.0.0.0/0") => `tcp ${port}-${port} ${cidrs}`

/** The service is there; then something is changed, and the state afterwards is told. */
const changed = <A, E, R>(edit: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    yield* start
    yield* reconcile()
    const before = yield* world
    yield* edit
    const counted = yield* counting(reconcile())
    return { before, counted, now: yield* balanced, end: yield* world }
  })

describe("a Service's life", () => {
  it.effect("begins with address, rules, members and firewall, and ends with nothing", () =>
    Effect.gen(function* () {
      const before = yield* wholeWorld
      yield* start
      assert.strictEqual(yield* reconcile(), "Changed")
      const { addresses, firewall, rules } = yield* balanced
      assert.deepStrictEqual(rules, [rule("tcp", 443), rule("tcp", 80)])
      assert.deepStrictEqual(firewall, [open(443), open(80)])
      assert.deepStrictEqual(yield* ingress(), [{ ip: addresses[0] ?? "", ipMode: "VIP" }])
      assert.deepStrictEqual(yield* events(), ["EnsuringLoadBalancer", "EnsuredLoadBalancer"])
      yield* removeService()
      assert.strictEqual(yield* reconcile(), "Removed")
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.isUndefined(yield* ingress())
      assert.deepStrictEqual((yield* events()).slice(2), ["DeletingLoadBalancer", "DeletedLoadBalancer"])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("is the same with the commands of CKS's project role alone", () =>
    Effect.gen(function* () {
      const before = yield* wholeWorld
      yield* start
      yield* reconcile()
      yield* editService({ spec: { loadBalancerSourceRanges: ["192.0.2.0/24"] } })
      yield* reconcile()
      assert.deepStrictEqual((yield* balanced).firewall, [open(443, "192.0.2.0/24"), open(80, "192.0.2.0/24")])
      yield* editService({ metadata: { annotations: annotated("proxy-protocol", "true") } })
      yield* reconcile()
      assert.deepStrictEqual((yield* balanced).rules, [rule("tcp-proxy", 443), rule("tcp-proxy", 80)])
      assert.strictEqual(yield* reconcile(), "Converged")
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed({ world: worldOf({ allow: narrowRole }) })))
  )

  it.effect("ends when the type changes, and begins anew when it changes back", () =>
    Effect.gen(function* () {
      const before = yield* wholeWorld
      yield* start
      yield* reconcile()
      yield* editService({ spec: { type: "ClusterIP" } })
      assert.strictEqual(yield* reconcile(), "Removed")
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.deepStrictEqual(yield* ingress(), [])
      yield* editService({ spec: { type: "LoadBalancer" } })
      assert.strictEqual(yield* reconcile(), "Changed")
      assert.strictEqual((yield* balanced).rules.length, 2)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("costs nothing while nothing changes", () =>
    Effect.gen(function* () {
      yield* start
      yield* reconcile()
      const writes = yield* kubeWrites
      const { mutations, result } = yield* counting(reconcile())
      assert.strictEqual(result, "Converged")
      assert.deepStrictEqual(mutations, {})
      assert.deepStrictEqual(yield* kubeWrites, writes)
    }).pipe(Effect.provide(bed()))
  )
})

describe("budgets", () => {
  const newService = Effect.gen(function* () {
    yield* start
    return yield* counting(reconcile())
  })

  it.effect("a new Service with two ports", () =>
    Effect.gen(function* () {
      const { mutations, reads } = yield* newService
      assert.deepStrictEqual(mutations, {
        associateIpAddress: 1,
        // One for the address, one for both firewall rules.
        createTags: 2,
        createLoadBalancerRule: 2,
        assignToLoadBalancerRule: 2,
        createFirewallRule: 2
      })
      assert.isAtMost(reads, 8)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("the next one, its network known", () =>
    Effect.gen(function* () {
      yield* newService
      yield* applyService({
        name: "second",
        spec: {
          ports: [
            { port: 80, nodePort: 31_080, name: "w" },
            { port: 81, nodePort: 31_081, name: "x" }
          ]
        }
      })
      const { reads } = yield* counting(reconcile("shop/second"))
      assert.isAtMost(reads, 6)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("without the right to tag, the same less the tags", () =>
    Effect.gen(function* () {
      yield* start
      const { mutations } = yield* counting(reconcile())
      const { createTags = 0, ...others } = mutations
      // Asked once, refused, and remembered.
      assert.isAtMost(createTags, 1)
      assert.deepStrictEqual(others, {
        associateIpAddress: 1,
        createLoadBalancerRule: 2,
        assignToLoadBalancerRule: 2,
        createFirewallRule: 2
      })
    }).pipe(Effect.provide(bed({ world: worldOf({ allow: narrowRole }) })))
  )
})

describe("changes", () => {
  it.effect("PROXY protocol on: in place, the rules keep their ids", () =>
    Effect.gen(function* () {
      const { before, counted, end } = yield* changed(
        editService({ metadata: { annotations: annotated("proxy-protocol", "Enabled") } })
      )
      const ids = ({ loadBalancerRules }: typeof end) => loadBalancerRules.map(({ id }) => id)
      assert.deepStrictEqual(ids(end), ids(before))
      assert.deepStrictEqual(counted.mutations, { updateLoadBalancerRule: 2 })
      assert.isTrue(end.loadBalancerRules.every(({ name }) => name.includes("-tcp-proxy-")))
      assert.strictEqual((yield* ingress())?.[0]?.ipMode, "Proxy")
    }).pipe(Effect.provide(bed()))
  )

  it.effect("a port goes and another comes", () =>
    Effect.gen(function* () {
      const ports = [
        { name: "http", port: 80, nodePort: 30_080 },
        { name: "alt", port: 8443, nodePort: 30_444 }
      ]
      const { now } = yield* changed(editService({ spec: { ports } }))
      assert.deepStrictEqual(now.rules, [rule("tcp", 80), rule("tcp", 8443, nodes, "roundrobin", 30_444)])
      assert.deepStrictEqual(now.firewall, [open(80), open(8443)])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("another node port: the rule is made anew, the firewall stays", () =>
    Effect.gen(function* () {
      const ports = [
        { name: "http", port: 80, nodePort: 31_000 },
        { name: "https", port: 443, nodePort: 30_443 }
      ]
      const { counted, now } = yield* changed(editService({ spec: { ports } }))
      assert.deepStrictEqual(now.rules, [rule("tcp", 443), rule("tcp", 80, nodes, "roundrobin", 31_000)])
      assert.deepStrictEqual(counted.mutations, {
        deleteLoadBalancerRule: 1,
        createLoadBalancerRule: 1,
        assignToLoadBalancerRule: 1
      })
    }).pipe(Effect.provide(bed()))
  )

  it.effect("sources from the spec and the annotation: what is in both", () =>
    Effect.gen(function* () {
      const { now } = yield* changed(
        editService({
          metadata: { annotations: annotated("source-cidrs", "10.1.0.0/16 198.51.100.0/24") },
          spec: { loadBalancerSourceRanges: ["10.0.0.0/8"] }
        })
      )
      assert.deepStrictEqual(now.firewall, [open(443, "10.1.0.0/16"), open(80, "10.1.0.0/16")])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("sources that mix what stays with what goes: one rule replaces one", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService({
        spec: { ports: [{ port: 80, nodePort: 30_080 }], loadBalancerSourceRanges: ["10.0.0.0/8", "192.0.2.0/24"] }
      })
      yield* reconcile()
      yield* editService({ spec: { loadBalancerSourceRanges: ["10.0.0.0/8", "198.51.100.0/24"] } })
      const { mutations } = yield* counting(reconcile())
      assert.deepStrictEqual(mutations, { deleteFirewallRule: 1, createFirewallRule: 1, createTags: 1 })
      assert.deepStrictEqual((yield* balanced).firewall, [open(80, "10.0.0.0/8,198.51.100.0/24")])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("session affinity and algorithm", () =>
    Effect.gen(function* () {
      const { now } = yield* changed(editService({ spec: { sessionAffinity: "ClientIP" } }))
      assert.deepStrictEqual(now.rules, [rule("tcp", 443, nodes, "source"), rule("tcp", 80, nodes, "source")])
      yield* editService({ metadata: { annotations: annotated("algorithm", "leastconn") } })
      yield* reconcile()
      assert.deepStrictEqual((yield* balanced).rules, [
        rule("tcp", 443, nodes, "leastconn"),
        rule("tcp", 80, nodes, "leastconn")
      ])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("a hostname instead of the address", () =>
    Effect.gen(function* () {
      yield* changed(editService({ metadata: { annotations: annotated("hostname", "lb.example.org") } }))
      assert.deepStrictEqual(yield* ingress(), [{ hostname: "lb.example.org" }])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("a typo changes nothing but is told once", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      yield* applyService({ annotations: annotated("proxy-protocol", "true") })
      yield* reconcile()
      yield* editService({ metadata: { annotations: annotated("proxy-protocol", "perhaps") } })
      const { mutations } = yield* counting(reconcile())
      yield* reconcile()
      assert.deepStrictEqual(mutations, {})
      assert.strictEqual((yield* ingress())?.[0]?.ipMode, "Proxy")
      assert.strictEqual((yield* events()).filter((reason) => reason === "InvalidAnnotation").length, 1)
    }).pipe(Effect.provide(bed()))
  )
})

describe("addresses", () => {
  const acquireByHand = Effect.gen(function* () {
    const { networks } = yield* world
    yield* byHand("associateIpAddress", { networkid: networks[0]?.id ?? "" })
    const { addresses } = yield* world
    return addresses.find(({ sourceNat }) => !sourceNat)?.ip ?? ""
  })

  it.effect("the user's own is used and never released", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      const ip = yield* acquireByHand
      const before = yield* wholeWorld
      yield* applyService({ spec: { loadBalancerIP: ip } })
      yield* reconcile()
      assert.deepStrictEqual(yield* ingress(), [{ ip, ipMode: "VIP" }])
      assert.deepStrictEqual((yield* balanced).addresses, [ip])
      // However the Service forgets that the address was named.
      yield* editService({ spec: { loadBalancerIP: null } })
      yield* reconcile()
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("a free one that is named is allocated, and released with the Service", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      const ip = yield* acquireByHand
      const { addresses } = yield* world
      yield* byHand("disassociateIpAddress", { id: addresses.find((address) => address.ip === ip)?.id ?? "" })
      const before = yield* wholeWorld
      yield* applyService({ annotations: annotated("address", ip) })
      yield* reconcile()
      assert.deepStrictEqual(yield* ingress(), [{ ip, ipMode: "VIP" }])
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("one that cannot be had is refused once, and nothing is made", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const before = yield* wholeWorld
      yield* applyService({ spec: { loadBalancerIP: "203.0.113.250" } })
      assert.strictEqual(yield* reconcile(), "Refused")
      assert.strictEqual(yield* reconcile(), "Refused")
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.deepStrictEqual((yield* events()).filter((reason) => reason === "AddressNotFree").length, 1)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("none left is an error that is tried again", () =>
    Effect.gen(function* () {
      yield* start
      const error = yield* Effect.flip(reconcile())
      assert.match(String(error), /Insufficient address capacity/)
    }).pipe(Effect.provide(bed({ world: worldOf({ free: 0 }) })))
  )
})

describe("the controller", () => {
  it.effect("adds a node that joins to each rule, and asks nothing else", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      for (const [index, name] of ["a", "b", "c"].entries()) {
        yield* applyService({ name, spec: { ports: [{ port: 80, nodePort: 30_080 + index }] } })
      }
      yield* started
      yield* pass(30)
      const { mutations } = yield* counting(Effect.andThen(applyNodes("n4"), pass(15)))
      assert.deepStrictEqual(mutations, { assignToLoadBalancerRule: 3 })
      assert.deepStrictEqual(yield* events("a"), ["EnsuringLoadBalancer", "EnsuredLoadBalancer", "UpdatedLoadBalancer"])
    }).pipe(Effect.provide(bed({ world: worldOf({ nodes: 4 }) })))
  )

  it.effect("coalesces a rollout: nodes that come together cost one assign per rule", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService({ spec: { ports: [{ port: 80, nodePort: 30_080 }] } })
      yield* started
      yield* pass(30)
      const joining = Effect.forEach(["n2", "n3", "n4"], (name) => Effect.andThen(applyNodes(name), pass(1)))
      const { mutations } = yield* counting(Effect.andThen(joining, pass(15)))
      assert.deepStrictEqual(mutations, { assignToLoadBalancerRule: 1 })
    }).pipe(Effect.provide(bed({ world: worldOf({ nodes: 4 }) })))
  )

  it.effect("takes a node out that is excluded, and puts it back", () =>
    Effect.gen(function* () {
      yield* start
      yield* started
      yield* pass(20)
      const label = "node.kubernetes.io/exclude-from-external-load-balancers"
      yield* editNode("n2", { metadata: { labels: { [label]: "" } } })
      yield* pass(15)
      assert.deepStrictEqual((yield* balanced).rules, [rule("tcp", 443, "n1,n3"), rule("tcp", 80, "n1,n3")])
      yield* editNode("n2", { metadata: { labels: { [label]: "false" } } })
      yield* pass(15)
      assert.deepStrictEqual((yield* balanced).rules, [rule("tcp", 443), rule("tcp", 80)])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("takes a node out that has gone", () =>
    Effect.gen(function* () {
      yield* start
      yield* started
      yield* pass(20)
      yield* Effect.flatMap(KubeMemory, (memory) => memory.remove("nodes", "n3"))
      const { mutations } = yield* counting(pass(15))
      assert.deepStrictEqual(mutations, { removeFromLoadBalancerRule: 2 })
      assert.deepStrictEqual((yield* balanced).rules, [rule("tcp", 443, "n1,n2"), rule("tcp", 80, "n1,n2")])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("repairs at the resync what somebody changed by hand", () =>
    Effect.gen(function* () {
      yield* start
      yield* started
      yield* pass(20)
      const wanted = yield* balanced
      const { firewallRules, loadBalancerRules, machines } = yield* world
      const n1 = machines.find(({ name }) => name === "n1")?.id ?? ""
      yield* byHand("removeFromLoadBalancerRule", { id: loadBalancerRules[0]?.id ?? "", virtualmachineids: n1 })
      yield* byHand("deleteFirewallRule", { id: firewallRules[0]?.id ?? "" })
      yield* byHand("deleteLoadBalancerRule", { id: loadBalancerRules[1]?.id ?? "" })
      assert.notDeepEqual(yield* balanced, wanted)
      yield* pass(700)
      assert.deepStrictEqual(yield* balanced, wanted)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("does nothing on a thousand events without meaning, nor at a resync, nor after a restart", () =>
    Effect.gen(function* () {
      yield* start
      yield* Effect.scoped(Effect.andThen(started, pass(20)))
      const writes = yield* kubeWrites
      const { mutations } = yield* counting(
        Effect.gen(function* () {
          yield* started
          yield* pass(20)
          for (let n = 0; n < 500; n++) {
            yield* editNode("n1", { metadata: { annotations: { heartbeat: String(n) } } })
            yield* editService({ metadata: { labels: { seen: String(n) } } })
          }
          yield* pass(700)
        })
      )
      assert.deepStrictEqual(mutations, {})
      assert.deepStrictEqual(yield* kubeWrites, writes)
    }).pipe(Effect.provide(bed()))
  )
})

describe("nodes that cannot be told", () => {
  it.effect("are left out and named; the others serve", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "stranger")
      yield* applyService()
      yield* reconcile()
      assert.deepStrictEqual((yield* balanced).rules, [rule("tcp", 443, "n1"), rule("tcp", 80, "n1")])
      assert.isTrue(
        (yield* eventMessages()).some((text) => text.startsWith("NodesLeftOut: ") && text.includes("stranger"))
      )
    }).pipe(Effect.provide(bed()))
  )

  it.effect("never empty a load balancer", () =>
    Effect.gen(function* () {
      yield* start
      yield* reconcile()
      // The key sees no VM any more, as after a move to another project.
      yield* Effect.forEach(["n1", "n2", "n3"], (name) => byHand("destroyVirtualMachine", { id: name }))
      const before = yield* balanced
      const { mutations } = yield* counting(reconcile())
      assert.deepStrictEqual(mutations, {})
      assert.deepStrictEqual(yield* balanced, before)
    }).pipe(Effect.provide(bed()))
  )
})

describe("other controllers' Services", () => {
  const finalizer = "service.kubernetes.io/load-balancer-cleanup"
  const foreign = { loadBalancerClass: "example.org/other" }

  it.effect("are left alone, with the finalizer that they share with us", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService({ spec: foreign })
      yield* editService({ metadata: { finalizers: [finalizer] } })
      const [before, writes] = [yield* wholeWorld, yield* kubeWrites]
      yield* removeService()
      assert.strictEqual(yield* reconcile(), "NotOurs")
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.deepStrictEqual(yield* kubeWrites, writes)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("lose what we made for them before they changed hands", () =>
    Effect.gen(function* () {
      const before = yield* wholeWorld
      yield* start
      yield* reconcile()
      yield* editService({ spec: { type: "ClusterIP" } })
      yield* editService({ spec: { type: "LoadBalancer", ...foreign } })
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("are ours when they bear the class of the flag", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService({ spec: foreign })
      assert.strictEqual(yield* reconcile(), "Changed")
      yield* applyService({ name: "classless", spec: { ports: [{ port: 80 }] } })
      assert.strictEqual(yield* reconcile("shop/classless"), "NotOurs")
    }).pipe(Effect.provide(bed({ controller: { loadBalancerClass: "example.org/other" } })))
  )
})
