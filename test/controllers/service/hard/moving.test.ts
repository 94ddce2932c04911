import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Simulator } from "../../../../src/cloudstack/memory/Simulator.ts"
import { ServiceController } from "../../../../src/controllers/service/ServiceController.ts"
import { tierWorld } from "../../../support/networkKinds.ts"
import {
  annotated,
  applyNodes,
  applyService,
  type BedOptions,
  balanced,
  bed,
  byHand,
  counting,
  editService,
  ingress,
  inTime,
  isRead,
  narrowRole,
  reconcile,
  removeService,
  wholeWorld,
  world,
  worldOf
} from "../../../support/testBed.ts"

const onePort = { ports: [{ name: "http", port: 80, nodePort: 30_080 }] }

const acquireByHand = Effect.gen(function* () {
  const { addresses: before, networks } = yield* world
  yield* byHand("associateIpAddress", { networkid: networks[0]?.id ?? "" })
  const { addresses } = yield* world
  return addresses.find(({ id }) => !before.some((old) => old.id === id)) ?? { id: "", ip: "" }
})

describe("from one address to another", () => {
  for (const allow of [undefined, narrowRole]) {
    const role = allow === undefined ? "" : " (narrow role)"
    const provide = Effect.provide(bed({ world: worldOf(allow === undefined ? {} : { allow }) }))

    it.effect(`any, given, and back: ours is left at once, the user's is never released${role}`, () =>
      Effect.gen(function* () {
        yield* applyNodes("n1")
        const { ip } = yield* acquireByHand
        const before = yield* wholeWorld
        yield* applyService({ spec: onePort })
        yield* reconcile()
        assert.notStrictEqual((yield* ingress())?.[0]?.ip, ip)
        yield* editService({ spec: { loadBalancerIP: ip } })
        yield* reconcile()
        assert.deepStrictEqual(yield* ingress(), [{ ip, ipMode: "VIP" }])
        assert.deepStrictEqual((yield* balanced).addresses, [ip])
        yield* editService({ spec: { loadBalancerIP: null } })
        yield* reconcile()
        assert.strictEqual(yield* reconcile(), "Converged")
        yield* removeService()
        yield* reconcile()
        assert.deepStrictEqual(yield* wholeWorld, before)
      }).pipe(provide)
    )

    it.effect(`naming the address that it has already costs nothing, and it is still ours${role}`, () =>
      Effect.gen(function* () {
        yield* applyNodes("n1")
        const before = yield* wholeWorld
        yield* applyService({ spec: onePort })
        yield* reconcile()
        const ip = (yield* ingress())?.[0]?.ip ?? ""
        yield* editService({ metadata: { annotations: annotated("address", ip) } })
        const { mutations } = yield* counting(reconcile())
        assert.deepStrictEqual(mutations, {})
        yield* removeService()
        yield* reconcile()
        assert.deepStrictEqual(yield* wholeWorld, before)
      }).pipe(provide)
    )
  }

  it.effect("a new address is known from the cache at once", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService({ spec: onePort })
      yield* reconcile()
      yield* reconcile()
      const { log } = yield* counting(reconcile())
      assert.deepStrictEqual(log.filter(({ command }) => isRead(command)).length, 0)
    }).pipe(Effect.provide(bed()))
  )
})

describe("while it moves, the address that is published serves in full", () => {
  const slow = { simulator: { seed: 1, pushTime: "2 seconds" } } as const
  const web = { name: "http", port: 80, nodePort: 30_080 }
  const dns = { name: "dns", port: 53, nodePort: 30_053, protocol: "UDP" }

  interface Serving {
    readonly rules: number
    readonly firewall: number
    readonly forwards: number
  }

  /** Runs, and looks at every moment at what serves on the address that is shown. */
  const watched = (wanted: Serving) =>
    Effect.gen(function* () {
      const shownNow = Effect.map(ingress(), (shown) => shown?.[0]?.ip ?? "")
      const fiber = yield* Effect.forkChild(ServiceController.reconcile("shop/web"), { startImmediately: true })
      const shown: Array<string> = []
      while (fiber.pollUnsafe() === undefined) {
        yield* TestClock.adjust("50 millis")
        const ip = yield* shownNow
        if (shown.at(-1) !== ip) shown.push(ip)
        const { firewallRules, loadBalancerRules, portForwardingRules } = yield* world
        const on = <A extends { readonly address: string }>(all: ReadonlyArray<A>) =>
          all.filter(({ address }) => address === ip)
        const serving: Serving = {
          rules: on(loadBalancerRules).filter(({ members }) => members.length === 3).length,
          firewall: on(firewallRules).length,
          forwards: on(portForwardingRules).length
        }
        assert.deepStrictEqual(serving, wanted, ip)
      }
      assert.strictEqual(yield* Fiber.join(fiber), "Changed")
      return shown
    })

  it.effect.each<readonly [what: string, options: BedOptions, ports: ReadonlyArray<object>, serving: Serving]>([
    [
      "where the role may not tag",
      { world: worldOf({ allow: narrowRole }) },
      [web],
      { rules: 1, firewall: 1, forwards: 0 }
    ],
    ["with UDP forwarded", {}, [web, dns], { rules: 1, firewall: 2, forwards: 1 }]
  ])("%s", ([, options, ports, serving]) =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      const own = yield* acquireByHand
      yield* applyService({ spec: { ports } })
      yield* reconcile()
      const old = (yield* ingress())?.[0]?.ip ?? ""
      yield* editService({ spec: { loadBalancerIP: own.ip } })
      assert.deepStrictEqual(yield* watched(serving), [old, own.ip])
      assert.deepStrictEqual((yield* balanced).addresses, [own.ip])
    }).pipe(Effect.provide(bed({ ...slow, ...options })))
  )

  it.effect("in a VPC tier", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      const { vpcs } = yield* world
      const vpcid = vpcs.find(({ name }) => name === "vpc1")?.id ?? ""
      yield* inTime(
        Effect.flatMap(Simulator, (simulator) => simulator.callAs("alice", "associateIpAddress", { vpcid }))
      )
      yield* TestClock.adjust("10 seconds")
      const own = (yield* world).addresses.find(({ sourceNat }) => !sourceNat)?.ip ?? ""
      yield* applyService({ spec: { ports: [web] } })
      yield* reconcile()
      const old = (yield* ingress())?.[0]?.ip ?? ""
      assert.notStrictEqual(old, own)
      yield* editService({ spec: { loadBalancerIP: own } })
      assert.deepStrictEqual(yield* watched({ rules: 1, firewall: 0, forwards: 0 }), [old, own])
      assert.deepStrictEqual((yield* balanced).addresses, [own])
    }).pipe(Effect.provide(bed({ ...slow, world: tierWorld() })))
  )
})
