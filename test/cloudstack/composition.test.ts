/** The whole composition on the in-memory CloudStack: the life of a load balancer, lost answers, narrow roles. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { Addresses } from "../../src/cloudstack/Addresses.ts"
import { Borders } from "../../src/cloudstack/Borders.ts"
import { Inventory } from "../../src/cloudstack/Inventory.ts"
import { LoadBalancers } from "../../src/cloudstack/LoadBalancers.ts"
import { layer as cloudStack } from "../../src/cloudstack/layers.ts"
import { layerLive } from "../../src/cloudstack/live/layerLive.ts"
import { Machines } from "../../src/cloudstack/Machines.ts"
import type { Fault } from "../../src/cloudstack/memory/faults.ts"
import { Listener, layerHttp } from "../../src/cloudstack/memory/http.ts"
import { layer as simulator } from "../../src/cloudstack/memory/layer.ts"
import { layerMemory } from "../../src/cloudstack/memory/layerMemory.ts"
import { Simulator } from "../../src/cloudstack/memory/Simulator.ts"
import { Networks } from "../../src/cloudstack/Networks.ts"
import { Tags } from "../../src/cloudstack/Tags.ts"
import { AddressId, type NetworkId, RuleId } from "../../src/domain/Cloud.ts"
import { layerSettings } from "./settings.ts"

const narrow = [
  "queryAsyncJobResult",
  "listVirtualMachines",
  "listNetworks",
  "listPublicIpAddresses",
  "associateIpAddress",
  "disassociateIpAddress",
  "listLoadBalancerRules",
  "createLoadBalancerRule",
  "updateLoadBalancerRule",
  "deleteLoadBalancerRule",
  "assignToLoadBalancerRule",
  "removeFromLoadBalancerRule",
  "listLoadBalancerRuleInstances",
  "listFirewallRules",
  "createFirewallRule",
  "deleteFirewallRule"
]

const world = (over: Record<string, unknown> = {}) => ({
  settings: { jobMillis: 300, ...over },
  zones: [{ ref: "zone1", name: "sim1" }],
  accounts: [
    { ref: "alice", name: "alice" },
    { ref: "cks", name: "cks", allow: narrow }
  ],
  projects: [{ ref: "p1", name: "proj1", owner: "alice", members: ["cks"] }],
  networks: [
    { ref: "net1", name: "net1", kind: "isolated", owner: "alice" },
    { ref: "pnet", name: "pnet", kind: "isolated", owner: "p1" }
  ],
  vms: [
    ...[1, 2, 3, 4, 5].map((i) => ({ ref: `n${i}`, name: `n${i}`, owner: "alice", nics: [{ network: "net1" }] })),
    { ref: "pn1", name: "pn1", owner: "p1", nics: [{ network: "pnet" }] }
  ],
  publicIps: { free: { alice: 5, p1: 2 } }
})

const on = (account: string, source: unknown, projectId?: string) =>
  cloudStack.pipe(
    Layer.provideMerge(layerMemory(account)),
    Layer.provideMerge(simulator(source, { seed: 7 })),
    Layer.provide(layerSettings(projectId === undefined ? {} : { projectId }))
  )

/** Lets simulated time pass until the effect is done. */
const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("50 millis")
    return yield* Fiber.join(fiber)
  })

const firstNetwork = Effect.gen(function* () {
  const [network] = yield* (yield* Networks).list
  return network?.id ?? assert.fail("no network")
})

const acquire = Effect.fnUntraced(function* (networkId: NetworkId, jobId: string) {
  const pending = yield* (yield* Addresses).associate({ target: { networkId }, jobId })
  yield* pending.done
  return AddressId.make(pending.objectId ?? assert.fail("no address"))
})

const build = Effect.gen(function* () {
  const networkId = yield* firstNetwork
  const { machines } = yield* (yield* Machines).list(0)
  const addressId = yield* acquire(networkId, "11111111-1111-4111-8111-111111111111")
  const balancers = yield* LoadBalancers
  const rule = { addressId, name: "web", description: "ours", algorithm: "roundrobin", protocol: "tcp" }
  const created = yield* balancers.create({ ...rule, publicPort: 80, privatePort: 30080 })
  const ruleId = RuleId.make(created.objectId ?? assert.fail("no rule"))
  const assigned = yield* balancers.assign(
    ruleId,
    machines.map(({ id }) => id)
  )
  const opened = yield* (yield* Borders).open({
    addressId,
    protocol: "tcp",
    port: 80,
    cidrs: ["10.0.0.0/8"],
    jobId: "00000000-0000-8000-8000-000000000080"
  })
  yield* Effect.all([created.done, assigned.done, opened.done], { concurrency: 3 })
  const tagged = yield* (yield* Tags).add("PublicIpAddress", [addressId], [{ key: "owner", value: "us" }])
  if (Option.isSome(tagged)) yield* tagged.value.done
  return { addressId, ruleId, machines, tagged: Option.isSome(tagged) }
})

const tearDown = Effect.fnUntraced(function* (addressId: AddressId) {
  yield* (yield* (yield* Addresses).disassociate(addressId)).done
})

const life = Effect.gen(function* () {
  const before = yield* (yield* Addresses).list
  const { addressId, machines, ruleId, tagged } = yield* build
  const inventory = yield* Inventory
  const holdings = yield* inventory.holdings(() => true)
  const holding = holdings.find(({ address }) => address.id === addressId) ?? assert.fail("not held")
  assert.strictEqual(holding.address.state, "Allocated")
  assert.deepStrictEqual(holding.address.tags, tagged ? [{ key: "owner", value: "us" }] : [])
  assert.strictEqual(holding.rules[0]?.id, ruleId)
  assert.strictEqual(holding.rules[0]?.description, "ours")
  assert.sameMembers(
    [...(holding.rules[0]?.members ?? [])],
    machines.map(({ id }) => id)
  )
  assert.deepInclude(holding.firewall[0], { startPort: 80, endPort: 80, cidrs: ["10.0.0.0/8"] })
  const updated = yield* (yield* LoadBalancers).update(ruleId, {
    protocol: "tcp-proxy",
    cidrs: ["10.0.0.0/8", "1.2.3.4/32"]
  })
  yield* updated.done
  const again = Option.getOrThrow(yield* inventory.fresh(addressId))
  assert.deepInclude(again.rules[0], { id: ruleId, protocol: "tcp-proxy", cidrs: ["1.2.3.4/32", "10.0.0.0/8"] })
  yield* tearDown(addressId)
  yield* inventory.changed(addressId)
  assert.isFalse((yield* inventory.holdings(() => true)).some(({ address }) => address.id === addressId))
  assert.isTrue(Option.isNone(yield* (yield* LoadBalancers).members(ruleId)))
  assert.deepStrictEqual(yield* (yield* Addresses).list, before)
  return tagged
})

describe("the composition", () => {
  it.effect("carries a load balancer through its life", () =>
    inTime(Effect.map(life, (tagged) => assert.isTrue(tagged))).pipe(Effect.provide(on("alice", world())))
  )

  it.live("does the same over HTTP, signed", () => {
    const overHttp = Layer.unwrap(
      Effect.map(Listener, ({ url }) =>
        cloudStack.pipe(
          Layer.provide(layerLive),
          Layer.provide(
            layerSettings({
              apiUrl: new URL("/client/api", url).href,
              credentials: { apiKey: Redacted.make("alice-key"), secretKey: Redacted.make("alice-secret") }
            })
          )
        )
      )
    )
    return Effect.map(life, (tagged) => assert.isTrue(tagged)).pipe(
      Effect.provide(
        overHttp.pipe(
          Layer.provide(layerHttp({ port: 0, bind: "127.0.0.1" })),
          Layer.provide(simulator(world(), { seed: 7 }))
        )
      )
    )
  })

  it.effect("is content with pages of two", () =>
    inTime(life).pipe(Effect.provide(on("alice", world({ defaultPageSize: 2 }))))
  )

  it.effect("is content with CKS's narrow role, in a project", () =>
    Effect.gen(function* () {
      const source = world()
      const projectId = yield* Effect.gen(function* () {
        const { callAs } = yield* Simulator
        const { body } = yield* callAs("alice", "listProjects", {})
        return /"id":"([^"]+)"/.exec(JSON.stringify(body))?.[1] ?? assert.fail("no project")
      }).pipe(Effect.provide(simulator(source, { seed: 7 })))
      yield* Effect.gen(function* () {
        assert.isFalse(yield* inTime(life))
        const refused = (yield* (yield* Simulator).log).filter(({ status }) => status !== 200)
        assert.deepStrictEqual([...new Set(refused.map(({ command }) => command))].sort(), [
          "createTags",
          "listLoadBalancerRuleInstances",
          "listPortForwardingRules"
        ])
        const machines = (yield* (yield* Machines).list(60_000)).machines
        assert.deepStrictEqual(
          machines.map(({ name, owner }) => [name, owner]),
          [["pn1", `project:${projectId}`]]
        )
      }).pipe(Effect.provide(on("cks", source, projectId)))
    })
  )

  const faults: ReadonlyArray<readonly [string, Fault["fault"]]> = [
    ["a lost answer", { _tag: "loseAnswer" }],
    ["a connection cut before anything happened", { _tag: "refuseConnection" }],
    ["a proxy's error page", { _tag: "html500" }],
    ["an empty answer", { _tag: "emptyBody" }],
    ["a 429", { _tag: "throttle", millis: 700 }],
    ["a masked 530", { _tag: "error", code: 530, text: "Internal error executing command" }]
  ]
  for (const [name, fault] of faults) {
    for (const command of ["associateIpAddress", "createLoadBalancerRule", "assignToLoadBalancerRule"]) {
      it.effect(`${command} is never done twice after ${name}`, () =>
        Effect.gen(function* () {
          const { inject, log } = yield* Simulator
          yield* inject([{ command, fault }])
          const result = yield* inTime(Effect.result(build))
          const took = (yield* log).filter((entry) => entry.command === command && entry.status === 200)
          assert.isAtMost(took.length, 1)
          if (fault._tag === "loseAnswer" || fault._tag === "throttle") {
            assert.strictEqual(result._tag, "Success")
          } else {
            assert.strictEqual(result._tag, "Failure")
          }
        }).pipe(Effect.provide(on("alice", world())))
      )
    }
  }

  it.effect("reads through a spell of faults", () =>
    Effect.gen(function* () {
      const { inject } = yield* Simulator
      yield* inject([
        { fault: { _tag: "html500" } },
        { fault: { _tag: "refuseConnection" } },
        { fault: { _tag: "emptyBody" } },
        { fault: { _tag: "throttle", millis: 2_000 } },
        { command: "listLoadBalancerRules", fault: { _tag: "error", code: 530, text: "deadlock" } }
      ])
      const holdings = yield* inTime(Effect.flatMap(Inventory, (inventory) => inventory.holdings(() => true)))
      assert.strictEqual(holdings.length, 1)
    }).pipe(Effect.provide(on("alice", world())))
  )
})
