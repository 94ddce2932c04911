import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { associate, initialised, leftBy, type ProviderName } from "../../support/goProviders.ts"
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
  ingress,
  narrowRole,
  pass,
  reconcile,
  removeService,
  wholeWorld,
  world,
  worldOf
} from "../../support/testBed.ts"

const names: ReadonlyArray<ProviderName> = ["Apache v1.0", "Apache v1.1", "Apache v1.2", "Leaseweb"]

const nodes = applyNodes("n1", "n2", "n3")

/** Runs, and asserts that nothing but tags was made, of which it gives the number of calls; and once more, with nothing. */
const takenOver = Effect.gen(function* () {
  const state = Effect.map(world, ({ addresses, firewallRules, loadBalancerRules, pushes }) => ({
    addresses,
    firewallRules,
    loadBalancerRules,
    pushes
  }))
  const before = yield* state
  const { createTags = 0, ...others } = (yield* counting(reconcile())).mutations
  assert.deepStrictEqual(others, {})
  assert.deepStrictEqual(yield* state, before)
  const again = yield* counting(reconcile())
  assert.strictEqual(again.result, "Converged")
  assert.deepStrictEqual(again.mutations, {})
  return createTags
})

describe.each(names)("what %s made", (provider) => {
  it.effect("is taken over by tags only, and goes with its Service", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* wholeWorld
      yield* leftBy(provider)
      yield* initialised(provider)
      // The address, its rules, and its firewall rules.
      assert.strictEqual(yield* takenOver, 3)
      yield* removeService()
      const { mutations } = yield* counting(reconcile())
      assert.deepStrictEqual(mutations, { deleteTags: 1, disassociateIpAddress: 1 })
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("is taken over with its PROXY protocol and its sources", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* wholeWorld
      yield* leftBy(provider, {
        proxy: true,
        annotations: annotated("proxy-protocol", "true"),
        spec: { loadBalancerSourceRanges: ["192.0.2.0/24", "198.51.100.0/24"] }
      })
      yield* initialised(provider)
      yield* takenOver
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("on an address of the user's leaves the address, also when the Service no longer names it", () =>
    Effect.gen(function* () {
      yield* nodes
      const address = yield* associate
      const before = yield* wholeWorld
      yield* leftBy(provider, { address, spec: { loadBalancerIP: address.ip } })
      yield* takenOver
      yield* editService({ spec: { loadBalancerIP: null } })
      assert.deepStrictEqual((yield* counting(reconcile())).mutations, {})
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("on the source NAT address leaves it", () =>
    Effect.gen(function* () {
      yield* nodes
      // A network has one from its first rule or address on.
      yield* associate
      const source = (yield* world).addresses.find(({ sourceNat }) => sourceNat)
      if (source === undefined) return yield* Effect.die("no source NAT address")
      const before = yield* wholeWorld
      yield* leftBy(provider, { address: source, spec: { loadBalancerIP: source.ip } })
      yield* takenOver
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("beside rules made by hand leaves these and the address", () =>
    Effect.gen(function* () {
      yield* nodes
      const address = yield* associate
      yield* byHand("createLoadBalancerRule", {
        publicipid: address.id,
        name: "by hand",
        publicport: "8080",
        privateport: "8080",
        algorithm: "roundrobin",
        openfirewall: "false"
      })
      const before = yield* wholeWorld
      yield* leftBy(provider, { address })
      yield* takenOver
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("is left alone where nothing is to be taken over: the ports count as taken", () =>
    Effect.gen(function* () {
      yield* nodes
      const { address } = yield* leftBy(provider)
      const before = yield* wholeWorld
      yield* editService({ spec: { loadBalancerIP: address.ip } })
      assert.strictEqual(yield* reconcile(), "Refused")
      assert.match((yield* eventMessages()).join("\n"), /PortTaken/)
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed({ controller: { adopt: false } })))
  )

  it.effect("is taken over without the right to tag, too, and goes with its Service", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* wholeWorld
      yield* leftBy(provider)
      assert.strictEqual(yield* takenOver, 0)
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed({ world: worldOf({ allow: narrowRole }) })))
  )
})

const nobody = (suffix: string) => Object.fromEntries(Object.keys(annotated(suffix, "")).map((name) => [name, null]))

describe("adoption", () => {
  it.effect("an address that Apache's provider associated because it was named, is ours by its own mark", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* wholeWorld
      const address = yield* associate
      yield* leftBy("Apache v1.2", {
        address,
        annotations: annotated("ip-associated-by-controller", "true"),
        spec: { loadBalancerIP: address.ip }
      })
      yield* takenOver
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect(
    "rules with the same Leaseweb names on an address that the Service is not served on are another cluster's",
    () =>
      Effect.gen(function* () {
        yield* nodes
        const { address } = yield* leftBy("Leaseweb")
        const theirs = yield* wholeWorld
        yield* editService({
          metadata: { annotations: { ...nobody("id"), ...nobody("network-id") } },
          status: { loadBalancer: { ingress: null } }
        })
        // Whoever set the finalizer may have begun to allocate an address.
        yield* pass(90)
        yield* reconcile()
        assert.notStrictEqual((yield* ingress())?.[0]?.ip, address.ip)
        yield* removeService()
        yield* reconcile()
        assert.deepStrictEqual(yield* wholeWorld, theirs)
      }).pipe(Effect.provide(bed()))
  )

  it.effect("changes after it are made as for any Service", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* wholeWorld
      yield* leftBy("Leaseweb")
      yield* takenOver
      yield* editService({
        spec: {
          ports: [
            { name: "http", port: 80, nodePort: 30_080 },
            { name: "alt", port: 8443, nodePort: 30_444 }
          ],
          loadBalancerSourceRanges: ["192.0.2.0/24"]
        }
      })
      yield* reconcile()
      assert.deepStrictEqual((yield* balanced).firewall, ["tcp 80-80 192.0.2.0/24", "tcp 8443-8443 192.0.2.0/24"])
      assert.strictEqual((yield* counting(reconcile())).result, "Converged")
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("and back: what we make has the names and shapes of Apache's provider", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* leftBy("Apache v1.1", { name: "theirs" })
      const shapes = Effect.map(world, ({ firewallRules, loadBalancerRules }) => ({
        rules: loadBalancerRules.map(({ algorithm, members, name, privatePort, protocol, publicPort }) => ({
          algorithm,
          members: members.map(({ machine }) => machine).sort(),
          name: name.replace(/^a[0-9a-f]+-/, "a…-"),
          privatePort,
          protocol,
          publicPort
        })),
        firewall: firewallRules.map(({ cidrs, endPort, protocol, startPort }) => ({
          cidrs,
          endPort,
          protocol,
          startPort
        }))
      }))
      const theirs = yield* shapes
      yield* removeService("theirs")
      yield* reconcile("shop/theirs")
      yield* applyService()
      yield* reconcile()
      const ours = yield* shapes
      const sorted = <A>(list: ReadonlyArray<A>) => list.map((one) => JSON.stringify(one)).sort()
      assert.deepStrictEqual(sorted(ours.rules), sorted(theirs.rules))
      assert.deepStrictEqual(sorted(ours.firewall), sorted(theirs.firewall))
    }).pipe(Effect.provide(bed()))
  )
})
