/** What a process that begins with nothing in memory makes of what another began. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CallPriority } from "../../../src/cloudstack/Api.ts"
import { layer as cloudServices } from "../../../src/cloudstack/layers.ts"
import type { Fault } from "../../../src/cloudstack/memory/faults.ts"
import { layerMemory } from "../../../src/cloudstack/memory/layerMemory.ts"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { ServiceController } from "../../../src/controllers/service/ServiceController.ts"
import {
  applyNodes,
  applyService,
  balanced,
  bed,
  byHand,
  counting,
  editService,
  events,
  inTime,
  narrowRole,
  reconcile,
  removeService,
  wholeWorld,
  world,
  worldOf
} from "../../support/testBed.ts"

/** By another process. */
const anew = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(
    Effect.provide(ServiceController.layer, { local: true }),
    Effect.provide(cloudServices, { local: true }),
    Effect.provide(layerMemory("alice"), { local: true })
  )

const inject = (...faults: ReadonlyArray<Fault>) => Effect.flatMap(Simulator, (simulator) => simulator.inject(faults))

const nodes = applyNodes("n1", "n2", "n3")

const firewallStates = Effect.flatMap(Simulator, (simulator) =>
  Effect.map(simulator.world, (json) =>
    (
      json as { readonly firewallRules: ReadonlyArray<{ readonly startPort: number; readonly state: string }> }
    ).firewallRules
      .map(({ startPort, state }) => `${startPort} ${state}`)
      .sort()
  )
)

/** A Service on an address that is the user's. */
const given = (spec: Readonly<Record<string, unknown>> = {}) =>
  Effect.gen(function* () {
    const { addresses, networks } = yield* world
    const known = new Set(addresses.map(({ id }) => id))
    yield* byHand("associateIpAddress", { networkid: networks[0]?.id ?? "" })
    const address = (yield* world).addresses.find(({ id }) => !known.has(id)) ?? assert.fail("no address")
    const before = yield* wholeWorld
    yield* nodes
    yield* applyService({ spec: { loadBalancerIP: address.ip, ...spec } })
    return { address, before }
  })

const narrow = { world: worldOf({ allow: narrowRole }) }

describe("after a restart", () => {
  it.effect("firewall rules on a user's address are known without tags", () =>
    Effect.gen(function* () {
      const { before } = yield* given()
      yield* reconcile()
      assert.strictEqual(yield* anew(reconcile()), "Converged")
      yield* removeService()
      yield* anew(reconcile())
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed(narrow)))
  )

  it.effect("so are those for sources that came one by one", () =>
    Effect.gen(function* () {
      const { before } = yield* given({ loadBalancerSourceRanges: ["192.0.2.0/24"] })
      yield* reconcile()
      yield* editService({ spec: { loadBalancerSourceRanges: ["192.0.2.0/24", "203.0.113.0/24"] } })
      yield* reconcile()
      assert.strictEqual((yield* balanced).firewall.length, 4)
      yield* removeService()
      yield* anew(reconcile())
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed(narrow)))
  )

  it.effect("but a port that the user had opened before stays open", () =>
    Effect.gen(function* () {
      const { address } = yield* given()
      yield* byHand("createFirewallRule", { ipaddressid: address.id, protocol: "tcp", startport: "80", endport: "80" })
      const before = yield* wholeWorld
      yield* reconcile()
      yield* removeService()
      yield* anew(reconcile())
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed(narrow)))
  )

  it.effect("what was cut off half way is finished, and is no drift", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService()
      yield* inject({
        command: "assignToLoadBalancerRule",
        fault: { _tag: "error", code: 401, text: "unable to verify" }
      })
      yield* Effect.exit(reconcile())
      yield* anew(reconcile()).pipe(Effect.provideService(CallPriority, "resync"))
      assert.strictEqual((yield* balanced).rules.length, 2)
      assert.notInclude(yield* events(), "DriftRepaired")
    }).pipe(Effect.provide(bed()))
  )
})

describe("firewall rules and forwards without a tag", () => {
  const [a, b, c] = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"]
  const ports = [{ name: "http", port: 80, nodePort: 30_080 }]
  const allowed = (...loadBalancerSourceRanges: ReadonlyArray<string>) => ({ spec: { loadBalancerSourceRanges } })
  const firewall = Effect.map(balanced, (all) => all.firewall)

  /** One process that gets as far as its so many-th calls of this command, and is killed there. */
  const killedAt = Effect.fnUntraced(function* (command: string, ...occurrences: ReadonlyArray<number>) {
    const faults = occurrences.map((occurrence): Fault => {
      return { command, occurrence, fault: { _tag: "delay", millis: 3_600_000 } }
    })
    yield* inject(...faults)
    yield* anew(inTime(Effect.timeoutOption(ServiceController.reconcile("shop/web"), "10 seconds")))
  })

  it.effect("are known by the jobs that made them, whatever the sources have become", () =>
    Effect.gen(function* () {
      const before = yield* wholeWorld
      yield* nodes
      yield* applyService({ spec: { ports, loadBalancerSourceRanges: [a] } })
      yield* killedAt("createTags", 2)
      yield* editService(allowed(a, b))
      yield* killedAt("createTags", 1)
      assert.deepStrictEqual(yield* firewall, [`tcp 80-80 ${a}`, `tcp 80-80 ${b}`])
      assert.deepStrictEqual(
        (yield* world).tags.filter(({ type }) => type === "FirewallRule"),
        []
      )
      yield* editService(allowed(c))
      yield* anew(reconcile())
      assert.deepStrictEqual(yield* firewall, [`tcp 80-80 ${c}`])
      yield* removeService()
      yield* anew(reconcile())
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("beside one that has its tag, too", () =>
    Effect.gen(function* () {
      const before = yield* wholeWorld
      yield* nodes
      yield* applyService({ spec: { ports, loadBalancerSourceRanges: [a] } })
      yield* anew(reconcile())
      yield* editService(allowed(a, b))
      yield* killedAt("createTags", 1)
      yield* editService(allowed(c))
      yield* removeService()
      yield* anew(reconcile())
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("when the rule that they were opened for has gone", () =>
    Effect.gen(function* () {
      const before = yield* wholeWorld
      yield* nodes
      yield* applyService({ spec: { ports } })
      yield* killedAt("createTags", 2)
      yield* editService({ spec: { ports: [{ name: "http", port: 80, nodePort: 31_080 }] } })
      yield* killedAt("createLoadBalancerRule", 1)
      assert.deepStrictEqual(yield* balanced, {
        addresses: (yield* balanced).addresses,
        rules: [],
        firewall: ["tcp 80-80 0.0.0.0/0"]
      })
      yield* removeService()
      yield* anew(reconcile())
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("when what they forward to is another port now", () =>
    Effect.gen(function* () {
      const before = yield* wholeWorld
      const dns = (nodePort: number) => ({
        spec: { ports: [{ name: "dns", port: 53, nodePort, protocol: "UDP" }] }
      })
      const forwards = Effect.map(world, ({ portForwardingRules }) =>
        portForwardingRules.map(({ privatePort, publicPort }) => `${publicPort}>${privatePort}`)
      )
      yield* nodes
      yield* applyService(dns(30_053))
      // The firewall rule and the forward are tagged side by side.
      yield* killedAt("createTags", 2, 3)
      assert.deepStrictEqual(yield* forwards, ["53>30053"])
      yield* editService(dns(31_053))
      yield* killedAt("createPortForwardingRule", 1)
      yield* anew(reconcile())
      assert.deepStrictEqual(yield* forwards, ["53>31053"])
      yield* removeService()
      yield* anew(reconcile())
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.deepStrictEqual(yield* forwards, [])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("and where no role can tag", () =>
    Effect.gen(function* () {
      const before = yield* wholeWorld
      yield* nodes
      yield* applyService({ spec: { ports, loadBalancerSourceRanges: [a] } })
      // The same sources come back: each opening has a job of its own.
      for (const sources of [[a], [a, b], [c], [a], [a, b], [c, b], [c]]) {
        yield* editService(allowed(...sources))
        yield* anew(reconcile())
        assert.deepStrictEqual([...new Set((yield* firewall).map((line) => line.split(" ")[2]))].sort(), sources.sort())
      }
      yield* removeService()
      yield* anew(reconcile())
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed(narrow)))
  )

  it.effect("are somebody's own if no job of ours made them, which is asked once", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService({ spec: { ports, loadBalancerSourceRanges: [a] } })
      yield* reconcile()
      const address = (yield* world).addresses.find(({ sourceNat }) => !sourceNat) ?? assert.fail("no address")
      const by = { ipaddressid: address.id, protocol: "tcp", startport: "80", endport: "80", cidrlist: b }
      yield* byHand("createFirewallRule", by)
      yield* anew(
        Effect.gen(function* () {
          yield* reconcile()
          const { log } = yield* counting(reconcile())
          assert.deepStrictEqual(log, [])
        })
      )
      yield* editService(allowed(c))
      yield* anew(reconcile())
      assert.deepStrictEqual(yield* firewall, [`tcp 80-80 ${b}`, `tcp 80-80 ${c}`])
      yield* removeService()
      yield* anew(reconcile())
      assert.deepStrictEqual(yield* firewall, [`tcp 80-80 ${b}`])
    }).pipe(Effect.provide(bed()))
  )
})

describe("an address asked for by its name", () => {
  const unmarked: Fault = { command: "createTags", fault: { _tag: "error", code: 401, text: "unable to verify" } }
  const free = "198.118.100.120"

  it.effect("is ours also if it could not be marked any more", () =>
    Effect.gen(function* () {
      const before = yield* wholeWorld
      yield* nodes
      yield* applyService({ spec: { loadBalancerIP: free } })
      yield* inject(unmarked)
      yield* Effect.exit(reconcile())
      assert.deepStrictEqual((yield* world).tags, [])
      yield* anew(reconcile())
      assert.isTrue((yield* world).loadBalancerRules.every(({ description }) => description.endsWith(":owned")))
      assert.isAbove((yield* world).tags.filter(({ type }) => type === "PublicIpAddress").length, 0)
      yield* removeService()
      yield* anew(reconcile())
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("is not refused because one list does not show it", () =>
    Effect.gen(function* () {
      yield* given()
      yield* inject(
        { command: "none", fault: { _tag: "staleList", millis: 3_600_000 } },
        { command: "listPublicIpAddresses", fault: { _tag: "error", code: 401, text: "unable to verify" } }
      )
      yield* Effect.exit(reconcile())
      yield* inject({ command: "listPublicIpAddresses", fault: { _tag: "staleList", millis: 3_600_000 } })
      yield* Effect.exit(reconcile())
      assert.notInclude(yield* events(), "AddressNotFree")
      yield* reconcile()
      assert.strictEqual((yield* balanced).rules.length, 2)
    }).pipe(Effect.provide(bed()))
  )
})

describe("a firewall rule that was never given to the router", () => {
  it.effect("is made anew", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService()
      yield* inject({ command: "createFirewallRule", fault: { _tag: "failJob", code: 530, result: false } })
      yield* Effect.exit(reconcile())
      yield* reconcile()
      const rules = yield* firewallStates
      assert.deepStrictEqual(rules, ["443 Active", "80 Active"])
    }).pipe(Effect.provide(bed()))
  )
})

describe("an allocation whose job fails", () => {
  const failing = (result: boolean): Fault => ({
    command: "associateIpAddress",
    fault: { _tag: "failJob", code: 530, text: "Failed", result }
  })

  for (const result of [true, false]) {
    it.effect(`is made anew at once, and nothing of it stays (${result ? "" : "no "}result)`, () =>
      Effect.gen(function* () {
        const before = yield* wholeWorld
        yield* nodes
        yield* applyService()
        yield* inject(failing(result))
        yield* Effect.exit(reconcile())
        assert.strictEqual(yield* reconcile(), "Changed")
        assert.strictEqual((yield* balanced).addresses.length, 1)
        yield* removeService()
        yield* reconcile()
        assert.deepStrictEqual(yield* wholeWorld, before)
      }).pipe(Effect.provide(bed(narrow)))
    )
  }
})

describe("lists that are behind the times", () => {
  const late = (command: string, occurrence: number): Fault => ({
    command,
    occurrence,
    fault: { _tag: "staleList", millis: 3_600_000 }
  })
  const commands = ["listPublicIpAddresses", "listLoadBalancerRules", "listLoadBalancerRuleInstances"]

  for (const command of commands) {
    it.effect(`${command}: nothing is left when the Service has gone`, () =>
      Effect.gen(function* () {
        const before = yield* wholeWorld
        yield* inject({ ...late("none", 1) })
        yield* nodes
        yield* applyService()
        yield* reconcile()
        yield* removeService()
        yield* inject(late(command, 1))
        yield* Effect.exit(reconcile())
        yield* reconcile()
        assert.deepStrictEqual(yield* wholeWorld, before)
        assert.strictEqual((yield* events()).filter((reason) => reason === "DeletedLoadBalancer").length, 1)
      }).pipe(Effect.provide(bed(narrow)))
    )
  }

  for (const command of ["listLoadBalancerRules", "listFirewallRules"]) {
    it.effect(`${command}: nothing is left on a user's address either`, () =>
      Effect.gen(function* () {
        yield* inject({ ...late("none", 1) })
        const { before } = yield* given()
        yield* reconcile()
        yield* removeService()
        yield* inject(late(command, 1))
        yield* Effect.exit(reconcile())
        yield* reconcile()
        assert.deepStrictEqual(yield* wholeWorld, before)
      }).pipe(Effect.provide(bed()))
    )
  }

  it.effect("no second address is allocated, even if two lists do not show the first", () =>
    Effect.gen(function* () {
      yield* inject({ ...late("none", 1) })
      yield* nodes
      yield* applyService()
      yield* reconcile()
      const before = yield* wholeWorld
      yield* inject(late("listPublicIpAddresses", 1), late("listPublicIpAddresses", 2))
      yield* anew(Effect.andThen(Effect.exit(reconcile()), reconcile()))
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )
})
