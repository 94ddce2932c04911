import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { everything } from "../../support/strangers.ts"
import {
  annotated,
  applyNodes,
  applyService,
  bed,
  counting,
  editService,
  eventMessages,
  ingress,
  reconcile,
  removeService,
  world
} from "../../support/testBed.ts"

const nic = (network: string) => ({ network })
const node = (name: string, ...networks: ReadonlyArray<string>) => ({
  ref: name,
  name,
  owner: "alice",
  nics: networks.map(nic)
})

/** Most nodes are in `blue` by default, some have a NIC in `red` too, one is only there; two networks are called `twin`. */
const several = {
  zones: [{ ref: "zone1", name: "sim1" }],
  accounts: [
    { ref: "alice", name: "alice", role: "User", limits: { publicIps: 200 } },
    { ref: "bob", name: "bob", role: "User" },
    { ref: "root", name: "admin", role: "Admin" }
  ],
  networks: [
    { ref: "blue", name: "blue", kind: "isolated", owner: "alice" },
    { ref: "red", name: "red", kind: "isolated", owner: "alice" },
    { ref: "t1", name: "twin", kind: "isolated", owner: "alice" },
    { ref: "t2", name: "twin", kind: "isolated", owner: "alice" },
    { ref: "bobs", name: "bobs", kind: "isolated", owner: "bob" }
  ],
  vms: [node("n1", "blue"), node("n2", "blue", "red"), node("n3", "red")],
  publicIps: { free: { alice: 50 } }
}

const networkId = (name: string) =>
  Effect.map(world, ({ networks }) => networks.find((network) => network.name === name)?.id ?? "")

const start = (annotations: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    yield* applyNodes("n1", "n2", "n3")
    yield* applyService({ annotations })
    return yield* counting(reconcile())
  })

const served = Effect.map(world, ({ addresses, loadBalancerRules }) => ({
  networks: addresses.filter(({ sourceNat }) => !sourceNat).map(({ network }) => network),
  members: [...new Set(loadBalancerRules.flatMap(({ members }) => members.map(({ machine }) => machine)))].sort()
}))
const warnings = Effect.map(eventMessages(), (all) => all.filter((text) => !/^Ensur/.test(text)))
const leftOut = (name: string) => `NodesLeftOut: Nodes left out: ${name} (its VM has no NIC in the network)`

describe("the network of a load balancer", () => {
  it.effect("is the one most nodes have as their default; nodes elsewhere are left out by name", () =>
    Effect.gen(function* () {
      yield* start()
      assert.deepStrictEqual(yield* served, { networks: ["blue"], members: ["n1", "n2"] })
      assert.deepStrictEqual(yield* warnings, [leftOut("n3")])
      assert.strictEqual(yield* reconcile(), "Converged")
      assert.deepStrictEqual(yield* warnings, [leftOut("n3")])
    }).pipe(Effect.provide(bed({ world: several })))
  )

  it.effect("is the configured one", () =>
    Effect.gen(function* () {
      // The simulator chooses ids by its seed.
      const id = yield* Effect.provide(networkId("red"), bed({ world: several }), { local: true })
      yield* Effect.gen(function* () {
        yield* start()
        assert.deepStrictEqual(yield* served, { networks: ["red"], members: ["n2", "n3"] })
        assert.deepStrictEqual(yield* warnings, [leftOut("n1")])
      }).pipe(Effect.provide(bed({ world: several, settings: { networkId: id } }), { local: true }))
    })
  )

  it.effect("is the one that the annotation names, or gives the id of", () =>
    Effect.gen(function* () {
      yield* start(annotated("network", "red"))
      assert.deepStrictEqual(yield* served, { networks: ["red"], members: ["n2", "n3"] })
      yield* removeService()
      yield* reconcile()
      yield* applyService({ annotations: annotated("network", yield* networkId("blue")) })
      yield* reconcile()
      assert.deepStrictEqual(yield* served, { networks: ["blue"], members: ["n1", "n2"] })
    }).pipe(Effect.provide(bed({ world: several })))
  )

  for (const [what, name, event] of [
    [
      "is called otherwise",
      "green",
      'NetworkUnknown: metadata.annotations[service.beta.kubernetes.io/cloudstack-load-balancer-network]: no network "green" is visible with this key and project. Name one that is, or its id'
    ],
    [
      "is another account's",
      "bobs",
      'NetworkUnknown: metadata.annotations[service.beta.kubernetes.io/cloudstack-load-balancer-network]: no network "bobs" is visible with this key and project. Name one that is, or its id'
    ],
    [
      "shares its name",
      "twin",
      'NetworkUnknown: metadata.annotations[service.beta.kubernetes.io/cloudstack-load-balancer-network]: 2 networks are called "twin". Name the id of the one that is meant'
    ]
  ] as const) {
    it.effect(`is not known if it ${what}: one Event, nothing is made`, () =>
      Effect.gen(function* () {
        const before = yield* everything
        const { mutations, result } = yield* start(annotated("network", name))
        assert.deepStrictEqual([result, mutations], ["Refused", {}])
        yield* reconcile()
        assert.deepStrictEqual(yield* warnings, [event])
        assert.deepStrictEqual(yield* everything, before)
        yield* editService({ metadata: { annotations: annotated("network", "red") } })
        assert.strictEqual(yield* reconcile(), "Changed")
      }).pipe(Effect.provide(bed({ world: several })))
    )
  }

  it.effect("without a node in it nobody is served, and an Event names them all", () =>
    Effect.gen(function* () {
      yield* start(
        annotated(
          "network",
          yield* Effect.flatMap(world, ({ networks }) => {
            const [twin] = networks.filter(({ name }) => name === "twin")
            return Effect.succeed(twin?.id ?? "")
          })
        )
      )
      assert.deepStrictEqual((yield* served).members, [])
      assert.match((yield* warnings)[0] ?? "", /^NoNodeResolved: .*n1 .*n2 .*n3 /)
    }).pipe(Effect.provide(bed({ world: several })))
  )

  it.effect("stays where the address is: changing the annotation moves nothing, and that is said once", () =>
    Effect.gen(function* () {
      yield* start()
      const before = yield* everything
      yield* editService({ metadata: { annotations: annotated("network", "red") } })
      assert.strictEqual(yield* reconcile(), "Converged")
      assert.strictEqual(yield* reconcile(), "Converged")
      assert.deepStrictEqual(yield* everything, before)
      assert.deepStrictEqual(yield* warnings, [
        leftOut("n3"),
        'NetworkFixed: The load balancer is in network blue, where its address is, not in "red" as metadata.annotations[service.beta.kubernetes.io/cloudstack-load-balancer-network] says. Make the Service anew, or name an address of that network, to move it'
      ])
    }).pipe(Effect.provide(bed({ world: several })))
  )

  it.effect("is the one of the address that the Service names, and changes with it", () =>
    Effect.gen(function* () {
      yield* start(annotated("network", "red"))
      const [old] = (yield* ingress()) ?? []
      yield* applyService({
        name: "helper",
        annotations: annotated("network", "blue"),
        spec: { ports: [{ name: "x", port: 9_000, nodePort: 32_000 }] }
      })
      yield* reconcile("shop/helper")
      const [helper] = (yield* ingress("helper")) ?? []
      yield* editService({ spec: { loadBalancerIP: helper?.ip } })
      yield* reconcile()
      assert.notStrictEqual((yield* ingress())?.[0]?.ip, old?.ip)
      assert.deepStrictEqual(yield* served, { networks: ["blue"], members: ["n1", "n2"] })
    }).pipe(Effect.provide(bed({ world: several })))
  )
})

describe("what a network offers", () => {
  it.effect("is asked for again when a call contradicts it", () =>
    Effect.gen(function* () {
      const { result } = yield* start()
      assert.strictEqual(result, "Refused")
      yield* editService({ metadata: { annotations: { touched: "1" } } })
      yield* reconcile()
      const [first, second, ...others] = yield* warnings
      assert.match(first ?? "", /^CloudStackRefused: create rule .*LB service is not supported/)
      assert.match(second ?? "", /^NetworkUnsupported: network blue: its offering has no load balancer service/)
      assert.deepStrictEqual(others, [])
    }).pipe(
      Effect.provide(
        bed({
          world: {
            ...several,
            networks: [
              {
                ref: "blue",
                name: "blue",
                kind: "isolated",
                owner: "alice",
                services: ["SourceNat", "Dns", "Dhcp", "Firewall", "PortForwarding"]
              }
            ],
            vms: [node("n1", "blue"), node("n2", "blue"), node("n3", "blue")]
          },
          // The offering has lost its load balancer since the network was last looked at.
          around: (api) => {
            let asked = 0
            return {
              call: (command, parameters) =>
                Effect.map(api.call(command, parameters), (answer) => {
                  if (command !== "listNetworks" || ++asked > 1 || !Array.isArray(answer["network"])) return answer
                  const lb = { name: "Lb", provider: [{ name: "VirtualRouter" }] }
                  const network = answer["network"].map((one) => ({ ...one, service: [...one.service, lb] }))
                  return { ...answer, network }
                })
            }
          }
        })
      )
    )
  )
})
