/** Sources that are revoked are shut out, whatever else the Service cannot have and whoever made its rules. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { associate, initialised, leftBy } from "../../../support/goProviders.ts"
import { tierWorld } from "../../../support/networkKinds.ts"
import {
  annotated,
  applyNodes,
  applyService,
  balanced,
  bed,
  counting,
  editService,
  events,
  ingress,
  narrowRole,
  reconcile,
  world,
  worldOf
} from "../../../support/testBed.ts"

const office = "10.0.0.0/8"
const web = { name: "http", port: 80, nodePort: 30_080 }
const tls = { name: "https", port: 443, nodePort: 30_443 }
const usual = [web, tls]
const restricted = { loadBalancerSourceRanges: [office] }

/** A rule shows its list as one text, a firewall rule as a list. */
const listed = (cidrs: string | ReadonlyArray<string> = ""): string =>
  typeof cidrs === "string" ? cidrs : cidrs.join(",")

const served = Effect.andThen(applyNodes("n1", "n2"), applyService()).pipe(Effect.andThen(reconcile()))

/** Restricted together with one more port, which another Service has on the address. */
const askForTaken = Effect.gen(function* () {
  yield* served
  const ip = (yield* ingress())?.[0]?.ip
  yield* applyService({ name: "other", spec: { loadBalancerIP: ip, ports: [{ port: 8080, nodePort: 31_080 }] } })
  yield* reconcile("shop/other")
  yield* editService({ spec: { ...restricted, ports: [web, tls, { name: "x", port: 8080, nodePort: 30_444 }] } })
  assert.strictEqual(yield* reconcile(), "Refused")
  assert.include(yield* events(), "PortTaken")
})

const openedFor = Effect.map(world, ({ firewallRules }) => firewallRules.map(({ cidrs }) => listed(cidrs)).toSorted())

describe("revoked while the Service is refused", () => {
  it.effect("for a protocol that is not balanced", () =>
    Effect.gen(function* () {
      yield* served
      yield* editService({ spec: { ports: [...usual, { name: "s", port: 99, nodePort: 30_099, protocol: "SCTP" }] } })
      yield* reconcile()
      yield* editService({ spec: restricted })
      assert.strictEqual(yield* reconcile(), "Refused")
      assert.deepStrictEqual(yield* openedFor, [office, office])
      assert.deepStrictEqual((yield* counting(reconcile())).mutations, {})
    }).pipe(Effect.provide(bed()))
  )

  it.effect("for a port that another Service has on the address", () =>
    Effect.gen(function* () {
      yield* askForTaken
      assert.deepStrictEqual(yield* openedFor, ["0.0.0.0/0", office, office])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("for an address that is not to be had", () =>
    Effect.gen(function* () {
      yield* served
      yield* editService({ spec: { ...restricted, loadBalancerIP: "203.0.113.99" } })
      assert.strictEqual(yield* reconcile(), "Refused")
      assert.include(yield* events(), "AddressNotFree")
      assert.deepStrictEqual(yield* openedFor, [office, office])
      assert.deepStrictEqual((yield* counting(reconcile())).mutations, {})
    }).pipe(Effect.provide(bed()))
  )

  it.effect("for a port of a VPC tier", () =>
    Effect.gen(function* () {
      yield* askForTaken
      const { loadBalancerRules } = yield* world
      const lists = loadBalancerRules.map(({ cidrs, publicPort }) => `${publicPort} ${listed(cidrs)}`).toSorted()
      assert.deepStrictEqual(lists, [`443 ${office}`, `80 ${office}`, "8080 "])
    }).pipe(Effect.provide(bed({ world: tierWorld() })))
  )
})

describe("a rule of Apache's provider", () => {
  it.effect("keeps its sources when it is made anew", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      yield* initialised("Apache v1.2")
      yield* leftBy("Apache v1.2", { annotations: annotated("source-cidrs", office) })
      yield* reconcile()
      yield* editService({ spec: { ports: [{ ...web, nodePort: 31_080 }, tls] } })
      yield* reconcile()
      const { firewall, rules } = yield* balanced
      assert.isTrue(
        firewall.some((line) => line.startsWith("tcp 80") && line.endsWith(office)),
        JSON.stringify({ firewall, rules })
      )
      assert.deepStrictEqual((yield* counting(reconcile())).mutations, {})
    }).pipe(Effect.provide(bed()))
  )

  it.effect("keeps its sources when its port is forwarded instead", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      yield* initialised("Apache v1.2")
      yield* leftBy("Apache v1.2", { annotations: annotated("source-cidrs", office) })
      yield* reconcile()
      yield* editService({ metadata: { annotations: annotated("forward-ports", "80") } })
      yield* reconcile()
      assert.isTrue((yield* balanced).firewall.some((line) => line.startsWith("tcp 80") && line.endsWith(office)))
    }).pipe(Effect.provide(bed()))
  )

  for (const allow of [undefined, narrowRole]) {
    it.effect(`on the user's address, ${allow === undefined ? "full" : "narrow"} role, lets in only who is named`, () =>
      Effect.gen(function* () {
        yield* applyNodes("n1", "n2", "n3")
        yield* initialised("Apache v1.2")
        const address = yield* associate
        yield* leftBy("Apache v1.2", { address, spec: { loadBalancerIP: address.ip } })
        yield* reconcile()
        yield* editService({ spec: restricted })
        yield* reconcile()
        const { firewallRules, loadBalancerRules } = yield* world
        for (const rule of loadBalancerRules) {
          const border = firewallRules.filter(({ startPort }) => String(startPort) === String(rule.publicPort))
          assert.isTrue(
            listed(rule.cidrs) === office || border.every(({ cidrs }) => listed(cidrs) === office),
            JSON.stringify({ rule, border })
          )
        }
        assert.strictEqual(loadBalancerRules.length, 2)
        assert.deepStrictEqual((yield* counting(reconcile())).mutations, {})
      }).pipe(Effect.provide(bed({ world: worldOf(allow === undefined ? {} : { allow }) })))
    )
  }
})
