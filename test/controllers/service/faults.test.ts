import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Fault } from "../../../src/cloudstack/memory/faults.ts"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { ClusterId } from "../../../src/controllers/ClusterIdentity.ts"
import { associate } from "../../support/goProviders.ts"
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
  pass,
  reconcile,
  removeService,
  started,
  wholeWorld,
  world
} from "../../support/testBed.ts"

const inject = (...faults: ReadonlyArray<Fault>) => Effect.flatMap(Simulator, (simulator) => simulator.inject(faults))
/** The next `count` matching calls all fail so. */
const injectMany = (count: number, fault: Fault) =>
  inject(...Array.from({ length: count }, (_, index) => ({ ...fault, occurrence: index + 1 })))
const onePort = { spec: { ports: [{ name: "http", port: 80, nodePort: 30_080 }] } }
const start = Effect.andThen(applyNodes("n1", "n2"), applyService(onePort))

describe("a step that fails", () => {
  it.effect("stops only what builds on it: revoked sources close although an assign fails", () =>
    Effect.gen(function* () {
      yield* start
      yield* reconcile()
      yield* applyNodes("n3")
      yield* editService({ spec: { loadBalancerSourceRanges: ["192.0.2.0/24"] } })
      const failing = {
        command: "assignToLoadBalancerRule",
        fault: { _tag: "failJob", code: 530, result: true }
      } as const
      yield* injectMany(10, failing)
      yield* Effect.exit(reconcile())
      const { firewall, rules } = yield* balanced
      assert.deepStrictEqual(firewall, ["tcp 80-80 192.0.2.0/24"])
      assert.deepStrictEqual(rules, ["tcp 80>30080 roundrobin n1,n2"])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("to close the border keeps the rule that proves whose it is, and the finalizer, until it is closed", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const own = yield* associate
      const before = yield* wholeWorld
      yield* applyService({ spec: { ...onePort.spec, loadBalancerIP: own.ip } })
      yield* started
      yield* pass(20)
      yield* injectMany(3, { command: "deleteFirewallRule", fault: { _tag: "failJob", code: 530, result: true } })
      yield* removeService()
      yield* pass(4)
      assert.strictEqual((yield* balanced).rules.length, 1)
      assert.isDefined(yield* ingress())
      yield* pass(60)
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.isUndefined(yield* ingress())
    }).pipe(Effect.provide(bed()))
  )

  it.effect("publishes nothing before everything wanted is there", () =>
    Effect.gen(function* () {
      yield* start
      const failing = { command: "createFirewallRule", fault: { _tag: "failJob", code: 530, result: true } } as const
      yield* injectMany(10, failing)
      yield* Effect.exit(reconcile())
      assert.deepStrictEqual(yield* ingress(), [])
      assert.notInclude(yield* events(), "EnsuredLoadBalancer")
    }).pipe(Effect.provide(bed()))
  )

  it.effect("is retried by the controller until it works, and told as upstream tells it", () =>
    Effect.gen(function* () {
      yield* start
      yield* injectMany(4, { command: "createFirewallRule", fault: { _tag: "error", code: 530, text: "x" } })
      yield* started
      yield* pass(60)
      assert.strictEqual((yield* ingress())?.length, 1)
      assert.isTrue(
        (yield* eventMessages()).some((text) =>
          text.startsWith("SyncLoadBalancerFailed: Error syncing load balancer: ")
        )
      )
    }).pipe(Effect.provide(bed()))
  )
})

describe("a lost answer", () => {
  it.effect.each([
    "associateIpAddress",
    "createLoadBalancerRule",
    "assignToLoadBalancerRule",
    "createFirewallRule",
    "createTags"
  ])("of %s is found again, and nothing is done twice", (command) =>
    Effect.gen(function* () {
      yield* start
      yield* inject({ command, fault: { _tag: "loseAnswer" } })
      const { mutations } = yield* counting(Effect.andThen(started, pass(150)))
      assert.strictEqual((yield* ingress())?.length, 1)
      assert.strictEqual(mutations["associateIpAddress"], 1)
      assert.strictEqual(mutations["createLoadBalancerRule"], 1)
      assert.deepStrictEqual((yield* balanced).addresses.length, 1)
      yield* removeService()
      yield* pass(60)
      assert.deepStrictEqual(yield* balanced, { addresses: [], rules: [], firewall: [] })
    }).pipe(Effect.provide(bed()))
  )
})

describe("what is not ours", () => {
  it.effect("is refused by name when it has the port, before anything is made", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const { networks } = yield* world
      yield* byHand("associateIpAddress", { networkid: networks[0]?.id ?? "" })
      const given = (yield* world).addresses.find(({ sourceNat }) => !sourceNat)
      yield* byHand("createLoadBalancerRule", {
        publicipid: given?.id ?? "",
        name: "handmade",
        publicport: "80",
        privateport: "8080",
        algorithm: "roundrobin",
        protocol: "tcp",
        openfirewall: "false"
      })
      const before = yield* wholeWorld
      yield* applyService({ spec: { ...onePort.spec, loadBalancerIP: given?.ip } })
      assert.strictEqual(yield* reconcile(), "Refused")
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
      const told = (yield* eventMessages()).filter((text) => text.startsWith("PortTaken: "))
      assert.strictEqual(told.length, 1)
      assert.include(told[0], "handmade")
    }).pipe(Effect.provide(bed()))
  )

  it.effect("keeps an address of ours from being released", () =>
    Effect.gen(function* () {
      yield* start
      yield* reconcile()
      const { addresses, loadBalancerRules } = yield* world
      const id = addresses.find(({ ip }) => ip === loadBalancerRules[0]?.address)?.id ?? ""
      yield* byHand("createLoadBalancerRule", {
        publicipid: id,
        name: "handmade",
        publicport: "8443",
        privateport: "8443",
        algorithm: "roundrobin",
        protocol: "tcp",
        openfirewall: "false"
      })
      yield* removeService()
      assert.strictEqual(yield* reconcile(), "Removed")
      const { rules, addresses: kept } = yield* balanced
      assert.deepStrictEqual(rules, ["tcp 8443>8443 roundrobin "])
      assert.strictEqual(kept.length, 1)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("is a rule of a clone of this cluster, with the same Service UID", () =>
    Effect.gen(function* () {
      yield* start
      yield* reconcile()
      const before = yield* wholeWorld
      yield* removeService()
      // The same objects, seen by a cluster that was restored from a backup under another id.
      yield* reconcile().pipe(Effect.provide(ClusterId.layerOf("clone")))
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )
})
