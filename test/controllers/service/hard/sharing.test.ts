/** An address that several Services share, each of them met by a process that knows nothing of what others did. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  annotated,
  applyNodes,
  applyService,
  balanced,
  bed,
  counting,
  editService,
  ingress,
  narrowRole,
  reconcile,
  removeService,
  restarted,
  wholeWorld,
  worldOf
} from "../../../support/testBed.ts"

const on = (port: number, ip?: string) => ({
  spec: { ports: [{ port, nodePort: 30_000 + port }], ...(ip === undefined ? {} : { loadBalancerIP: ip }) }
})
const ipOf = (name: string) => Effect.map(ingress(name), (shown) => shown?.[0]?.ip ?? assert.fail("no address"))
const run = (name: string) => restarted()(reconcile(`shop/${name}`))

/** `a` has the address allocated, `b` and `c` name it. */
const three = Effect.gen(function* () {
  yield* applyNodes("n1", "n2")
  const before = yield* wholeWorld
  yield* applyService({ name: "a", ...on(80) })
  yield* run("a")
  const ip = yield* ipOf("a")
  yield* applyService({ name: "b", ...on(81, ip) })
  yield* applyService({ name: "c", ...on(82, ip) })
  for (const name of ["b", "c"]) yield* run(name)
  return { before, ip }
})

const orders = ["abc", "acb", "bac", "bca", "cab", "cba"]

describe.each([
  ["a user's role", {}],
  ["CKS's narrow role", { allow: narrowRole }]
] as const)("an address shared by three, with %s", (_, options) => {
  const provide = Effect.provide(bed({ world: worldOf(options) }))

  it.effect.each(orders)("is released by the last one out: %s", (order) =>
    Effect.gen(function* () {
      const { before, ip } = yield* three
      for (const [index, name] of [...order].entries()) {
        assert.deepStrictEqual((yield* balanced).addresses, [ip])
        assert.strictEqual((yield* balanced).rules.length, 3 - index)
        yield* removeService(name)
        assert.strictEqual(yield* run(name), "Removed")
      }
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(provide)
  )

  it.effect.each(["a", "b"])("is left by one that moves (%s), and serves the others undisturbed", (mover) =>
    Effect.gen(function* () {
      const { before, ip } = yield* three
      const free = ip.replace(/\d+$/, (last) => String(Number(last) + 5))
      // A process that has seen it at rest knows that nobody else has begun to move it.
      yield* restarted()(
        Effect.gen(function* () {
          assert.strictEqual(yield* reconcile(`shop/${mover}`), "Converged")
          yield* editService({ spec: { loadBalancerIP: free } }, mover)
          assert.strictEqual(yield* reconcile(`shop/${mover}`), "Changed")
        })
      )
      assert.deepStrictEqual(yield* ingress(mover), [{ ip: free, ipMode: "VIP" }])
      assert.sameMembers([...(yield* balanced).addresses], [ip, free])
      for (const name of ["a", "b", "c"]) {
        const { mutations } = yield* counting(run(name))
        assert.deepStrictEqual(mutations, {})
      }
      for (const name of ["c", "b", "a"]) {
        yield* removeService(name)
        yield* run(name)
      }
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(provide)
  )

  it.effect("is left by one that ceases to be a load balancer, and by one that says so", () =>
    Effect.gen(function* () {
      const { before, ip } = yield* three
      yield* editService({ spec: { type: "ClusterIP" } }, "a")
      assert.strictEqual(yield* run("a"), "Removed")
      yield* editService(
        { metadata: { annotations: { "service.beta.kubernetes.io/cloudstack-load-balancer": "false" } } },
        "b"
      )
      assert.strictEqual(yield* run("b"), "Removed")
      assert.deepStrictEqual((yield* balanced).rules, ["tcp 82>30082 roundrobin n1,n2"])
      assert.deepStrictEqual(yield* ingress("c"), [{ ip, ipMode: "VIP" }])
      yield* removeService("c")
      yield* run("c")
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(provide)
  )
})

describe("an address that is kept", () => {
  it.effect("is kept for its Service by those who share it, whoever goes first", () =>
    Effect.gen(function* () {
      const { ip } = yield* three
      yield* editService({ metadata: { annotations: annotated("keep-ip", "true") } }, "a")
      yield* run("a")
      for (const name of ["a", "b", "c"]) {
        yield* removeService(name)
        yield* run(name)
      }
      assert.deepStrictEqual(yield* balanced, { addresses: [ip], rules: [], firewall: [] })
      yield* applyService({ name: "a", ...on(80) })
      yield* run("a")
      assert.strictEqual(yield* ipOf("a"), ip)
    }).pipe(Effect.provide(bed()))
  )
})
