import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { CloudStackError } from "../../../../src/cloudstack/Api.ts"
import type { Simulator } from "../../../../src/cloudstack/memory/Simulator.ts"
import {
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
  kubeWrites,
  narrowRole,
  pass,
  reconcile,
  removeService,
  started,
  wholeWorld,
  world,
  worldOf
} from "../../../support/testBed.ts"

const portsOf = (port: number) => [{ name: `p${port}`, port, nodePort: 30_000 + (port % 2347) }]
const on = (ip: string, port: number) => ({ spec: { ports: portsOf(port), loadBalancerIP: ip } })

const acquireByHand = Effect.gen(function* () {
  const { addresses: before, networks } = yield* world
  yield* byHand("associateIpAddress", { networkid: networks[0]?.id ?? "" })
  const { addresses } = yield* world
  return addresses.find(({ id }) => !before.some((old) => old.id === id)) ?? { id: "", ip: "" }
})

/** In the network of that name. */
const acquireIn = Effect.fnUntraced(function* (network: string) {
  const { networks, addresses: before } = yield* world
  yield* byHand("associateIpAddress", { networkid: networks.find(({ name }) => name === network)?.id ?? "" })
  const { addresses } = yield* world
  return addresses.find(({ id, sourceNat }) => !sourceNat && !before.some((old) => old.id === id))?.ip ?? ""
})

const twoNetworks = (owner: string) => {
  const one = worldOf()
  return {
    ...one,
    accounts: [...one.accounts, { ref: "bob", name: "bob", role: "User", limits: { publicIps: 20 } }],
    networks: [...one.networks, { ref: "net2", name: "net2", kind: "isolated", owner }],
    vms: [...one.vms, { ref: "x", name: "x", owner, nics: [{ network: "net2" }] }]
  }
}

const forwarding = ["listApis", "listPortForwardingRules", "createPortForwardingRule", "deletePortForwardingRule"]

const freeAddress = Effect.gen(function* () {
  const { id, ip } = yield* acquireByHand
  yield* byHand("disassociateIpAddress", { id })
  return ip
})

describe("a shared address", () => {
  for (const allow of [undefined, narrowRole]) {
    const role = allow === undefined ? "" : " (narrow role)"
    const provide = Effect.provide(bed({ world: worldOf(allow === undefined ? {} : { allow }) }))

    it.effect(`the user's: two Services side by side, each takes only its own${role}`, () =>
      Effect.gen(function* () {
        yield* applyNodes("n1")
        const { ip } = yield* acquireByHand
        const before = yield* wholeWorld
        yield* applyService({ name: "a", ...on(ip, 80) })
        yield* applyService({ name: "b", ...on(ip, 443) })
        yield* reconcile("shop/a")
        yield* reconcile("shop/b")
        assert.strictEqual(yield* reconcile("shop/a"), "Converged")
        assert.deepStrictEqual((yield* balanced).firewall, ["tcp 443-443 0.0.0.0/0", "tcp 80-80 0.0.0.0/0"])
        yield* removeService("a")
        yield* reconcile("shop/a")
        assert.deepStrictEqual((yield* balanced).firewall, ["tcp 443-443 0.0.0.0/0"])
        assert.strictEqual((yield* balanced).rules.length, 1)
        assert.strictEqual(yield* reconcile("shop/b"), "Converged")
        yield* removeService("b")
        yield* reconcile("shop/b")
        assert.deepStrictEqual(yield* wholeWorld, before)
      }).pipe(provide)
    )

    for (const order of [
      ["a", "b"],
      ["b", "a"]
    ] as const) {
      it.effect(`ours: the last one out releases it, ${order.join(" before ")}${role}`, () =>
        Effect.gen(function* () {
          yield* applyNodes("n1")
          const before = yield* wholeWorld
          yield* applyService({ name: "a", spec: { ports: portsOf(80) } })
          yield* reconcile("shop/a")
          const ip = (yield* ingress("a"))?.[0]?.ip ?? ""
          yield* applyService({ name: "b", ...on(ip, 443) })
          assert.strictEqual(yield* reconcile("shop/b"), "Changed")
          for (const name of order) {
            yield* removeService(name)
            assert.strictEqual(yield* reconcile(`shop/${name}`), "Removed")
          }
          assert.deepStrictEqual(yield* wholeWorld, before)
        }).pipe(provide)
      )
    }

    it.effect(`ours: all go at once, and it is released${role}`, () =>
      Effect.gen(function* () {
        yield* applyNodes("n1")
        const before = yield* wholeWorld
        yield* applyService({ name: "a", spec: { ports: portsOf(80) } })
        yield* started
        yield* pass(15)
        const ip = (yield* ingress("a"))?.[0]?.ip ?? ""
        yield* applyService({ name: "b", ...on(ip, 443) })
        yield* applyService({ name: "c", ...on(ip, 8443) })
        yield* pass(15)
        assert.strictEqual((yield* balanced).rules.length, 3)
        for (const name of ["a", "b", "c"]) yield* removeService(name)
        yield* pass(60)
        assert.deepStrictEqual(yield* wholeWorld, before)
      }).pipe(provide)
    )

    it.effect(`a free one that two name at once serves both, and goes with the last${role}`, () =>
      Effect.gen(function* () {
        yield* applyNodes("n1")
        const ip = yield* freeAddress
        const before = yield* wholeWorld
        yield* applyService({ name: "a", ...on(ip, 80) })
        yield* applyService({ name: "b", ...on(ip, 443) })
        yield* started
        yield* pass(30)
        assert.deepStrictEqual(yield* ingress("a"), [{ ip, ipMode: "VIP" }])
        assert.deepStrictEqual(yield* ingress("b"), [{ ip, ipMode: "VIP" }], (yield* eventMessages("b")).join("\n"))
        yield* removeService("a")
        yield* pass(20)
        yield* removeService("b")
        yield* pass(20)
        assert.deepStrictEqual(yield* wholeWorld, before)
      }).pipe(provide)
    )
  }

  it.effect("forwards that nobody could tag: each Service leaves the other's alone", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const before = yield* wholeWorld
      const udp = (port: number) => ({ name: `u${port}`, port, nodePort: 30_000 + port, protocol: "UDP" })
      yield* applyService({ name: "a", spec: { ports: [...portsOf(80), udp(53)] } })
      yield* reconcile("shop/a")
      const ip = (yield* ingress("a"))?.[0]?.ip ?? ""
      yield* applyService({ name: "b", spec: { ports: [...portsOf(443), udp(1_053)], loadBalancerIP: ip } })
      yield* reconcile("shop/b")
      for (const name of ["a", "b", "a"]) assert.strictEqual(yield* reconcile(`shop/${name}`), "Converged")
      for (const name of ["a", "b"]) {
        yield* removeService(name)
        assert.strictEqual(yield* reconcile(`shop/${name}`), "Removed")
      }
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed({ world: worldOf({ allow: [...narrowRole, ...forwarding] }) })))
  )

  it.effect("two Services on one port: the second waits with one Event, and is served when the first goes", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const { ip } = yield* acquireByHand
      yield* started
      yield* applyService({ name: "a", ...on(ip, 80) })
      yield* applyService({ name: "b", spec: { ports: [{ port: 80, nodePort: 31_080 }], loadBalancerIP: ip } })
      yield* pass(30)
      assert.strictEqual((yield* balanced).rules.length, 1)
      const [winner, loser] = (yield* ingress("a"))?.length === 1 ? ["a", "b"] : ["b", "a"]
      const writes = yield* kubeWrites
      const { mutations } = yield* counting(pass(1_400))
      assert.deepStrictEqual(mutations, {})
      assert.deepStrictEqual(yield* kubeWrites, writes)
      assert.strictEqual(
        (yield* events(loser)).filter((r) => r === "PortTaken").length,
        1,
        (yield* eventMessages(loser)).join("\n")
      )
      yield* removeService(winner)
      yield* pass(700)
      assert.deepStrictEqual(
        yield* ingress(loser),
        [{ ip, ipMode: "VIP" }],
        `${winner} ${(yield* eventMessages(loser)).join("\n")} ${(yield* eventMessages(winner)).join("\n")} ${JSON.stringify(yield* balanced)}`
      )
    }).pipe(Effect.provide(bed()))
  )
})

describe("a given address", () => {
  it.effect("the network's own source NAT address, if it is named, beside what others have there", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const { addresses } = yield* world
      const nat = addresses.find(({ sourceNat }) => sourceNat) ?? { id: "", ip: "" }
      yield* byHand("createFirewallRule", {
        ipaddressid: nat.id,
        protocol: "tcp",
        startport: "22",
        endport: "22",
        cidrlist: "10.0.0.0/8"
      })
      yield* byHand("createLoadBalancerRule", {
        publicipid: nat.id,
        name: "hand",
        publicport: "6443",
        privateport: "6443",
        algorithm: "roundrobin",
        protocol: "tcp",
        openfirewall: "true"
      })
      const before = yield* wholeWorld
      yield* applyService(on(nat.ip, 80))
      assert.strictEqual(yield* reconcile(), "Changed")
      assert.deepStrictEqual(yield* ingress(), [{ ip: nat.ip, ipMode: "VIP" }])
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  const refusedOn = (
    name: string,
    prepare: Effect.Effect<string, CloudStackError, Simulator>,
    reason: string,
    world?: unknown
  ) =>
    it.effect(`${name}: refused once, nothing made, quiet over resyncs`, () =>
      Effect.gen(function* () {
        yield* applyNodes("n1", "n2", "n3")
        const ip = yield* prepare
        const before = yield* wholeWorld
        yield* started
        yield* applyService(on(ip, 80))
        yield* pass(20)
        assert.include(yield* events(), reason, (yield* eventMessages()).join("\n"))
        assert.deepStrictEqual(yield* wholeWorld, before)
        const writes = yield* kubeWrites
        yield* pass(1_400)
        assert.deepStrictEqual(yield* kubeWrites, writes, (yield* eventMessages()).join("\n"))
        assert.notInclude(yield* events(), "EnsuredLoadBalancer")
        yield* removeService()
        yield* pass(20)
        assert.deepStrictEqual(yield* wholeWorld, before)
        assert.isUndefined(yield* ingress())
      }).pipe(Effect.provide(bed(world === undefined ? {} : { world })))
    )

  refusedOn(
    "a static NAT address",
    Effect.gen(function* () {
      const { id, ip } = yield* acquireByHand
      const { machines } = yield* world
      yield* byHand("enableStaticNat", { ipaddressid: id, virtualmachineid: machines[0]?.id ?? "" })
      return ip
    }),
    "AddressUnusable"
  )

  refusedOn("an address of another network", acquireIn("net2"), "AddressUnusable", twoNetworks("alice"))
  refusedOn("another account's", acquireIn("net2"), "AddressNotFree", twoNetworks("bob"))
  refusedOn("one that is no address of this cloud", Effect.succeed("198.18.0.7"), "AddressNotFree")
  refusedOn("no address at all", Effect.succeed("2001:db8::1"), "InvalidAddress")

  it.effect(
    "of another network, named by a Service that is served: it stays as it is and keeps up with the nodes",
    () =>
      Effect.gen(function* () {
        yield* applyNodes("n1")
        const ip = yield* acquireIn("net2")
        yield* applyService({ spec: { ports: portsOf(80) } })
        yield* reconcile()
        const { rules } = yield* balanced
        yield* editService({ spec: { loadBalancerIP: ip } })
        yield* applyNodes("n2")
        assert.strictEqual(yield* reconcile(), "Refused")
        assert.deepStrictEqual(
          (yield* balanced).rules,
          rules.map((rule) => rule.replace("n1", "n1,n2"))
        )
        assert.notInclude(yield* events(), "NoNodeResolved")
      }).pipe(Effect.provide(bed({ world: twoNetworks("alice") })))
  )
})
