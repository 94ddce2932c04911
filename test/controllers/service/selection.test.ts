import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream, SubscriptionRef } from "effect"
import { type CloudSettings, Settings } from "../../../src/config/Settings.ts"
import { ServiceOptions } from "../../../src/controllers/service/options.ts"
import { associate } from "../../support/goProviders.ts"
import {
  applyNodes,
  applyService,
  balanced,
  bed,
  counting,
  editNode,
  editService,
  eventMessages,
  events,
  ingress,
  kubeWrites,
  pass,
  reconcile,
  removeService,
  settings,
  started,
  wholeWorld
} from "../../support/testBed.ts"

const name = "service.beta.kubernetes.io/cloudstack-load-balancer"
const flagged = (text: string | null) => ({ metadata: { annotations: { [name]: text } } })
const finalizer = "service.kubernetes.io/load-balancer-cleanup"
const nodes = applyNodes("n1", "n2")

const withPolicy = (servicePolicy: CloudSettings["servicePolicy"]) =>
  Effect.provide(Settings.layerOf({ ...settings, servicePolicy }))
const withClass = (loadBalancerClass: string) => Effect.provide(ServiceOptions.layerOf({ loadBalancerClass }))

describe("service-policy: annotated", () => {
  it.effect("serves only what says so", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* wholeWorld
      yield* applyService()
      const writes = yield* kubeWrites
      assert.strictEqual(yield* reconcile(), "NotOurs")
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.deepStrictEqual(yield* kubeWrites, writes)
      yield* editService(flagged("true"))
      assert.strictEqual(yield* reconcile(), "Changed")
      assert.strictEqual((yield* balanced).rules.length, 2)
    }).pipe(Effect.provide(bed({ settings: { servicePolicy: "annotated" } })))
  )

  it.effect("switched on leaves what is there, and says so once; its own deletion removes it", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* wholeWorld
      yield* applyService()
      yield* reconcile()
      const served = yield* wholeWorld
      const shown = yield* ingress()
      const { mutations } = yield* counting(
        Effect.gen(function* () {
          assert.strictEqual(yield* reconcile(), "NotOurs")
          yield* editNode("n2", { metadata: { labels: { any: "thing" } } })
          assert.strictEqual(yield* reconcile(), "NotOurs")
        }).pipe(withPolicy("annotated"))
      )
      assert.deepStrictEqual(mutations, {})
      assert.deepStrictEqual(yield* wholeWorld, served)
      assert.deepStrictEqual(yield* ingress(), shown)
      const told = (yield* eventMessages()).filter((text) => text.startsWith("LeftAlone"))
      assert.strictEqual(told.length, 1)
      assert.match(told[0] ?? "", /its load balancer on \S+ stays, but is not kept up to date any more/)
      yield* removeService()
      assert.strictEqual(yield* reconcile().pipe(withPolicy("annotated")), "Removed")
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.isUndefined(yield* ingress())
    }).pipe(Effect.provide(bed()))
  )
})

describe("the annotation", () => {
  it.effect("false removes the load balancer and lets the Service go to others", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* wholeWorld
      yield* applyService()
      yield* reconcile()
      yield* editService(flagged("false"))
      assert.strictEqual(yield* reconcile(), "Removed")
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.deepStrictEqual(yield* ingress(), [])
      assert.strictEqual(yield* reconcile(), "NotOurs")
      yield* editService(flagged(null))
      assert.strictEqual(yield* reconcile(), "Changed")
    }).pipe(Effect.provide(bed()))
  )

  it.effect("false leaves alone what another controller has published and holds", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService({ annotations: { [name]: "false" } })
      yield* editService({
        metadata: { finalizers: [finalizer] },
        status: { loadBalancer: { ingress: [{ ip: "192.0.2.77", ipMode: "VIP" }] } }
      })
      const writes = yield* kubeWrites
      assert.strictEqual(yield* reconcile(), "NotOurs")
      assert.deepStrictEqual(yield* ingress(), [{ ip: "192.0.2.77", ipMode: "VIP" }])
      assert.deepStrictEqual(yield* kubeWrites, writes)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("that is not understood lets nothing begin, and ends nothing", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* wholeWorld
      yield* applyService({ annotations: { [name]: "flase" } })
      assert.strictEqual(yield* reconcile(), "Refused")
      assert.strictEqual(yield* reconcile(), "Refused")
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.deepStrictEqual(yield* eventMessages(), [
        `InvalidAnnotation: metadata.annotations[${name}]: "flase" is not understood. Allowed: true/false (also enabled/disabled, yes/no, on/off, 1/0 in any case). Until then an existing load balancer stays, a new one waits`
      ])
      yield* editService(flagged("on"))
      assert.strictEqual(yield* reconcile(), "Changed")
      yield* editService(flagged("flase"))
      assert.strictEqual(yield* reconcile(), "Converged")
    }).pipe(Effect.provide(bed()))
  )
})

describe("--load-balancer-class", () => {
  it.effect("changed leaves what is there; deletion removes it and lets the Service go", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* wholeWorld
      yield* applyService()
      yield* reconcile()
      const served = yield* wholeWorld
      assert.strictEqual(yield* reconcile().pipe(withClass("example.org/new")), "NotOurs")
      assert.deepStrictEqual(yield* wholeWorld, served)
      assert.include(yield* events(), "LeftAlone")
      yield* removeService()
      assert.strictEqual(yield* reconcile().pipe(withClass("example.org/new")), "Removed")
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.isUndefined(yield* ingress())
    }).pipe(Effect.provide(bed()))
  )
})

describe("settings that change while the controller runs", () => {
  it.effect(
    "addresses that may be named: a Service that waits for it is served at once, one that is served stays",
    () =>
      Effect.gen(function* () {
        const only = (...allowedAddresses: ReadonlyArray<string>): CloudSettings => ({ ...settings, allowedAddresses })
        const ref = yield* SubscriptionRef.make(only("203.0.113.0/24"))
        const live = Layer.succeed(Settings, {
          current: SubscriptionRef.get(ref),
          changes: Stream.concat(SubscriptionRef.changes(ref), Stream.never)
        })
        yield* Effect.gen(function* () {
          yield* nodes
          const { ip } = yield* associate
          yield* applyService({ spec: { loadBalancerIP: ip } })
          yield* started
          yield* pass(20)
          assert.deepStrictEqual(yield* events(), ["AddressNotAllowed"])
          yield* SubscriptionRef.set(ref, only("203.0.113.0/24", `${ip}/32`))
          yield* pass(20)
          assert.strictEqual((yield* balanced).rules.length, 2)
          const served = yield* balanced
          yield* SubscriptionRef.set(ref, only("203.0.113.0/24"))
          yield* pass(700)
          assert.deepStrictEqual(yield* balanced, served)
          assert.strictEqual((yield* events()).filter((reason) => reason === "AddressNotAllowed").length, 2)
        }).pipe(Effect.provide(live))
      }).pipe(Effect.provide(bed()))
  )

  it.effect("the policy is followed at once", () =>
    Effect.gen(function* () {
      const ref = yield* SubscriptionRef.make<CloudSettings>({ ...settings, servicePolicy: "annotated" })
      const live = Layer.succeed(Settings, {
        current: SubscriptionRef.get(ref),
        changes: Stream.concat(SubscriptionRef.changes(ref), Stream.never)
      })
      yield* Effect.gen(function* () {
        yield* nodes
        yield* applyService()
        yield* started
        yield* pass(20)
        assert.deepStrictEqual((yield* balanced).rules, [])
        yield* SubscriptionRef.set(ref, settings)
        yield* pass(20)
        assert.strictEqual((yield* balanced).rules.length, 2)
      }).pipe(Effect.provide(live))
    }).pipe(Effect.provide(bed()))
  )
})
