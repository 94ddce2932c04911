/** Whose things are, as CloudStack says it: nothing that is written into a Service makes anything ours, or lets go of it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { ClusterId } from "../../../../src/controllers/ClusterIdentity.ts"
import { Services } from "../../../../src/kubernetes/Services.ts"
import { associate } from "../../../support/goProviders.ts"
import { tierWorld } from "../../../support/networkKinds.ts"
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
  narrowRole,
  reconcile,
  removeService,
  restarted,
  wholeWorld,
  world,
  worldOf
} from "../../../support/testBed.ts"

const port = (number: number) => ({ name: `p${number}`, port: number, nodePort: 30_000 + number })
const web = { spec: { ports: [port(80)] } }
const uidOf = (name = "web") =>
  Effect.map(
    Effect.flatMap(Services, (services) => services.find(`shop/${name}`)),
    (found) => Option.getOrThrow(found).uid
  )
const ipOf = (name = "web") => Effect.map(ingress(name), (shown) => shown?.[0]?.ip ?? assert.fail("no address"))

describe("the marks", () => {
  it.effect("say on rules, addresses and firewall rules which cluster and which Service", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService(web)
      yield* reconcile()
      const uid = yield* uidOf()
      const { loadBalancerRules, tags } = yield* world
      assert.deepStrictEqual(
        loadBalancerRules.map(({ description, name }) => [name, description]),
        [[`a${uid.replaceAll("-", "")}`.slice(0, 32) + "-tcp-80", `cloudstack-ccm:test-cluster:${uid}:owned`]]
      )
      const own = [
        ["cloudstack-ccm/cluster", "test-cluster"],
        ["cloudstack-ccm/service", `shop/web/${uid}`]
      ]
      const of = (wanted: string) => tags.filter(({ type }) => type === wanted).map(({ key, value }) => [key, value])
      assert.sameDeepMembers(of("PublicIpAddress"), own)
      assert.sameDeepMembers(of("FirewallRule"), own)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("say of a given address that it is the user's, from the first rule on", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const own = yield* associate
      yield* applyService({ spec: { ...web.spec, loadBalancerIP: own.ip } })
      yield* reconcile()
      const uid = yield* uidOf()
      const { loadBalancerRules, tags } = yield* world
      assert.match(loadBalancerRules[0]?.description ?? "", new RegExp(`^cloudstack-ccm:test-cluster:${uid}:given`))
      assert.deepStrictEqual(
        tags.filter(({ type }) => type === "PublicIpAddress"),
        []
      )
    }).pipe(Effect.provide(bed()))
  )
})

describe("what users can write into a Service", () => {
  it.effect("the id of somebody's address: it is not touched, and the note is put right", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const own = yield* associate
      yield* byHand("createFirewallRule", {
        ipaddressid: own.id,
        protocol: "tcp",
        startport: "80",
        endport: "80",
        cidrlist: "10.0.0.0/8"
      })
      const before = yield* wholeWorld
      yield* applyService({ ...web, annotations: annotated("id", own.id) })
      yield* reconcile()
      assert.notStrictEqual(yield* ipOf(), own.ip)
      yield* editService({ metadata: { annotations: annotated("id", own.id) } })
      yield* restarted()(reconcile())
      assert.strictEqual(yield* restarted()(reconcile()), "Converged")
      yield* editService({ metadata: { annotations: annotated("id", own.id) } })
      yield* removeService()
      assert.strictEqual(yield* restarted()(reconcile()), "Removed")
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("the id of another Service's address: that Service is served undisturbed", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService({ name: "other", spec: { ports: [port(81)] } })
      yield* reconcile("shop/other")
      const before = yield* wholeWorld
      const { addresses } = yield* world
      const id = addresses.find(({ sourceNat }) => !sourceNat)?.id ?? ""
      yield* applyService({ ...web, annotations: annotated("id", id) })
      yield* reconcile()
      assert.notStrictEqual(yield* ipOf(), yield* ipOf("other"))
      yield* editService({ metadata: { annotations: annotated("id", id) } })
      yield* removeService()
      yield* restarted()(reconcile())
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect.each(["a user's role", "CKS's narrow role"])(
    "Apache's mark that the address was associated for it: a given address is not released for that (%s)",
    (role) =>
      Effect.gen(function* () {
        yield* applyNodes("n1")
        const own = yield* associate
        const before = yield* wholeWorld
        yield* applyService({
          annotations: annotated("ip-associated-by-controller", "true"),
          spec: { ...web.spec, loadBalancerIP: own.ip }
        })
        yield* reconcile()
        yield* editService({ spec: { loadBalancerIP: null } })
        yield* restarted()(reconcile())
        yield* removeService()
        yield* restarted()(reconcile())
        assert.deepStrictEqual(yield* wholeWorld, before)
      }).pipe(Effect.provide(bed({ world: worldOf(role.startsWith("CKS") ? { allow: narrowRole } : {}) })))
  )
})

describe("a cluster that is called otherwise now", () => {
  for (const [what, options] of [
    ["a user's role", {}],
    ["CKS's narrow role", { world: worldOf({ allow: narrowRole }) }],
    ["a VPC tier", { world: tierWorld() }]
  ] as const) {
    it.effect(`still owns what it made under the name before (${what})`, () =>
      Effect.gen(function* () {
        yield* applyNodes("n1")
        const before = yield* wholeWorld
        yield* applyService(web)
        yield* reconcile()
        const renamed = Effect.provideService(restarted()(reconcile()), ClusterId, {
          id: "new-name",
          previous: ["older", "test-cluster"]
        })
        assert.deepStrictEqual((yield* counting(renamed)).mutations, {})
        yield* editService({ spec: { ports: [port(80), port(81)] } })
        yield* renamed
        assert.strictEqual((yield* balanced).rules.length, 2)
        assert.strictEqual((yield* counting(renamed)).result, "Converged")
        yield* removeService()
        assert.strictEqual(yield* renamed, "Removed")
        assert.deepStrictEqual(yield* wholeWorld, before)
      }).pipe(Effect.provide(bed(options)))
    )
  }

  it.effect("owns nothing of it without that name: the ports are another's", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService(web)
      yield* reconcile()
      const before = yield* wholeWorld
      const ip = yield* ipOf()
      yield* editService({ spec: { loadBalancerIP: ip } })
      const stranger = Effect.provideService(restarted()(reconcile()), ClusterId, { id: "new-name", previous: [] })
      assert.strictEqual(yield* stranger, "Refused")
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )
})

describe("a copy of a cluster, with an id of its own and Services of the same UIDs", () => {
  for (const [what, options] of [
    ["a user's role", {}],
    ["CKS's narrow role", { world: worldOf({ allow: narrowRole }) }],
    ["a VPC tier", { world: tierWorld() }]
  ] as const) {
    it.effect(`gets an address of its own and leaves the original's alone (${what})`, () =>
      Effect.gen(function* () {
        yield* applyNodes("n1")
        yield* applyService(web)
        yield* reconcile()
        const original = yield* wholeWorld
        // As a backup has it.
        yield* editService({ metadata: { finalizers: null }, status: { loadBalancer: { ingress: null } } })
        const copy = Effect.provideService(restarted()(reconcile()), ClusterId, { id: "copy", previous: [] })
        assert.strictEqual(yield* copy, "Changed")
        const [first, second] = (yield* world).loadBalancerRules
        assert.notStrictEqual(second?.address, first?.address)
        assert.strictEqual(yield* copy, "Converged")
        yield* removeService()
        assert.strictEqual(yield* copy, "Removed")
        assert.deepStrictEqual(yield* wholeWorld, original)
      }).pipe(Effect.provide(bed(options)))
    )
  }
})

describe("a node port that one Service has given up and the next one has got", () => {
  const dns = { name: "dns", port: 53, nodePort: 30_053, protocol: "UDP" }

  it.effect("leads nobody to the address where the forward to it still is", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService({ spec: { ports: [port(80), dns] } })
      yield* reconcile()
      // As a crash leaves it between its making and its mark.
      const id = (yield* world).portForwardingRules[0]?.id ?? ""
      yield* byHand("deleteTags", { resourceids: id, resourcetype: "PortForwardingRule" })
      yield* editService({ spec: { ports: [port(80)] } })
      yield* applyService({ name: "api", spec: { ports: [{ ...port(80), nodePort: 31_080 }, dns] } })
      yield* restarted()(
        Effect.gen(function* () {
          assert.strictEqual(yield* reconcile("shop/api"), "Changed")
          assert.notStrictEqual(yield* ipOf("api"), yield* ipOf())
          yield* reconcile()
          const { firewallRules, portForwardingRules } = yield* world
          const api = yield* ipOf("api")
          assert.deepStrictEqual(
            portForwardingRules.map(({ address }) => address),
            [api]
          )
          const open = firewallRules.filter(({ protocol }) => protocol === "udp")
          assert.deepStrictEqual(
            open.map(({ address }) => address),
            [api]
          )
        })
      )
    }).pipe(Effect.provide(bed()))
  )
})
