/** A Service that cannot have what it wants stays where it is, and there keeps up with the nodes. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Simulator } from "../../../../src/cloudstack/memory/Simulator.ts"
import { KubeMemory } from "../../../../src/kubernetes/memory/KubeMemory.ts"
import type { Services } from "../../../../src/kubernetes/Services.ts"
import {
  annotated,
  applyNodes,
  applyService,
  bed,
  byHand,
  counting,
  editService,
  events,
  ingress,
  inTime,
  narrowRole,
  pass,
  reconcile,
  started,
  world,
  worldOf
} from "../../../support/testBed.ts"

const nowhere = "203.0.113.99"
const onePort = [{ name: "http", port: 80, nodePort: 30_080 }]
const removeNode = (name: string) => Effect.flatMap(KubeMemory, (memory) => memory.remove("nodes", name))

const limited = {
  ...worldOf(),
  accounts: [
    { ref: "alice", name: "alice", role: "User", limits: { publicIps: 2 } },
    { ref: "root", name: "admin", role: "Admin" }
  ]
}

const twoNetworks = {
  ...worldOf(),
  networks: ["net1", "net2"].map((ref) => ({ ref, name: ref, kind: "isolated", owner: "alice" })),
  vms: [
    { ref: "n1", name: "n1", owner: "alice", nics: [{ network: "net1" }] },
    { ref: "n2", name: "n2", owner: "alice", nics: [{ network: "net1" }, { network: "net2" }] },
    { ref: "n3", name: "n3", owner: "alice", nics: [{ network: "net1" }] }
  ]
}

const acquired = Effect.fnUntraced(function* (network: string) {
  const { addresses, networks } = yield* world
  const before = new Set(addresses.map(({ id }) => id))
  const networkid = networks.find(({ name }) => name === network)?.id ?? ""
  yield* inTime((yield* Simulator).callAs("root", "associateIpAddress", { networkid, account: "alice" }))
  yield* pass(10)
  const found = (yield* world).addresses.find(({ id }) => !before.has(id))
  return { id: found?.id ?? "", ip: found?.ip ?? "" }
})

const forwardByHand = Effect.fnUntraced(function* (ipaddressid: string, port: string) {
  const { machines } = yield* world
  const virtualmachineid = machines.find(({ name }) => name === "n1")?.id ?? ""
  const ports = { protocol: "tcp", publicport: port, privateport: port }
  return yield* byHand("createPortForwardingRule", { ipaddressid, ...ports, virtualmachineid, openfirewall: "false" })
})

/** Names of the members of each rule on the address that is published. */
const served = Effect.gen(function* () {
  const [first] = (yield* ingress()) ?? []
  const { loadBalancerRules } = yield* world
  return loadBalancerRules
    .filter(({ address }) => address === first?.ip)
    .map(({ members }) =>
      members
        .map(({ machine }) => machine)
        .toSorted()
        .join(",")
    )
})

interface Case {
  readonly what: string
  readonly world?: object
  /** A patch of the Service that it cannot have. */
  readonly wish: Effect.Effect<unknown, unknown, Simulator | Services>
  readonly told: string
}

/** The addresses of the pool follow each other. */
const next = (ip: string) => ip.replace(/\d+$/, (last) => String(Number(last) + 1))
const wishFor = (spec: object, annotations: object = {}) => Effect.succeed({ metadata: { annotations }, spec })

const cases: ReadonlyArray<Case> = [
  { what: "an address that is not to be had", wish: wishFor({ loadBalancerIP: nowhere }), told: "AddressNotFree" },
  {
    what: "a network that is not there",
    wish: wishFor({ loadBalancerIP: nowhere }, annotated("network", "nosuch")),
    told: "NetworkUnknown"
  },
  {
    what: "one more address than the account may have",
    world: limited,
    wish: Effect.map(ingress(), (now) => ({ spec: { loadBalancerIP: next(now?.[0]?.ip ?? "") } })),
    told: "SyncLoadBalancerFailed"
  },
  {
    what: "an address with a forward on the port that the role does not see",
    world: worldOf({ allow: narrowRole }),
    wish: Effect.gen(function* () {
      const { id, ip } = yield* acquired("net1")
      yield* forwardByHand(id, "443")
      return { spec: { loadBalancerIP: ip } }
    }),
    told: "SyncLoadBalancerFailed"
  }
]

describe("where it is served meanwhile", () => {
  for (const { told, what, wish, world: start } of cases) {
    it.effect(`follows the nodes while it wants ${what}`, () =>
      Effect.gen(function* () {
        yield* applyNodes("n1", "n2")
        yield* started
        yield* applyService()
        yield* pass(30)
        yield* editService(yield* wish)
        yield* pass(30)
        yield* applyNodes("n3")
        yield* removeNode("n1")
        yield* pass(1_400)
        assert.deepStrictEqual(yield* served, ["n2,n3", "n2,n3"])
        assert.include(yield* events(), told)
      }).pipe(Effect.provide(bed(start === undefined ? {} : { world: start })))
    )
  }

  it.effect("has the members of its own network, whichever network is wanted", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      yield* started
      yield* applyService()
      yield* pass(30)
      const { id, ip } = yield* acquired("net2")
      yield* byHand("createLoadBalancerRule", {
        publicipid: id,
        name: "other",
        publicport: "443",
        privateport: "443",
        algorithm: "roundrobin",
        openfirewall: "false"
      })
      yield* editService({ spec: { loadBalancerIP: ip } })
      yield* pass(120)
      assert.include(yield* events(), "PortTaken")
      assert.deepStrictEqual(yield* served, ["n1,n2,n3", "n1,n2,n3"])
    }).pipe(Effect.provide(bed({ world: twoNetworks })))
  )
})

describe("sources that are not understood", () => {
  const udp = [{ name: "dns", port: 53, nodePort: 30_053, protocol: "UDP" }]
  const forwards = Effect.map(world, ({ portForwardingRules }) =>
    portForwardingRules.map(({ machine, privatePort }) => ({ machine, privatePort: Number(privatePort) }))
  )

  it.effect("let a forward leave a node that has gone, and follow its node port", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2")
      yield* applyService({ spec: { ports: udp } })
      yield* reconcile()
      const [first] = yield* forwards
      yield* editService({ metadata: { annotations: annotated("source-cidrs", "x") } })
      yield* reconcile()
      yield* removeNode(first?.machine ?? "")
      yield* reconcile()
      const other = first?.machine === "n1" ? "n2" : "n1"
      assert.deepStrictEqual(yield* forwards, [{ machine: other, privatePort: 30_053 }])
      yield* editService({ spec: { ports: udp.map((port) => ({ ...port, nodePort: 31_053 })) } })
      yield* reconcile()
      assert.deepStrictEqual(yield* forwards, [{ machine: other, privatePort: 31_053 }])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("let a rule follow its node port, with the sources that it had", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2")
      yield* applyService({ annotations: annotated("source-cidrs", "10.0.0.0/8"), spec: { ports: onePort } })
      yield* reconcile()
      yield* editService({
        metadata: { annotations: annotated("source-cidrs", "10.0.0.0/99") },
        spec: { ports: onePort.map((port) => ({ ...port, nodePort: 31_080 })) }
      })
      yield* reconcile()
      const { firewallRules, loadBalancerRules } = yield* world
      assert.deepStrictEqual(
        loadBalancerRules.map(({ privatePort }) => Number(privatePort)),
        [31_080]
      )
      assert.deepStrictEqual(
        firewallRules.map(({ cidrs }) => cidrs),
        [["10.0.0.0/8"]]
      )
      assert.deepStrictEqual((yield* counting(reconcile())).mutations, {})
    }).pipe(Effect.provide(bed()))
  )
})
