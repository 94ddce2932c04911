/** Two Services name one free address, and a crash or an outage comes between its allocation and its mark. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Simulator } from "../../../../src/cloudstack/memory/Simulator.ts"
import { allocationId } from "../../../../src/controllers/service/jobIds.ts"
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

const wanted = (port: number, ip: string) => ({
  spec: { ports: [{ port, nodePort: 30_000 + port }], loadBalancerIP: ip }
})

/** `web` had the address allocated by a process that was killed before it could mark it; `api` names it too. */
const cutOff = Effect.fnUntraced(function* (ip: string) {
  yield* applyNodes("n1")
  yield* applyService(wanted(80, ip))
  yield* editService({ metadata: { finalizers: [finalizer] } })
  const [web] = yield* (yield* Services).all
  const customjobid = allocationId(web?.uid ?? "", 0)
  const networkid = (yield* world).networks[0]?.id ?? ""
  yield* inTime((yield* Simulator).callAs("alice", "associateIpAddress", { networkid, ipaddress: ip, customjobid }))
  yield* applyService({ name: "api", ...wanted(81, ip) })
})

describe.each([
  ["a user's role", {}],
  ["CKS's narrow role", { allow: narrowRole }]
] as const)("an address that was allocated and not marked, with %s", (_, role) => {
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
})
