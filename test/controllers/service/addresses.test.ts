import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { ServiceController } from "../../../src/controllers/service/ServiceController.ts"
import {
  annotated,
  applyNodes,
  applyService,
  balanced,
  bed,
  byHand,
  counting,
  editService,
  eventMessages,
  events,
  ingress,
  inTime,
  kubeWrites,
  narrowRole,
  reconcile,
  removeService,
  wholeWorld,
  world,
  worldOf
} from "../../support/testBed.ts"

const nodes = applyNodes("n1", "n2", "n3")

const ip = (name = "web") => Effect.map(ingress(name), (shown) => shown?.[0]?.ip ?? assert.fail("no address"))

/** An address of an account's own, acquired by itself in another way. */
const acquired = Effect.fnUntraced(function* (network = "net1", account = "alice") {
  const { addresses, networks } = yield* world
  const before = new Set(addresses.map(({ id }) => id))
  const networkid = networks.find(({ name }) => name === network)?.id ?? assert.fail(network)
  yield* inTime((yield* Simulator).callAs(account, "associateIpAddress", { networkid }))
  yield* TestClock.adjust("10 seconds")
  return (yield* world).addresses.find(({ id }) => !before.has(id)) ?? assert.fail("no address")
})

const onPort = (name: string, port: number, over: Readonly<Record<string, unknown>> = {}) => ({
  name,
  spec: { ports: [{ port, nodePort: 30_000 + port }], ...over }
})

describe("keep-ip", () => {
  const kept = { annotations: annotated("keep-ip", "true") }

  it.effect("keeps the address when the Service goes, and gives it to the next of the name", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService(kept)
      yield* reconcile()
      const first = yield* ip()
      yield* removeService()
      assert.strictEqual(yield* reconcile(), "Removed")
      assert.deepStrictEqual(yield* balanced, { addresses: [first], rules: [], firewall: [] })
      assert.include(
        yield* eventMessages(),
        `AddressKept: Address ${first} is kept for Service shop/web. Without the annotation service.beta.kubernetes.io/cloudstack-load-balancer-keep-ip it is released with the Service`
      )

      yield* applyService(onPort("other", 81))
      yield* reconcile("shop/other")
      assert.notStrictEqual(yield* ip("other"), first)

      yield* applyService(kept)
      yield* reconcile()
      assert.strictEqual(yield* ip(), first)
      assert.strictEqual(yield* reconcile(), "Converged")
    }).pipe(Effect.provide(bed()))
  )

  it.effect("releases it with a Service that does not ask any more", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* wholeWorld
      yield* applyService(kept)
      yield* reconcile()
      yield* removeService()
      yield* reconcile()
      yield* applyService()
      yield* reconcile()
      assert.strictEqual(yield* reconcile(), "Converged")
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("can be asked for at the last moment", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService()
      yield* reconcile()
      const first = yield* ip()
      yield* editService({ metadata: { annotations: annotated("keep-ip", "true") } })
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual((yield* balanced).addresses, [first])
      yield* applyService()
      yield* reconcile()
      assert.strictEqual(yield* ip(), first)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("keeps an address that the Service leaves for another", () =>
    Effect.gen(function* () {
      yield* nodes
      const own = yield* acquired()
      yield* applyService(kept)
      yield* reconcile()
      const first = yield* ip()
      yield* editService({ spec: { loadBalancerIP: own.ip } })
      yield* reconcile()
      assert.strictEqual(yield* ip(), own.ip)
      assert.sameMembers([...(yield* balanced).addresses], [first, own.ip])
      assert.strictEqual(yield* reconcile(), "Converged")
      yield* editService({ metadata: { annotations: annotated("keep-ip", "false") } })
      yield* reconcile()
      assert.deepStrictEqual((yield* balanced).addresses, [own.ip])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("is refused where the role may not tag, once, before anything is made", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* wholeWorld
      yield* applyService(kept)
      assert.strictEqual(yield* reconcile(), "Refused")
      assert.strictEqual(yield* reconcile(), "Refused")
      assert.deepStrictEqual(yield* wholeWorld, before)
      const told = (yield* eventMessages()).filter((text) => text.startsWith("KeepIpForbidden"))
      assert.deepStrictEqual(told, [
        "KeepIpForbidden: metadata.annotations[service.beta.kubernetes.io/cloudstack-load-balancer-keep-ip]: an address that is to outlive its Service has to be tagged with its name, and the key's role may not tag. Allow createTags, deleteTags and listApis to the role, or remove the annotation: the address then goes with the Service"
      ])
      yield* editService({
        metadata: { annotations: { "service.beta.kubernetes.io/cloudstack-load-balancer-keep-ip": null } }
      })
      assert.strictEqual(yield* reconcile(), "Changed")
    }).pipe(Effect.provide(bed({ world: worldOf({ allow: narrowRole }) })))
  )
})

describe("a shared address", () => {
  for (const [role, options] of [
    ["a user's role", {}],
    ["CKS's narrow role", { allow: narrowRole }]
  ] as const) {
    it.effect(`is released by the last one out, with ${role}`, () =>
      Effect.gen(function* () {
        yield* nodes
        const before = yield* wholeWorld
        yield* applyService(onPort("a", 80))
        yield* reconcile("shop/a")
        const shared = yield* ip("a")
        yield* applyService(onPort("b", 81, { loadBalancerIP: shared }))
        yield* reconcile("shop/b")
        assert.deepStrictEqual((yield* balanced).rules.length, 2)
        yield* removeService("a")
        yield* reconcile("shop/a")
        assert.deepStrictEqual((yield* balanced).addresses, [shared])
        assert.deepStrictEqual((yield* balanced).rules, ["tcp 81>30081 roundrobin n1,n2,n3"])
        assert.strictEqual(yield* reconcile("shop/b"), "Converged")
        yield* removeService("b")
        yield* reconcile("shop/b")
        assert.deepStrictEqual(yield* wholeWorld, before)
      }).pipe(Effect.provide(bed({ world: worldOf(options) })))
    )

    it.effect(`is released even if all leave at once, with ${role}`, () =>
      Effect.gen(function* () {
        yield* nodes
        const before = yield* wholeWorld
        yield* applyService(onPort("a", 80))
        yield* reconcile("shop/a")
        const shared = yield* ip("a")
        for (const [name, port] of [
          ["b", 81],
          ["c", 82]
        ] as const) {
          yield* applyService(onPort(name, port, { loadBalancerIP: shared }))
          yield* reconcile(`shop/${name}`)
        }
        yield* Effect.forEach(["a", "b", "c"], removeService)
        yield* inTime(
          Effect.forEach(["a", "b", "c"], (name) => ServiceController.reconcile(`shop/${name}`), {
            concurrency: "unbounded"
          })
        )
        assert.deepStrictEqual(yield* wholeWorld, before)
      }).pipe(Effect.provide(bed({ world: worldOf(options) })))
    )
  }

  it.effect("stays the user's, whoever comes and goes", () =>
    Effect.gen(function* () {
      yield* nodes
      const own = yield* acquired()
      const before = yield* wholeWorld
      for (const [name, port] of [
        ["a", 80],
        ["b", 81]
      ] as const) {
        yield* applyService(onPort(name, port, { loadBalancerIP: own.ip }))
        yield* reconcile(`shop/${name}`)
      }
      yield* removeService("a")
      yield* reconcile("shop/a")
      yield* removeService("b")
      yield* reconcile("shop/b")
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("that two name before anybody has it is allocated once", () =>
    Effect.gen(function* () {
      yield* nodes
      const { id, ip: free } = yield* acquired()
      yield* byHand("disassociateIpAddress", { id })
      const before = yield* wholeWorld
      yield* applyService(onPort("a", 80, { loadBalancerIP: free }))
      yield* applyService(onPort("b", 81, { loadBalancerIP: free }))
      const both = Effect.forEach(["a", "b"], (name) => ServiceController.reconcile(`shop/${name}`), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(yield* inTime(both), ["Changed", "Changed"])
      assert.deepStrictEqual((yield* balanced).addresses, [free])
      assert.strictEqual((yield* balanced).rules.length, 2)
      yield* Effect.forEach(["a", "b"], removeService)
      yield* reconcile("shop/b")
      yield* reconcile("shop/a")
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("has each port once: the second Service is told which rule is in the way", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService(onPort("a", 80))
      yield* reconcile("shop/a")
      const shared = yield* ip("a")
      const before = yield* wholeWorld
      yield* applyService({ name: "b", spec: { ports: [{ port: 80, nodePort: 31_080 }], loadBalancerIP: shared } })
      assert.strictEqual(yield* reconcile("shop/b"), "Refused")
      assert.strictEqual(yield* reconcile("shop/b"), "Refused")
      assert.deepStrictEqual(yield* wholeWorld, before)
      const [told, ...more] = yield* eventMessages("b")
      assert.match(
        told ?? "",
        /^PortTaken: spec.ports, port 80: port 80 of \S+ is taken by load balancer rule a\w+-tcp-80/
      )
      assert.deepStrictEqual(more, [])
    }).pipe(Effect.provide(bed()))
  )
})

describe("another address", () => {
  /** Runs the change and looks at every moment whether the address that is published serves all ports. */
  const watched = Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(ServiceController.reconcile("shop/web"), { startImmediately: true })
    const shown: Array<string> = []
    while (fiber.pollUnsafe() === undefined) {
      yield* TestClock.adjust("50 millis")
      const address = yield* ip()
      if (shown.at(-1) !== address) shown.push(address)
      const { firewallRules, loadBalancerRules } = yield* world
      const serving = loadBalancerRules.filter((rule) => rule.address === address && rule.members.length === 3)
      assert.strictEqual(serving.length, 2, `rules of ${address}`)
      assert.strictEqual(firewallRules.filter((rule) => rule.address === address).length, 2, `firewall of ${address}`)
    }
    return { result: yield* Fiber.join(fiber), shown }
  })
  const slow = { simulator: { seed: 1, pushTime: "2 seconds" as const } }

  it.effect("serves in full before it is published, and the old one is released after", () =>
    Effect.gen(function* () {
      yield* nodes
      const own = yield* acquired()
      yield* applyService()
      yield* reconcile()
      const old = yield* ip()
      yield* editService({ spec: { loadBalancerIP: own.ip } })
      const { result, shown } = yield* watched
      assert.strictEqual(result, "Changed")
      assert.deepStrictEqual(shown, [old, own.ip])
      assert.deepStrictEqual((yield* balanced).addresses, [own.ip])
      assert.strictEqual((yield* balanced).rules.length, 2)
    }).pipe(Effect.provide(bed(slow)))
  )

  it.effect("the user's old one loses what is ours on it, and stays", () =>
    Effect.gen(function* () {
      yield* nodes
      const one = yield* acquired()
      const two = yield* acquired()
      yield* applyService({ spec: { loadBalancerIP: one.ip } })
      yield* reconcile()
      yield* editService({ spec: { loadBalancerIP: two.ip } })
      const { shown } = yield* watched
      assert.deepStrictEqual(shown, [one.ip, two.ip])
      const { firewallRules, loadBalancerRules } = yield* world
      assert.deepStrictEqual(
        new Set([...loadBalancerRules, ...firewallRules].map(({ address }) => address)),
        new Set([two.ip])
      )
      assert.sameMembers([...(yield* balanced).addresses], [one.ip, two.ip])
    }).pipe(Effect.provide(bed(slow)))
  )

  it.effect("that cannot be had leaves everything as it is", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService()
      yield* reconcile()
      const before = yield* wholeWorld
      yield* editService({ spec: { loadBalancerIP: "203.0.113.250" } })
      assert.strictEqual(yield* reconcile(), "Refused")
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )
})

describe("an address that cannot be used", () => {
  const vm = (name: string, network: string, owner = "alice") => ({ ref: name, name, owner, nics: [{ network }] })
  const wide = {
    ...worldOf({ free: 20 }),
    accounts: [
      { ref: "alice", name: "alice", role: "User" },
      { ref: "bob", name: "bob", role: "User" },
      { ref: "root", name: "admin", role: "Admin" }
    ],
    networks: [
      { ref: "net1", name: "net1", kind: "isolated", owner: "alice" },
      { ref: "net2", name: "net2", kind: "isolated", owner: "alice" },
      { ref: "bobs", name: "bobs", kind: "isolated", owner: "bob" }
    ],
    vms: [vm("n1", "net1"), vm("n2", "net1"), vm("n3", "net1"), vm("x", "net2"), vm("y", "bobs", "bob")],
    publicIps: { free: { alice: 20, bob: 20 } }
  }

  /** Refused twice, told once, and not a thing made or written. */
  const refused = Effect.fnUntraced(function* (address: string, pattern: RegExp) {
    yield* nodes
    yield* applyService({ spec: { loadBalancerIP: address } })
    const before = yield* wholeWorld
    const { mutations } = yield* counting(
      Effect.gen(function* () {
        assert.strictEqual(yield* reconcile(), "Refused")
        assert.strictEqual(yield* reconcile(), "Refused")
      })
    )
    assert.deepStrictEqual(mutations, {})
    assert.deepStrictEqual(yield* wholeWorld, before)
    const [told, ...more] = yield* eventMessages()
    assert.match(told ?? "", pattern)
    assert.deepStrictEqual(more, [])
    const { events: _, ...writes } = yield* kubeWrites
    assert.deepStrictEqual(
      Object.values(writes).filter((count) => count > 0),
      []
    )
  })

  it.effect("static NAT", () =>
    Effect.gen(function* () {
      const own = yield* acquired("net1", "alice")
      const n1 = (yield* world).machines.find(({ name }) => name === "n1")?.id ?? ""
      yield* byHand("enableStaticNat", { ipaddressid: own.id, virtualmachineid: n1 })
      yield* refused(own.ip, /^AddressUnusable: spec.loadBalancerIP: \S+ is a static NAT address\. Disable static NAT/)
    }).pipe(Effect.provide(bed({ world: wide })))
  )

  it.effect("another network's", () =>
    Effect.gen(function* () {
      const own = yield* acquired("net2", "alice")
      yield* refused(own.ip, /^AddressUnusable: spec.loadBalancerIP: \S+ belongs to another network than net1\./)
    }).pipe(Effect.provide(bed({ world: wide })))
  )

  it.effect("another account's", () =>
    Effect.gen(function* () {
      const theirs = yield* acquired("bobs", "bob")
      yield* refused(
        theirs.ip,
        /^AddressNotFree: spec.loadBalancerIP: \S+ is neither free nor the account's: .*Name a free address/
      )
    }).pipe(Effect.provide(bed({ world: wide })))
  )

  it.effect("none of the zone's", () =>
    refused(
      "203.0.113.250",
      /^AddressNotFree: spec.loadBalancerIP: 203.0.113.250 is neither free nor the account's/
    ).pipe(Effect.provide(bed({ world: wide })))
  )

  it.effect("not allowed by the operator", () =>
    Effect.gen(function* () {
      const own = yield* acquired("net1", "alice")
      yield* refused(own.ip, /^AddressNotAllowed: spec.loadBalancerIP: \S+ is not among the addresses that Services/)
    }).pipe(Effect.provide(bed({ world: wide, settings: { allowedAddresses: ["198.51.100.0/24"] } })))
  )

  it.effect("a source NAT address is used if it is named, and never released", () =>
    Effect.gen(function* () {
      yield* nodes
      const source = (yield* world).addresses.find(({ sourceNat }) => sourceNat)?.ip ?? assert.fail("no source NAT")
      const before = yield* wholeWorld
      yield* applyService({ spec: { loadBalancerIP: source } })
      yield* reconcile()
      assert.strictEqual(yield* ip(), source)
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.notInclude(yield* events(), "AddressKept")
    }).pipe(Effect.provide(bed()))
  )

  it.effect("the router's own port 53 on a source NAT address", () =>
    Effect.gen(function* () {
      yield* nodes
      const source = (yield* world).addresses.find(({ sourceNat }) => sourceNat)?.ip ?? ""
      yield* applyService({ spec: { loadBalancerIP: source, ports: [{ port: 53, nodePort: 30_053 }] } })
      assert.strictEqual(yield* reconcile(), "Refused")
      assert.match(
        (yield* eventMessages())[0] ?? "",
        /^PortReserved: spec.ports, port 53: \S+ is the source NAT address/
      )
    }).pipe(Effect.provide(bed()))
  )
})
