import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  annotated,
  applyNodes,
  applyService,
  balanced,
  bed,
  counting,
  editNode,
  editService,
  eventMessages,
  pass,
  reconcile,
  started,
  world,
  worldOf
} from "../../support/testBed.ts"

const one = { ports: [{ port: 80, nodePort: 30_080 }] }
const names = (count: number) => Array.from({ length: count }, (_, index) => `n${index + 1}`)
const members = Effect.map(
  world,
  ({ loadBalancerRules }) =>
    new Map(loadBalancerRules.map(({ id, members: all }) => [id, all.map(({ machine }) => machine).sort()]))
)

describe("max-members", () => {
  const [services, nodes, most] = [24, 8, 2]
  const many = bed({ world: worldOf({ nodes: nodes + 1 }) })
  const start = Effect.gen(function* () {
    yield* applyNodes(...names(nodes))
    for (let index = 0; index < services; index++) {
      const ports = [{ port: 80, nodePort: 30_100 + index }]
      yield* applyService({ name: `s${index}`, annotations: annotated("max-members", String(most)), spec: { ports } })
    }
    yield* started
    yield* pass(60)
    return yield* members
  })

  it.effect("a node that goes touches only the rules that had it, and gives each another", () =>
    Effect.gen(function* () {
      const before = yield* start
      assert.strictEqual(before.size, services)
      for (const [, all] of before) assert.strictEqual(all.length, most)
      const had = [...before.values()].filter((all) => all.includes("n1")).length
      // About most / nodes of the Services: 6 of 24.
      assert.isAbove(had, 0)
      assert.isBelow(had, services / 2)
      const label = "node.kubernetes.io/exclude-from-external-load-balancers"
      const { mutations } = yield* counting(
        Effect.andThen(editNode("n1", { metadata: { labels: { [label]: "" } } }), pass(40))
      )
      assert.deepStrictEqual(mutations, { assignToLoadBalancerRule: had, removeFromLoadBalancerRule: had })
      const after = yield* members
      for (const [id, all] of after) {
        assert.strictEqual(all.length, most)
        if (!before.get(id)?.includes("n1")) assert.deepStrictEqual(all, before.get(id))
      }
    }).pipe(Effect.provide(many))
  )

  it.effect("a node that comes touches only the rules that take it", () =>
    Effect.gen(function* () {
      const before = yield* start
      const { mutations } = yield* counting(Effect.andThen(applyNodes(`n${nodes + 1}`), pass(40)))
      const after = yield* members
      const took = [...after.values()].filter((all) => all.includes(`n${nodes + 1}`)).length
      assert.isBelow(took, services / 2)
      assert.deepStrictEqual(
        mutations,
        took === 0 ? {} : { assignToLoadBalancerRule: took, removeFromLoadBalancerRule: took }
      )
      for (const [id, all] of after) {
        if (!all.includes(`n${nodes + 1}`)) assert.deepStrictEqual(all, before.get(id))
      }
    }).pipe(Effect.provide(many))
  )

  it.effect("that is no number keeps nobody out, and a new Service waits for it", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      yield* applyService({ spec: one, annotations: annotated("max-members", "few") })
      assert.strictEqual(yield* reconcile(), "Refused")
      assert.match((yield* eventMessages())[0] ?? "", /^InvalidAnnotation: .*Allowed: a whole number from 1/)
      yield* editService({ metadata: { annotations: annotated("max-members", "1") } })
      yield* reconcile()
      const chosen = [...(yield* members).values()][0] ?? []
      assert.strictEqual(chosen.length, 1)
      // From then on a typo changes nothing, but a member that goes is replaced.
      yield* editService({ metadata: { annotations: annotated("max-members", "few") } })
      const { mutations } = yield* counting(reconcile())
      assert.deepStrictEqual(mutations, {})
      assert.deepStrictEqual([...(yield* members).values()][0], chosen)
      const label = "node.kubernetes.io/exclude-from-external-load-balancers"
      yield* editNode(chosen[0] ?? "", { metadata: { labels: { [label]: "" } } })
      yield* reconcile()
      const now = [...(yield* members).values()][0] ?? []
      assert.isAbove(now.length, 0)
      assert.notInclude(now, chosen[0])
    }).pipe(Effect.provide(bed()))
  )
})

describe("node-selector", () => {
  it.effect("takes the nodes with the labels, and follows their labels", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      yield* editNode("n1", { metadata: { labels: { pool: "edge" } } })
      yield* applyService({ spec: one, annotations: annotated("node-selector", "pool in (edge,border),!drained") })
      yield* started
      yield* pass(20)
      assert.deepStrictEqual((yield* balanced).rules, ["tcp 80>30080 roundrobin n1"])
      yield* editNode("n3", { metadata: { labels: { pool: "border" } } })
      yield* pass(20)
      assert.deepStrictEqual((yield* balanced).rules, ["tcp 80>30080 roundrobin n1,n3"])
      yield* editNode("n1", { metadata: { labels: { drained: "" } } })
      yield* pass(20)
      assert.deepStrictEqual((yield* balanced).rules, ["tcp 80>30080 roundrobin n3"])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("that selects nobody empties no load balancer, and is told once", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2")
      yield* applyService({ spec: one })
      yield* reconcile()
      yield* editService({ metadata: { annotations: annotated("node-selector", "pool=none") } })
      const { mutations } = yield* counting(Effect.andThen(reconcile(), reconcile()))
      assert.deepStrictEqual(mutations, {})
      assert.deepStrictEqual((yield* balanced).rules, ["tcp 80>30080 roundrobin n1,n2"])
      assert.deepStrictEqual(
        (yield* eventMessages()).filter((text) => text.startsWith("NoNodeSelected")),
        [
          "NoNodeSelected: The annotation service.beta.kubernetes.io/cloudstack-load-balancer-node-selector selects none of the nodes; the members that exist stay"
        ]
      )
    }).pipe(Effect.provide(bed()))
  )
})
