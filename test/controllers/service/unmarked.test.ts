/** Firewall rules and forwards that no tag explains, because a crash came first or because the role cannot tag. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Fault } from "../../../src/cloudstack/memory/faults.ts"
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
  inTime,
  narrowRole,
  reconcile,
  removeService,
  restarted,
  wholeWorld,
  world,
  worldOf
} from "../../support/testBed.ts"

const anew = restarted()

const inject = (...faults: ReadonlyArray<Fault>) => Effect.flatMap(Simulator, (simulator) => simulator.inject(faults))

const nodes = applyNodes("n1", "n2", "n3")

const narrow = { world: worldOf({ allow: narrowRole }) }

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
