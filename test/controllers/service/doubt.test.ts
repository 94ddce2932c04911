/** One list in a million is empty, or a minute old. Nothing is done on its word that the next one would not confirm. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { asking, makeLiar } from "../../support/lies.ts"
import { tierWorld } from "../../support/networkKinds.ts"
import {
  applyNodes,
  applyService,
  balanced,
  bed,
  byHand,
  editService,
  events,
  narrowRole,
  reconcile,
  removeService,
  wholeWorld,
  world,
  worldOf
} from "../../support/testBed.ts"

const nodes = applyNodes("n1", "n2")

const ownAddress = Effect.map(
  world,
  ({ addresses, loadBalancerRules }) => addresses.find(({ ip }) => ip === loadBalancerRules[0]?.address)?.id ?? ""
)

describe("in an isolated network, one empty list", () => {
  it.effect("of firewall rules leaves none behind with a port that goes", () => {
    const liar = makeLiar()
    return Effect.gen(function* () {
      yield* nodes
      yield* applyService()
      yield* reconcile()
      yield* editService({ spec: { ports: [{ name: "http", port: 80, nodePort: 30_080 }] } })
      liar.emptyNext(asking("listFirewallRules", "ipaddressid"))
      yield* reconcile()
      const { firewall, rules } = yield* balanced
      assert.deepStrictEqual(firewall, ["tcp 80-80 0.0.0.0/0"])
      assert.strictEqual(rules.length, 1)
    }).pipe(Effect.provide(bed({ world: worldOf({ allow: narrowRole }), around: liar.around })))
  })

  it.effect("of rules does not release an address that carries somebody's rule", () => {
    const liar = makeLiar()
    return Effect.gen(function* () {
      yield* nodes
      yield* applyService({ spec: { ports: [{ name: "http", port: 80, nodePort: 30_080 }] } })
      yield* reconcile()
      yield* byHand("createLoadBalancerRule", {
        publicipid: yield* ownAddress,
        name: "handmade",
        publicport: "8443",
        privateport: "8443",
        algorithm: "roundrobin",
        protocol: "tcp",
        openfirewall: "false"
      })
      // It is known from here on.
      yield* reconcile()
      yield* removeService()
      liar.emptyNext(asking("listLoadBalancerRules", "publicipid"))
      assert.strictEqual(yield* reconcile(), "Removed")
      assert.deepStrictEqual((yield* balanced).rules, ["tcp 8443>8443 roundrobin "])
    }).pipe(Effect.provide(bed({ around: liar.around })))
  })

  it.effect("of one address does not let it go with the Service that was cut off before it had any rule", () => {
    const liar = makeLiar()
    return Effect.gen(function* () {
      const before = yield* wholeWorld
      yield* nodes
      yield* applyService()
      yield* (yield* Simulator).inject([
        { command: "createLoadBalancerRule", fault: { _tag: "error", code: 401, text: "unable to verify" } },
        {
          command: "createLoadBalancerRule",
          occurrence: 2,
          fault: { _tag: "error", code: 401, text: "unable to verify" }
        }
      ])
      yield* Effect.exit(reconcile())
      yield* removeService()
      liar.emptyNext(asking("listPublicIpAddresses", "allocatedonly"))
      assert.strictEqual(yield* reconcile(), "Removed")
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed({ world: worldOf({ allow: narrowRole }), around: liar.around })))
  })

  it.effect(
    "of rules does not release what is left with somebody's rule on it, whoever has forgotten to mark it",
    () => {
      const liar = makeLiar()
      return Effect.gen(function* () {
        yield* nodes
        yield* applyService({ spec: { ports: [{ name: "http", port: 80, nodePort: 30_080 }] } })
        yield* reconcile()
        const publicipid = yield* ownAddress
        for (const { id } of (yield* world).loadBalancerRules) yield* byHand("deleteLoadBalancerRule", { id })
        for (const { id } of (yield* world).firewallRules) yield* byHand("deleteFirewallRule", { id })
        yield* byHand("createLoadBalancerRule", {
          publicipid,
          name: "handmade",
          publicport: "8443",
          privateport: "8443",
          algorithm: "roundrobin",
          protocol: "tcp",
          openfirewall: "false"
        })
        yield* removeService()
        // Asked what has become of the address, and then what is on it.
        let isInspecting = false
        liar.emptyNext((command, { allocatedonly, publicipid }) => {
          isInspecting ||= command === "listPublicIpAddresses" && allocatedonly === "false"
          return isInspecting && command === "listLoadBalancerRules" && publicipid !== undefined
        })
        yield* Effect.exit(reconcile())
        assert.deepStrictEqual((yield* balanced).rules, ["tcp 8443>8443 roundrobin "])
      }).pipe(Effect.provide(bed({ world: worldOf({ allow: narrowRole }), around: liar.around })))
    }
  )

  it.effect("of what the role may do refuses nothing", () => {
    const liar = makeLiar()
    return Effect.gen(function* () {
      yield* nodes
      yield* applyService({ spec: { ports: [{ name: "dns", port: 53, nodePort: 30_053, protocol: "UDP" }] } })
      liar.emptyNext(asking("listApis"))
      assert.strictEqual(yield* reconcile(), "Changed")
      assert.strictEqual((yield* world).portForwardingRules.length, 1)
      assert.notInclude(yield* events(), "ForwardingForbidden")
    }).pipe(Effect.provide(bed({ around: liar.around })))
  })
})

describe("in a VPC tier, one empty list", () => {
  const items = Effect.map(world, ({ aclLists }) =>
    (aclLists.find(({ name }) => name === "acl1")?.items ?? []).map(({ number, reason = "" }) => ({
      number,
      ours: reason.startsWith("cloudstack-ccm:test-cluster:")
    }))
  )

  it.effect("of ACL items puts none in front of those that the user has put first", () => {
    const liar = makeLiar()
    return Effect.gen(function* () {
      yield* nodes
      yield* applyService()
      liar.emptyNext(asking("listNetworkACLs"))
      yield* reconcile()
      const ours = (yield* items).filter(({ ours }) => ours)
      assert.strictEqual(ours.length, 2)
      assert.isTrue(ours.every(({ number }) => number > 10 && number < 900))
    }).pipe(Effect.provide(bed({ world: tierWorld(), around: liar.around })))
  })

  it.effect("of ACL items leaves none behind when the Service goes", () => {
    const liar = makeLiar()
    return Effect.gen(function* () {
      yield* nodes
      const before = yield* items
      const cloud = yield* wholeWorld
      yield* applyService()
      yield* reconcile()
      yield* removeService()
      liar.emptyNext(asking("listNetworkACLs"))
      assert.strictEqual(yield* reconcile(), "Removed")
      assert.deepStrictEqual(yield* items, before)
      assert.deepStrictEqual(yield* wholeWorld, cloud)
    }).pipe(Effect.provide(bed({ world: tierWorld(), around: liar.around })))
  })
})
