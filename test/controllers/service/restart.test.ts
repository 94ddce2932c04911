/** What a process that begins with nothing in memory makes of what another began. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CallPriority, CloudStackError, NotFound } from "../../../src/cloudstack/Api.ts"
import type { Fault } from "../../../src/cloudstack/memory/faults.ts"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { allocationId } from "../../../src/controllers/service/jobIds.ts"
import { Services } from "../../../src/kubernetes/Services.ts"
import {
  applyNodes,
  applyService,
  type BedOptions,
  balanced,
  bed,
  byHand,
  editService,
  events,
  ingress,
  narrowRole,
  pass,
  reconcile,
  removeService,
  restarted,
  started,
  wholeWorld,
  world,
  worldOf
} from "../../support/testBed.ts"

const anew = restarted()

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

  it.effect(
    "so are those whose sources have changed while nobody was there, and a rule of the user's beside them is not",
    () =>
      Effect.gen(function* () {
        const { addresses } = yield* balanced
        yield* nodes
        yield* applyService({ spec: { ports: [{ name: "http", port: 80, nodePort: 30_080 }] } })
        yield* reconcile()
        const own = (yield* world).addresses.find(({ ip }) => !addresses.includes(ip) && ip.endsWith(".101"))
        const range = { ipaddressid: own?.id ?? "", protocol: "tcp", startport: "80", endport: "80" }
        yield* byHand("createFirewallRule", { ...range, cidrlist: "203.0.113.0/24" })
        yield* editService({ spec: { loadBalancerSourceRanges: ["192.0.2.0/24"] } })
        yield* anew(reconcile())
        assert.deepStrictEqual((yield* balanced).firewall, ["tcp 80-80 192.0.2.0/24", "tcp 80-80 203.0.113.0/24"])
        yield* removeService()
        yield* anew(reconcile())
        assert.deepStrictEqual((yield* balanced).firewall, ["tcp 80-80 203.0.113.0/24"])
      }).pipe(Effect.provide(bed(narrow)))
  )

  it.effect("nothing is open on a user's address for a rule that did not come about", () =>
    Effect.gen(function* () {
      const { before } = yield* given({ ports: [{ name: "http", port: 80, nodePort: 30_080 }] })
      yield* inject({
        command: "createLoadBalancerRule",
        fault: { _tag: "failJob", code: 530, text: "Failed", result: true }
      })
      yield* Effect.exit(reconcile())
      yield* removeService()
      yield* anew(reconcile())
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed(narrow)))
  )

  it.effect("an address whose rules a person has deleted is still ours", () =>
    Effect.gen(function* () {
      const before = yield* wholeWorld
      yield* nodes
      yield* applyService()
      yield* reconcile()
      for (const { id } of (yield* world).loadBalancerRules) yield* byHand("deleteLoadBalancerRule", { id })
      yield* reconcile().pipe(Effect.provideService(CallPriority, "resync"))
      assert.isTrue((yield* world).loadBalancerRules.every(({ description }) => description.endsWith(":owned")))
      yield* removeService()
      yield* anew(reconcile())
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed(narrow)))
  )

  it.effect("an address is ours although its first rule did not come about", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService({ spec: { ports: [{ name: "http", port: 80, nodePort: 30_080 }] } })
      yield* inject({
        command: "createLoadBalancerRule",
        fault: { _tag: "failJob", code: 530, text: "Failed", result: true }
      })
      yield* reconcile()
      assert.deepStrictEqual(
        (yield* world).loadBalancerRules.map(({ description }) => description.split(":").at(-1)),
        ["owned"]
      )
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

describe("an allocation that the server never finished and has forgotten", () => {
  it.effect("is freed by who began it, and another is made", () => {
    let forgotten = ""
    const forgetful: NonNullable<BedOptions["around"]> = (api) => ({
      call: (command, parameters) =>
        command === "queryAsyncJobResult" && parameters["jobid"] === forgotten
          ? Effect.fail(new CloudStackError({ command, reason: new NotFound({ text: "entity does not exist" }) }))
          : api.call(command, parameters)
    })
    return Effect.gen(function* () {
      yield* nodes
      yield* applyService()
      yield* inject({ command: "associateIpAddress", fault: { _tag: "stuckJob" } })
      yield* started
      yield* pass(60)
      const stuck = (yield* world).addresses.find(({ state }) => state === "Allocating") ?? assert.fail("none")
      const [service] = yield* (yield* Services).all
      forgotten = allocationId(service?.uid ?? "", 0)
      yield* pass(120)
      const { addresses } = yield* world
      assert.isFalse(addresses.some(({ id, state }) => id === stuck.id && state === "Allocating"))
      assert.strictEqual((yield* ingress())?.length, 1)
    }).pipe(Effect.provide(bed({ around: forgetful })))
  })
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
