import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Inventory } from "../../../src/cloudstack/Inventory.ts"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { ServiceController } from "../../../src/controllers/service/ServiceController.ts"
import {
  associate,
  initialised,
  leftBy,
  leftInTier,
  type ProviderName,
  remadeByApache
} from "../../support/goProviders.ts"
import { tierWorld } from "../../support/networkKinds.ts"
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
  inTime,
  narrowRole,
  pass,
  reconcile,
  removeService,
  restarted,
  wholeWorld,
  world,
  worldOf
} from "../../support/testBed.ts"

const anew = restarted()

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

  it.effect("leaves no tag behind when it goes, cut off before them and then refused once", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* wholeWorld
      yield* leftBy(provider)
      yield* initialised(provider)
      yield* takenOver
      yield* removeService()
      yield* (yield* Simulator).inject([
        { command: "deleteTags", fault: { _tag: "delay", millis: 3_600_000 } },
        { command: "deleteTags", occurrence: 2, fault: { _tag: "failJob", code: 530, result: true } }
      ])
      yield* anew(inTime(Effect.timeoutOption(ServiceController.reconcile("shop/web"), "10 seconds")))
      assert.isAbove((yield* world).tags.length, 0)
      assert.strictEqual(yield* anew(reconcile()), "Removed")
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

/** Nothing denies behind what is appended to the list. */
const openTier = (() => {
  const world = tierWorld()
  return { ...world, aclLists: [{ ref: "acl1", name: "acl1", vpc: "vpc1", items: [] }] }
})()

const nobody = (suffix: string) => Object.fromEntries(Object.keys(annotated(suffix, "")).map((name) => [name, null]))

describe("adoption", () => {
  it.effect(
    "on a user's address, without the right to tag: sources that are revoked later are closed, and nothing stays",
    () =>
      Effect.gen(function* () {
        yield* nodes
        const address = yield* associate
        const before = yield* wholeWorld
        yield* leftBy("Apache v1.2", { address, spec: { loadBalancerIP: address.ip } })
        yield* takenOver
        yield* editService({ spec: { loadBalancerSourceRanges: ["192.0.2.0/24"] } })
        yield* reconcile()
        assert.deepStrictEqual((yield* balanced).firewall, ["tcp 443-443 192.0.2.0/24", "tcp 80-80 192.0.2.0/24"])
        yield* removeService()
        yield* reconcile()
        assert.deepStrictEqual(yield* wholeWorld, before)
      }).pipe(Effect.provide(bed({ world: worldOf({ allow: narrowRole }) })))
  )

  it.effect.each<readonly [string, Readonly<Record<string, unknown>>, ReadonlyArray<string>]>([
    ["10.1.0.0/16", {}, ["0.0.0.0/0"]],
    ["10.1.0.0/16", { loadBalancerSourceRanges: ["10.0.0.0/8"] }, ["10.0.0.0/8"]],
    ["10.0.0.0/8,198.51.100.0/24", { loadBalancerSourceRanges: ["10.1.0.0/16"] }, ["10.1.0.0/16"]]
  ])("v1.2's list on the rules (%s) and the one on the firewall %j stay as they are", ([text, spec, border]) =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* wholeWorld
      yield* leftBy("Apache v1.2", { annotations: annotated("source-cidrs", text), spec })
      yield* initialised("Apache v1.2")
      assert.strictEqual(yield* takenOver, 3)
      const lists = Effect.map(world, ({ firewallRules, loadBalancerRules }) => ({
        rules: loadBalancerRules.map(({ cidrs = "" }) => cidrs.split(/[ ,]/)),
        firewall: firewallRules.map(({ cidrs }) => [cidrs].flat())
      }))
      assert.deepStrictEqual((yield* lists).firewall, [border, border])
      // From the first change on both are the one list.
      yield* editService({ spec: { loadBalancerSourceRanges: ["10.1.2.0/24"] } })
      yield* reconcile()
      const narrowed = ["10.1.2.0/24"]
      assert.deepStrictEqual(yield* lists, { rules: [narrowed, narrowed], firewall: [narrowed, narrowed] })
      assert.strictEqual((yield* counting(reconcile())).result, "Converged")
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("sources that somebody opened by hand meanwhile are closed, as for any Service", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* leftBy("Apache v1.2", { annotations: annotated("source-cidrs", "10.1.0.0/16") })
      yield* takenOver
      for (const { id } of (yield* world).loadBalancerRules) {
        yield* byHand("updateLoadBalancerRule", { id, cidrlist: "0.0.0.0/0" })
      }
      yield* Effect.flatMap(Inventory, (inventory) => inventory.expire)
      yield* reconcile()
      assert.deepStrictEqual((yield* balanced).firewall, ["tcp 443-443 10.1.0.0/16", "tcp 80-80 10.1.0.0/16"])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("in a VPC tier: Apache's own items in the list do for its rules, and stay", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3", "n4")
      yield* leftInTier("tier1", "acl1")
      const items = Effect.map(world, ({ aclLists }) => aclLists.find(({ name }) => name === "acl1")?.items ?? [])
      const theirs = yield* items
      yield* takenOver
      assert.deepStrictEqual(yield* items, theirs)
      // One that they take away is made, with our mark.
      const gone = theirs.find(({ startPort }) => startPort === 443)?.id ?? ""
      yield* byHand("deleteNetworkACL", { id: gone })
      yield* Effect.flatMap(Inventory, (inventory) => inventory.expire)
      assert.deepStrictEqual((yield* counting(reconcile())).mutations, { createNetworkACL: 1 })
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(
        yield* items,
        theirs.filter(({ id }) => id !== gone)
      )
    }).pipe(Effect.provide(bed({ world: openTier })))
  )

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

  it.effect("rules with the same Leaseweb names are not had by an annotation that users can write", () =>
    Effect.gen(function* () {
      yield* nodes
      const { address } = yield* leftBy("Leaseweb")
      const theirs = yield* wholeWorld
      yield* editService({ status: { loadBalancer: { ingress: null } } })
      // Whoever set the finalizer may have begun to allocate an address.
      yield* pass(90)
      yield* reconcile()
      assert.notStrictEqual((yield* ingress())?.[0]?.ip, address.ip)
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, theirs)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("of a Leaseweb Service that shows a hostname goes by the address that was noted", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* leftBy("Leaseweb", { annotations: annotated("hostname", "lb.example.org") })
      yield* editService({ status: { loadBalancer: { ingress: [{ hostname: "lb.example.org" }] } } })
      yield* takenOver
      assert.deepStrictEqual(yield* ingress(), [{ hostname: "lb.example.org" }])
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

  for (const [role, options] of [
    ["a user's role", {}],
    ["CKS's narrow role", { allow: narrowRole }]
  ] as const) {
    for (const ports of [[80], [80, 443]]) {
      it.effect(
        `and back, and here again: what Apache's provider made anew is taken over (${ports}), with ${role}`,
        () =>
          Effect.gen(function* () {
            yield* nodes
            const before = yield* wholeWorld
            yield* applyService()
            yield* reconcile()
            const made = yield* balanced
            for (const port of ports) yield* remadeByApache(port)
            assert.deepStrictEqual(yield* balanced, made)
            yield* restarted()(takenOver)
            yield* removeService()
            yield* restarted()(reconcile())
            assert.deepStrictEqual(yield* wholeWorld, before)
          }).pipe(Effect.provide(bed({ world: worldOf(options) })))
      )
    }
  }
})
