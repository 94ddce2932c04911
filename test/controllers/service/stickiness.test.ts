import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Inventory } from "../../../src/cloudstack/Inventory.ts"
import {
  annotated,
  applyNodes,
  applyService,
  balanced,
  bed,
  byHand,
  counting,
  editService,
  eventMessages,
  narrowRole,
  reconcile,
  removeService,
  wholeWorld,
  world,
  worldOf
} from "../../support/testBed.ts"

const nodes = applyNodes("n1", "n2", "n3")
const one = { spec: { ports: [{ port: 80, nodePort: 30_080 }] } }

const policies = Effect.map(world, ({ stickinessPolicies }) =>
  stickinessPolicies.map(({ method, params }) => [method, params] as const)
)
const without = (suffix: string) => ({
  metadata: { annotations: { [`service.beta.kubernetes.io/cloudstack-load-balancer-${suffix}`]: null } }
})

describe("stickiness", () => {
  it.effect("comes with the rule, changes in place and goes with the annotation", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* wholeWorld
      yield* applyService({ ...one, annotations: annotated("stickiness", "LbCookie cookie-name=node mode=insert") })
      const { mutations } = yield* counting(reconcile())
      assert.strictEqual(mutations["createLBStickinessPolicy"], 1)
      assert.isUndefined(mutations["updateLoadBalancerRule"])
      assert.deepStrictEqual(yield* policies, [["LbCookie", { "cookie-name": "node", mode: "insert" }]])
      const [rule] = (yield* world).loadBalancerRules

      yield* editService({ metadata: { annotations: annotated("stickiness", "SourceBased expire=30m") } })
      const changed = yield* counting(reconcile())
      assert.deepStrictEqual(changed.mutations, { createLBStickinessPolicy: 1 })
      assert.deepStrictEqual(yield* policies, [["SourceBased", { expire: "30m" }]])
      assert.strictEqual((yield* world).loadBalancerRules[0]?.id, rule?.id)
      assert.strictEqual(yield* reconcile(), "Converged")

      yield* editService(without("stickiness"))
      const removed = yield* counting(reconcile())
      assert.deepStrictEqual(removed.mutations, { deleteLBStickinessPolicy: 1 })
      assert.deepStrictEqual(yield* policies, [])
      assert.strictEqual(yield* reconcile(), "Converged")
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("is put on a rule that is there, with the annotations of the Go provider", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService(one)
      yield* reconcile()
      const annotations = {
        ...annotated("stickiness-method-name", "AppCookie"),
        ...annotated("stickiness-param-cookie-name", "JSESSIONID"),
        ...annotated("stickiness-param-length", "52")
      }
      yield* editService({ metadata: { annotations } })
      const { mutations } = yield* counting(reconcile())
      assert.deepStrictEqual(mutations, { updateLoadBalancerRule: 1, createLBStickinessPolicy: 1 })
      assert.deepStrictEqual(yield* policies, [["AppCookie", { "cookie-name": "JSESSIONID", length: "52" }]])
      assert.strictEqual(yield* reconcile(), "Converged")
      assert.deepStrictEqual(
        (yield* eventMessages()).filter((text) => text.startsWith("UnknownAnnotation")),
        []
      )
    }).pipe(Effect.provide(bed()))
  )

  it.effect("is kept when its rule is made anew, and mended when somebody removes it", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService({ ...one, annotations: annotated("stickiness", "LbCookie") })
      yield* reconcile()
      yield* editService({
        metadata: { annotations: annotated("stickiness", "???") },
        spec: { ports: [{ port: 80, nodePort: 31_080 }] }
      })
      yield* reconcile()
      assert.deepStrictEqual(yield* policies, [["LbCookie", {}]])
      yield* editService({ metadata: { annotations: annotated("stickiness", "LbCookie") } })
      const [policy] = (yield* world).stickinessPolicies
      yield* byHand("deleteLBStickinessPolicy", { id: policy?.id ?? "" })
      yield* editService({ metadata: { annotations: { touched: "yes" } } })
      yield* Effect.flatMap(Inventory, ({ expire }) => expire)
      yield* reconcile()
      assert.deepStrictEqual(yield* policies, [["LbCookie", {}]])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("leaves sessionAffinity to the algorithm", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService({ spec: { ...one.spec, sessionAffinity: "ClientIP" } })
      yield* reconcile()
      assert.deepStrictEqual((yield* balanced).rules, ["tcp 80>30080 source n1,n2,n3"])
      assert.deepStrictEqual(yield* policies, [])
    }).pipe(Effect.provide(bed()))
  )
})

describe("what the load balancer cannot do is refused once, before anything is made", () => {
  const refused = Effect.fnUntraced(function* (annotations: Readonly<Record<string, string>>, text: string | RegExp) {
    yield* nodes
    const before = yield* wholeWorld
    yield* applyService({ ...one, annotations })
    const { mutations } = yield* counting(
      Effect.gen(function* () {
        assert.strictEqual(yield* reconcile(), "Refused")
        assert.strictEqual(yield* reconcile(), "Refused")
      })
    )
    assert.deepStrictEqual(mutations, {})
    assert.deepStrictEqual(yield* wholeWorld, before)
    const [told, ...more] = yield* eventMessages()
    if (typeof text === "string") assert.strictEqual(told, text)
    else assert.match(told ?? "", text)
    assert.deepStrictEqual(more, [])
    // With what it can do the Service is served.
    yield* editService({
      metadata: { annotations: Object.fromEntries(Object.keys(annotations).map((name) => [name, null])) }
    })
    assert.strictEqual(yield* reconcile(), "Changed")
  })

  it.effect("a method", () =>
    refused(
      annotated("stickiness", "Magic"),
      "UnsupportedStickiness: metadata.annotations[service.beta.kubernetes.io/cloudstack-load-balancer-stickiness]: the network's load balancer knows no stickiness method Magic (it knows LbCookie, AppCookie, SourceBased). Choose what the network's offering has, or remove the annotation"
    ).pipe(Effect.provide(bed()))
  )

  it.effect("a parameter", () =>
    refused(
      annotated("stickiness", "SourceBased cookie-name=x"),
      "UnsupportedStickiness: metadata.annotations[service.beta.kubernetes.io/cloudstack-load-balancer-stickiness]: SourceBased has no parameter cookie-name (it has tablesize, expire). Choose what the network's offering has, or remove the annotation"
    ).pipe(Effect.provide(bed()))
  )

  it.effect("the role", () =>
    refused(
      annotated("stickiness", "LbCookie"),
      "StickinessForbidden: metadata.annotations[service.beta.kubernetes.io/cloudstack-load-balancer-stickiness]: the key's role may not make stickiness policies. Allow createLBStickinessPolicy, listLBStickinessPolicies, deleteLBStickinessPolicy and listApis to the role, or remove the annotation"
    ).pipe(Effect.provide(bed({ world: worldOf({ allow: narrowRole }) })))
  )

  it.effect("a text that is none", () =>
    refused(
      annotated("stickiness", "???"),
      /^InvalidAnnotation: .*"\?\?\?" is not understood\. Allowed: a method/
    ).pipe(Effect.provide(bed()))
  )

  it.effect("leaves an existing load balancer as it is", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService({ ...one, annotations: annotated("stickiness", "LbCookie") })
      yield* reconcile()
      yield* editService({ metadata: { annotations: annotated("stickiness", "Magic") } })
      const { mutations } = yield* counting(reconcile())
      assert.deepStrictEqual(mutations, {})
      assert.deepStrictEqual(yield* policies, [["LbCookie", {}]])
    }).pipe(Effect.provide(bed()))
  )
})
