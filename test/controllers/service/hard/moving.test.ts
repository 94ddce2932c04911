import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  annotated,
  applyNodes,
  applyService,
  balanced,
  bed,
  byHand,
  counting,
  editService,
  ingress,
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
