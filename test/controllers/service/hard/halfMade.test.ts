/** Two Services name one free address, and a crash or an outage comes between its allocation and its mark. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import type { CloudStackApi } from "../../../../src/cloudstack/Api.ts"
import { Simulator } from "../../../../src/cloudstack/memory/Simulator.ts"
import { allocationId } from "../../../../src/controllers/service/jobIds.ts"
import { ServiceController } from "../../../../src/controllers/service/ServiceController.ts"
import { finalizer } from "../../../../src/controllers/service/selection.ts"
import { Services } from "../../../../src/kubernetes/Services.ts"
import {
  applyNodes,
  applyService,
  bed,
  byHand,
  editService,
  events,
  ingress,
  inTime,
  narrowRole,
  pass,
  reconcile,
  removeService,
  wholeWorld,
  world,
  worldOf
} from "../../../support/testBed.ts"

/** An address that is free, found by having had it for a moment. */
const freeAddress = Effect.gen(function* () {
  const networkid = (yield* world).networks[0]?.id ?? ""
  const known = new Set((yield* world).addresses.map(({ id }) => id))
  yield* inTime((yield* Simulator).callAs("alice", "associateIpAddress", { networkid }))
  yield* pass(10)
  const found = (yield* world).addresses.find(({ id }) => !known.has(id))
  yield* byHand("disassociateIpAddress", { id: found?.id ?? "" })
  yield* pass(10)
  return found?.ip ?? assert.fail("no address")
})

const addressAt = (ip: string) => Effect.map(world, ({ addresses }) => addresses.find((one) => one.ip === ip))

const ruleByHand = Effect.fnUntraced(function* (ip: string) {
  const publicipid = (yield* addressAt(ip))?.id ?? ""
  const ports = { publicport: "8080", privateport: "8080" }
  yield* byHand("createLoadBalancerRule", {
    publicipid,
    name: "mine",
    algorithm: "source",
    openfirewall: "false",
    ...ports
  })
})

const forwardByHand = Effect.fnUntraced(function* (ip: string) {
  const ipaddressid = (yield* addressAt(ip))?.id ?? ""
  const virtualmachineid = (yield* world).machines[0]?.id ?? ""
  const ports = { publicport: "8080", privateport: "8080", protocol: "tcp", openfirewall: "false" }
  yield* byHand("createPortForwardingRule", { ipaddressid, virtualmachineid, ...ports })
})

const wanted = (port: number, ip?: string) => ({
  spec: { ports: [{ port, nodePort: 30_000 + port }], ...(ip === undefined ? {} : { loadBalancerIP: ip }) }
})

/** `web` had the address allocated by a process that was killed before it could mark it; `api` names it (too). */
const cutOff = Effect.fnUntraced(function* (ip: string, web: ReturnType<typeof wanted> = wanted(80, ip)) {
  yield* applyNodes("n1")
  yield* applyService(web)
  yield* editService({ metadata: { finalizers: [finalizer] } })
  const [applied] = yield* (yield* Services).all
  const customjobid = allocationId(applied?.uid ?? "", 0)
  const networkid = (yield* world).networks[0]?.id ?? ""
  yield* inTime((yield* Simulator).callAs("alice", "associateIpAddress", { networkid, ipaddress: ip, customjobid }))
  yield* applyService({ name: "api", ...wanted(81, ip) })
})

describe.each([
  ["a user's role", {}, [ruleByHand, forwardByHand]],
  // It may not list forwards.
  ["CKS's narrow role", { allow: narrowRole }, [ruleByHand]]
] as const)("an address that was allocated and not marked, with %s", (_, role, hands) => {
  const provide = Effect.provide(bed({ world: worldOf(role) }))

  it.effect("is ours also for the other Service that comes first", () =>
    Effect.gen(function* () {
      const ip = yield* freeAddress
      const before = yield* wholeWorld
      yield* cutOff(ip)
      yield* pass(10)
      yield* reconcile("shop/api")
      assert.strictEqual((yield* ingress("api"))?.[0]?.ip, ip)
      yield* removeService()
      yield* pass(100)
      assert.strictEqual(yield* reconcile(), "Removed")
      assert.strictEqual((yield* ingress("api"))?.[0]?.ip, ip)
      yield* removeService("api")
      assert.strictEqual(yield* reconcile("shop/api"), "Removed")
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(provide)
  )

  it.effect("is not told as taken while it is being allocated", () =>
    Effect.gen(function* () {
      const ip = yield* freeAddress
      yield* cutOff(ip)
      const met = yield* Effect.exit(reconcile("shop/api"))
      assert.notInclude(yield* events("api"), "AddressNotFree")
      if (met._tag === "Failure") yield* pass(10)
      yield* reconcile("shop/api")
      assert.strictEqual((yield* ingress("api"))?.[0]?.ip, ip)
    }).pipe(provide)
  )

  it.effect("is left to who has put something on it, by a hand that does not mark", () =>
    Effect.gen(function* () {
      const ip = yield* freeAddress
      for (const hand of hands) {
        yield* cutOff(ip)
        yield* removeService("api")
        yield* pass(100)
        yield* hand(ip)
        yield* removeService()
        assert.strictEqual(yield* reconcile(), "Removed")
        assert.deepInclude(yield* addressAt(ip), { state: "Allocated" })
        yield* byHand("disassociateIpAddress", { id: (yield* addressAt(ip))?.id ?? "" })
      }
    }).pipe(provide)
  )
})

describe("two Services on one address, the one in the middle of its work", () => {
  /** Holds up the first such call until told otherwise, and tells that it has come. */
  const holdingUp = (command: string) => {
    const come = Deferred.makeUnsafe<void>()
    const go = Deferred.makeUnsafe<void>()
    const around = (api: CloudStackApi["Service"]): CloudStackApi["Service"] => ({
      call: (asked, parameters) => {
        if (asked !== command || Deferred.isDoneUnsafe(come)) return api.call(asked, parameters)
        const held = Effect.andThen(Deferred.succeed(come, undefined), Deferred.await(go))
        return Effect.andThen(held, api.call(asked, parameters))
      }
    })
    return { around, come: Deferred.await(come), go: Deferred.succeed(go, undefined) }
  }

  const { around, come, go } = holdingUp("createLoadBalancerRule")
  it.effect("the other, leaving, waits until it can see what is there", () =>
    Effect.gen(function* () {
      const ip = yield* freeAddress
      yield* cutOff(ip, wanted(80))
      yield* pass(100)
      const { id } = (yield* addressAt(ip)) ?? assert.fail("no address")
      const joining = yield* Effect.forkChild(ServiceController.reconcile("shop/api"), { startImmediately: true })
      yield* inTime(come)
      yield* removeService()
      const leaving = yield* Effect.forkChild(ServiceController.reconcile("shop/web"), { startImmediately: true })
      yield* pass(30)
      yield* go
      assert.strictEqual(yield* inTime(Fiber.join(joining)), "Changed")
      assert.strictEqual(yield* inTime(Fiber.join(leaving)), "Removed")
      assert.strictEqual((yield* addressAt(ip))?.id, id)
      const released = (yield* (yield* Simulator).log).filter(({ command }) => command === "disassociateIpAddress")
      // The one by which it was found to be free.
      assert.lengthOf(released, 1)
    }).pipe(Effect.provide(bed({ world: worldOf({ allow: narrowRole }), around })))
  )

  const gone = holdingUp("createLoadBalancerRule")
  it.effect("it is not refused because the address went meanwhile", () =>
    Effect.gen(function* () {
      const ip = yield* freeAddress
      const networkid = (yield* world).networks[0]?.id ?? ""
      yield* inTime((yield* Simulator).callAs("alice", "associateIpAddress", { networkid, ipaddress: ip }))
      yield* pass(10)
      yield* applyNodes("n1")
      yield* applyService(wanted(80, ip))
      const joining = yield* Effect.forkChild(ServiceController.reconcile("shop/web"), { startImmediately: true })
      yield* inTime(gone.come)
      yield* byHand("disassociateIpAddress", { id: (yield* addressAt(ip))?.id ?? "" })
      yield* gone.go
      assert.strictEqual(yield* inTime(Fiber.join(joining)), "Changed")
      assert.strictEqual((yield* ingress())?.[0]?.ip, ip)
      assert.deepStrictEqual(yield* events(), ["EnsuringLoadBalancer", "EnsuredLoadBalancer"])
    }).pipe(Effect.provide(bed({ around: gone.around })))
  )
})
