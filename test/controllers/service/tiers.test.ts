import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { narrowedKinds, tierWorld } from "../../support/networkKinds.ts"
import { olderServer } from "../../support/olderServer.ts"
import { as } from "../../support/simulated.ts"
import { everything } from "../../support/strangers.ts"
import {
  applyNodes,
  applyService,
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
  started,
  world
} from "../../support/testBed.ts"

const start = (spec: Readonly<Record<string, unknown>> = {}) =>
  Effect.gen(function* () {
    yield* applyNodes("n1", "n2", "n3")
    yield* applyService({ spec })
    return yield* counting(reconcile())
  })

/** The same ports on node ports of their own. */
const portsOf = (index: number) => [
  { name: "http", port: 80, nodePort: 31_000 + 2 * index },
  { name: "https", port: 443, nodePort: 31_001 + 2 * index }
]

const itemsOf = (list = "acl1") =>
  Effect.map(world, ({ aclLists }) => aclLists.find(({ name }) => name === list)?.items ?? [])

/** The controller's own items, as lines. */
const ours = (list?: string) =>
  Effect.map(itemsOf(list), (items) =>
    items
      .filter(({ reason }) => reason?.startsWith("cloudstack-ccm:test-cluster:"))
      .map(({ cidrs, number, startPort }) => `${number}: ${startPort} from ${cidrs}`)
      .sort()
  )
const rules = Effect.map(world, ({ loadBalancerRules }) =>
  loadBalancerRules.map(({ cidrs, publicPort }) => `${publicPort} from ${cidrs ?? "anywhere"}`).sort()
)
const warnings = Effect.map(eventMessages(), (all) => all.filter((text) => !/^Ensur/.test(text)))

describe("a Service in a VPC tier", () => {
  it.effect("has its sources on the rules and in the tier's list, and its mark in the reason", () =>
    Effect.gen(function* () {
      const { mutations } = yield* start({ loadBalancerSourceRanges: ["192.0.2.0/24", "10.0.0.0/8"] })
      assert.deepStrictEqual(mutations, {
        associateIpAddress: 1,
        createTags: 1,
        createLoadBalancerRule: 2,
        assignToLoadBalancerRule: 2,
        createNetworkACL: 2
      })
      assert.deepStrictEqual(yield* rules, ["443 from 10.0.0.0/8 192.0.2.0/24", "80 from 10.0.0.0/8 192.0.2.0/24"])
      assert.deepStrictEqual((yield* ours()).map((line) => line.replace(/^\d+/, "N")).sort(), [
        "N: 443 from 10.0.0.0/8,192.0.2.0/24",
        "N: 80 from 10.0.0.0/8,192.0.2.0/24"
      ])
      const [service] = (yield* itemsOf()).flatMap(({ reason = "" }) => (reason === "" ? [] : [reason]))
      assert.match(service ?? "", /^cloudstack-ccm:test-cluster:[0-9a-f-]{36}$/)
    }).pipe(Effect.provide(bed({ world: tierWorld() })))
  )

  it.effect("changes its sources in place, one command per rule and item", () =>
    Effect.gen(function* () {
      yield* start()
      yield* editService({ spec: { loadBalancerSourceRanges: ["10.0.0.0/8"] } })
      const { mutations } = yield* counting(reconcile())
      assert.deepStrictEqual(mutations, { updateLoadBalancerRule: 2, updateNetworkACLItem: 2 })
      assert.deepStrictEqual(yield* rules, ["443 from 10.0.0.0/8", "80 from 10.0.0.0/8"])
    }).pipe(Effect.provide(bed({ world: tierWorld() })))
  )

  it.effect("replaces items where the role may not change them", () =>
    Effect.gen(function* () {
      yield* start()
      yield* editService({ spec: { loadBalancerSourceRanges: ["10.0.0.0/8"] } })
      const { mutations } = yield* counting(reconcile())
      assert.deepStrictEqual(mutations, { updateLoadBalancerRule: 2, createNetworkACL: 2, deleteNetworkACL: 2 })
      assert.strictEqual((yield* ours()).length, 2)
      assert.strictEqual(yield* reconcile(), "Converged")
    }).pipe(Effect.provide(bed({ world: tierWorld({ allow: narrowRole }), account: "bob", project: "p1" })))
  )

  it.effect("shares the list with other tiers and Services, item by item", () =>
    Effect.gen(function* () {
      yield* start()
      yield* applyService({ name: "second", spec: { ports: portsOf(1) } })
      yield* reconcile("shop/second")
      assert.strictEqual((yield* ours()).length, 4)
      yield* removeService()
      yield* reconcile()
      assert.strictEqual((yield* ours()).length, 2)
      assert.strictEqual(yield* reconcile("shop/second"), "Converged")
    }).pipe(Effect.provide(bed({ world: tierWorld() })))
  )

  it.effect("many at once get numbers of their own", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* started
      const names = Array.from({ length: 12 }, (_, index) => `s${index}`)
      yield* Effect.forEach(names, (name, index) => applyService({ name, spec: { ports: portsOf(index) } }))
      yield* pass(30)
      assert.strictEqual((yield* ours()).length, 24)
      for (const name of names) {
        assert.deepStrictEqual(
          (yield* eventMessages(name)).map((text) => text.split(":")[0]),
          ["EnsuringLoadBalancer", "EnsuredLoadBalancer"]
        )
      }
    }).pipe(Effect.scoped, Effect.provide(bed({ world: tierWorld() })))
  )

  it.effect("looks again when somebody else takes its number at the same moment", () =>
    Effect.gen(function* () {
      const { result } = yield* start()
      assert.strictEqual(result, "Changed")
      assert.strictEqual((yield* ours()).length, 2)
      const others = (yield* itemsOf()).filter(({ reason }) => reason === "faster")
      assert.deepStrictEqual(
        others.map(({ number }) => number),
        [899]
      )
      assert.deepStrictEqual(yield* warnings, [])
    }).pipe(
      Effect.provide(
        bed({
          world: tierWorld(),
          around: (api) => {
            let made = 0
            return {
              call: (command, parameters) => {
                const faster = command === "createNetworkACL" && ++made === 1
                const { customjobid: _, ...rest } = parameters
                const first = faster ? api.call(command, { ...rest, reason: "faster" }) : Effect.void
                return Effect.andThen(first, api.call(command, parameters))
              }
            }
          }
        })
      )
    )
  )

  it.effect("repairs at the resync what was changed in the list by hand", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* started
      yield* applyService()
      yield* pass(5)
      const before = yield* ours()
      const [first, second] = (yield* itemsOf()).filter(({ reason = "" }) => reason !== "")
      yield* byHand("deleteNetworkACL", { id: first?.id ?? "" })
      yield* byHand("updateNetworkACLItem", { id: second?.id ?? "", cidrlist: "203.0.113.0/24" })
      yield* pass(700)
      assert.deepStrictEqual(yield* ours(), before)
    }).pipe(Effect.scoped, Effect.provide(bed({ world: tierWorld() })))
  )

  it.effect("its address belongs to the tier only while it has rules; the Service says so all the while", () =>
    Effect.gen(function* () {
      yield* start()
      assert.strictEqual(yield* reconcile(), "Converged")
      const { networks } = yield* world
      const network = networks.find(({ name }) => name === "tier1")
      const { addresses } = yield* world
      assert.deepStrictEqual(
        addresses.filter(({ sourceNat }) => !sourceNat).map((address) => address.network),
        [network?.name]
      )
      for (const { id } of (yield* world).loadBalancerRules) yield* byHand("deleteLoadBalancerRule", { id })
      yield* editService({ metadata: { annotations: { touched: "1" } } })
      yield* Effect.flatMap(started, () => pass(700))
      assert.strictEqual((yield* rules).length, 2)
    }).pipe(Effect.scoped, Effect.provide(bed({ world: tierWorld() })))
  )
})

describe("lists that may not be changed", () => {
  const note = (name: string) =>
    `NetworkACLNotChanged: Network ACL list ${name} of tier tier1 stays as it is, because it belongs to all VPCs. Load balancer traffic passes all the same: CloudStack's VPC routers let it in before their ACLs. To have the Service's ports in it, give the tier a list of its own (replaceNetworkACLList)`

  for (const [what, options] of narrowedKinds) {
    it.effect(`default_deny, ${what}: the load balancer is made, one Event, not repeated`, () =>
      Effect.gen(function* () {
        const { mutations, result } = yield* start()
        assert.strictEqual(result, "Changed")
        assert.isUndefined(mutations["createNetworkACL"])
        assert.strictEqual((yield* rules).length, 2)
        assert.isDefined((yield* ingress())?.[0]?.ip)
        assert.deepStrictEqual(yield* warnings, [note("default_deny")])
        assert.strictEqual(yield* reconcile(), "Converged")
        assert.deepStrictEqual(yield* warnings, [note("default_deny")])
      }).pipe(Effect.provide(bed(options("default_deny"))))
    )

    it.effect(`default_allow, ${what}: nothing is needed`, () =>
      Effect.gen(function* () {
        const { mutations } = yield* start({ loadBalancerSourceRanges: ["10.0.0.0/8"] })
        assert.isUndefined(mutations["createNetworkACL"])
        assert.deepStrictEqual(yield* warnings, [])
        assert.deepStrictEqual(yield* rules, ["443 from 10.0.0.0/8", "80 from 10.0.0.0/8"])
      }).pipe(Effect.provide(bed(options("default_allow"))))
    )
  }

  it.effect("a role that may not make items: one Event, and it is not tried again and again", () =>
    Effect.gen(function* () {
      yield* start()
      assert.strictEqual((yield* rules).length, 2)
      assert.isDefined((yield* ingress())?.[0]?.ip)
      assert.strictEqual((yield* warnings).length, 1)
      assert.match((yield* warnings)[0] ?? "", /CloudStack refuses this key's items in it/)
      const { mutations, result } = yield* counting(reconcile())
      assert.deepStrictEqual([result, mutations], ["Converged", {}])
    }).pipe(
      Effect.provide(
        bed({
          world: tierWorld({ allow: narrowRole.filter((command) => command !== "createNetworkACL") }),
          account: "bob",
          project: "p1"
        })
      )
    )
  )

  it.effect("a role that may not see items makes none: it could not tell its own", () =>
    Effect.gen(function* () {
      const { mutations } = yield* start()
      assert.isUndefined(mutations["createNetworkACL"])
      assert.strictEqual((yield* rules).length, 2)
      assert.match((yield* warnings)[0] ?? "", /the key's role may not see what is in it/)
      yield* removeService()
      assert.strictEqual(yield* reconcile(), "Removed")
    }).pipe(
      Effect.provide(
        bed({
          world: tierWorld({ allow: narrowRole.filter((command) => command !== "listNetworkACLs") }),
          account: "bob",
          project: "p1"
        })
      )
    )
  )
})

describe("addresses of a VPC", () => {
  it.effect("its source NAT address is used if named, and never released", () =>
    Effect.gen(function* () {
      const ip = (yield* world).addresses.find(({ sourceNat }) => sourceNat)?.ip ?? ""
      const before = yield* everything
      yield* start({ loadBalancerIP: ip })
      assert.strictEqual((yield* ingress())?.[0]?.ip, ip)
      yield* removeService()
      assert.strictEqual(yield* reconcile(), "Removed")
      const after = yield* everything
      assert.deepStrictEqual(after.addresses, before.addresses)
      assert.deepStrictEqual(after.aclItems, before.aclItems)
    }).pipe(Effect.provide(bed({ world: tierWorld() })))
  )

  it.effect("one that is not tied to a tier serves the nodes' tier, and is the user's afterwards too", () =>
    Effect.gen(function* () {
      const alice = as("alice")
      const id = yield* alice.make("associateIpAddress", { vpcid: yield* alice.idOf("listVPCs", "vpc1") })
      const ip = (yield* world).addresses.find((address) => address.id === id)?.ip ?? ""
      yield* start({ loadBalancerIP: ip })
      assert.strictEqual((yield* ingress())?.[0]?.ip, ip)
      yield* removeService()
      yield* reconcile()
      assert.isTrue((yield* world).addresses.some((address) => address.id === id))
    }).pipe(Effect.provide(bed({ world: tierWorld() })))
  )

  it.effect("one of another network is refused, once, and nothing is made", () =>
    Effect.gen(function* () {
      const alice = as("alice")
      const vpcid = yield* alice.idOf("listVPCs", "vpc2")
      const id = yield* alice.make("associateIpAddress", { vpcid })
      const ip = (yield* world).addresses.find((address) => address.id === id)?.ip ?? ""
      const before = yield* everything
      const { mutations, result } = yield* start({ loadBalancerIP: ip })
      assert.deepStrictEqual([result, mutations], ["Refused", {}])
      yield* reconcile()
      assert.deepStrictEqual(yield* warnings, [
        `AddressUnusable: spec.loadBalancerIP: ${ip} belongs to a VPC that network tier1 is no tier of. Name an address of the network's own VPC, or name the network (network-id in the cloud-config, or the annotation service.beta.kubernetes.io/cloudstack-load-balancer-network)`
      ])
      assert.deepStrictEqual(yield* everything, before)
    }).pipe(Effect.provide(bed({ world: tierWorld() })))
  )

  it.effect("one that another tier has: the load balancer is there, with the nodes that are", () =>
    Effect.gen(function* () {
      const alice = as("alice")
      const vpcid = yield* alice.idOf("listVPCs", "vpc1")
      const id = yield* alice.make("associateIpAddress", { vpcid })
      const ip = (yield* world).addresses.find((address) => address.id === id)?.ip ?? ""
      const networkid = yield* alice.idOf("listNetworks", "tier2")
      yield* alice.make("createLoadBalancerRule", {
        publicipid: id,
        name: "by hand",
        algorithm: "source",
        protocol: "tcp",
        publicport: "8080",
        privateport: "8080",
        openfirewall: "false",
        networkid
      })
      yield* applyNodes("n1", "m1")
      yield* applyService({ spec: { loadBalancerIP: ip } })
      yield* reconcile()
      const { loadBalancerRules } = yield* world
      const mine = loadBalancerRules.filter(({ name }) => name !== "by hand")
      assert.deepStrictEqual(
        mine.map(({ members }) => members.map(({ machine }) => machine)),
        [["m1"], ["m1"]]
      )
      assert.deepStrictEqual(yield* warnings, ["NodesLeftOut: Nodes left out: n1 (its VM has no NIC in the network)"])
    }).pipe(Effect.provide(bed({ world: tierWorld() })))
  )
})

describe("sources on servers that are older, or do not say how old they are", () => {
  const restricted = { loadBalancerSourceRanges: ["10.0.0.0/8"] }
  const narrower = { loadBalancerSourceRanges: ["10.1.0.0/16"] }
  const on = (server: Parameters<typeof olderServer>[0]) => bed({ world: tierWorld(), around: olderServer(server) })

  it.effect("4.21: a change makes the rules anew", () =>
    Effect.gen(function* () {
      yield* start(restricted)
      yield* editService({ spec: narrower })
      const { mutations } = yield* counting(reconcile())
      assert.deepStrictEqual(mutations, {
        deleteLoadBalancerRule: 2,
        createLoadBalancerRule: 2,
        assignToLoadBalancerRule: 2,
        updateNetworkACLItem: 2
      })
      assert.deepStrictEqual(yield* rules, ["443 from 10.1.0.0/16", "80 from 10.1.0.0/16"])
      assert.strictEqual(yield* reconcile(), "Converged")
    }).pipe(Effect.provide(on({ version: "4.21.0.0", creates: true, updates: false })))
  )

  it.effect("4.17: restricted sources are refused, and nothing is made", () =>
    Effect.gen(function* () {
      const before = yield* everything
      const { mutations, result } = yield* start(restricted)
      assert.deepStrictEqual([result, mutations], ["Refused", {}])
      yield* reconcile()
      assert.deepStrictEqual(yield* warnings, [
        "SourceRangesUnsupported: spec.loadBalancerSourceRanges: in network tier1 only the load balancer rule can restrict sources, which CloudStack does since 4.18 and this server is older. Remove the source ranges to let everybody in, use a network with a firewall, or upgrade CloudStack"
      ])
      assert.deepStrictEqual(yield* everything, before)
      yield* editService({ spec: { loadBalancerSourceRanges: [] } })
      assert.strictEqual(yield* reconcile(), "Changed")
      assert.deepStrictEqual(yield* rules, ["443 from anywhere", "80 from anywhere"])
    }).pipe(Effect.provide(on({ version: "4.17.2.0", creates: false, updates: false })))
  )

  it.effect("unknown and new enough: looked at, and right at once", () =>
    Effect.gen(function* () {
      yield* start(restricted)
      yield* editService({ spec: narrower })
      const { mutations } = yield* counting(reconcile())
      assert.deepStrictEqual(mutations, { updateLoadBalancerRule: 2, updateNetworkACLItem: 2 })
      assert.deepStrictEqual(yield* rules, ["443 from 10.1.0.0/16", "80 from 10.1.0.0/16"])
    }).pipe(Effect.provide(on({ creates: true, updates: true })))
  )

  it.effect("unknown, and it ignores changes: the rules are made anew", () =>
    Effect.gen(function* () {
      yield* start(restricted)
      yield* editService({ spec: narrower })
      yield* reconcile()
      assert.deepStrictEqual(yield* rules, ["443 from 10.1.0.0/16", "80 from 10.1.0.0/16"])
      assert.strictEqual(yield* reconcile(), "Converged")
    }).pipe(Effect.provide(on({ creates: true, updates: false })))
  )

  it.effect("unknown, and it ignores lists: nobody is let in, and an Event says why", () =>
    Effect.gen(function* () {
      const { result } = yield* start(restricted)
      assert.strictEqual(result, "Refused")
      assert.deepStrictEqual(yield* rules, [])
      const [warning, ...others] = yield* warnings
      assert.match(warning ?? "", /^CloudStackRefused: create rule .*the server ignores the list of sources/)
      assert.deepStrictEqual(others, [])
      yield* reconcile()
      assert.deepStrictEqual([(yield* rules).length, (yield* warnings).length], [0, 1])
    }).pipe(Effect.provide(on({ creates: false, updates: false })))
  )
})
