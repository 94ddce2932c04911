import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Redacted, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { CloudStackError } from "../../../src/cloudstack/Api.ts"
import { type Answer, NotFound } from "../../../src/cloudstack/Api.ts"
import { Inventory } from "../../../src/cloudstack/Inventory.ts"
import { layer as cloudStack } from "../../../src/cloudstack/layers.ts"
import { Settings } from "../../../src/config/Settings.ts"
import { AddressId, type Holding, RuleId, VmId } from "../../../src/domain/Cloud.ts"
import { type Asked, scripted } from "../scripted.ts"
import { settingsOf } from "../settings.ts"

interface World {
  readonly addresses: Set<string>
  /** Rule to its address and members. */
  readonly rules: Map<string, { address: string; members: Array<string> }>
  readonly vms: ReadonlyArray<string>
  /** Firewall rule to its address. */
  readonly firewall: Map<string, string>
}

const worldOf = (addresses: number, rulesEach: number, vms: number): World => ({
  addresses: new Set(Array.from({ length: addresses }, (_, a) => `a${a}`)),
  rules: new Map(
    Array.from({ length: addresses * rulesEach }, (_, r) => [
      `r${r}`,
      { address: `a${Math.floor(r / rulesEach)}`, members: r % 2 === 0 ? ["v0", "v1"] : ["v1"] }
    ])
  ),
  vms: Array.from({ length: vms }, (_, v) => `v${v}`),
  firewall: new Map(Array.from({ length: addresses }, (_, a) => [`f${a}`, `a${a}`]))
})

const listed = (key: string, items: ReadonlyArray<Answer>): Answer =>
  items.length === 0 ? {} : { count: items.length, [key]: items }

/** The lists as CloudStack would give them now. */
const answer = (world: World, { command, parameters }: Asked): Answer | NotFound => {
  const { id, ipaddressid, publicipid, virtualmachineid } = parameters
  switch (command) {
    case "listPublicIpAddresses":
      return listed(
        "publicipaddress",
        [...world.addresses]
          .filter((address) => id === undefined || id === address)
          .map((address) => ({ id: address, ipaddress: "203.0.113.1", state: "Allocated", associatednetworkid: "n" }))
      )
    case "listLoadBalancerRules":
      return listed(
        "loadbalancerrule",
        [...world.rules]
          .filter(([, { address }]) => publicipid === undefined || publicipid === address)
          .filter(([, { members }]) => virtualmachineid === undefined || members.includes(virtualmachineid))
          .map(([rule, { address }]) => ({
            id: rule,
            publicipid: address,
            publicport: "80",
            privateport: "80",
            networkid: "n"
          }))
      )
    case "listLoadBalancerRuleInstances": {
      const rule = world.rules.get(id ?? "")
      if (rule === undefined) return new NotFound({ text: "entity does not exist" })
      return listed(
        "loadbalancerruleinstance",
        rule.members.map((vm) => ({ id: vm }))
      )
    }
    case "listFirewallRules":
      return listed(
        "firewallrule",
        [...world.firewall]
          .filter(([, address]) => ipaddressid === undefined || ipaddressid === address)
          .map(([rule, address]) => ({ id: rule, ipaddressid: address, protocol: "tcp" }))
      )
    case "listPortForwardingRules":
      return listed("portforwardingrule", [])
    case "listVirtualMachines":
      return listed(
        "virtualmachine",
        world.vms.map((vm) => ({ id: vm, name: vm, state: "Running", nic: [{ networkid: "n" }] }))
      )
    default:
      return assert.fail(command)
  }
}

/** As asked by somebody to whom everything matters. */
interface Whole extends Omit<Inventory["Service"], "holdings" | "survey"> {
  readonly holdings: Effect.Effect<ReadonlyArray<Holding>, CloudStackError>
  readonly survey: Effect.Effect<ReadonlyArray<Holding>, CloudStackError>
}

const on = <A, E>(
  world: World,
  body: (inventory: Whole, asked: Array<Asked>, rotate: () => void) => Effect.Effect<A, E, Scope.Scope>,
  delay: (asked: Asked) => number = () => 0
) => {
  const asked: Array<Asked> = []
  let settings = settingsOf({ rateLimit: { qps: 1_000, burst: 1_000 } })
  const rotate = () => {
    settings = { ...settings, credentials: { ...settings.credentials, apiKey: Redacted.make("another") } }
  }
  const api = scripted((one) => {
    const now = answer(world, one)
    const millis = delay(one)
    return millis === 0 ? now : Effect.delay(Effect.succeed(now), millis)
  }, asked)
  const layer = cloudStack.pipe(
    Layer.provide(api),
    Layer.provide(Layer.succeed(Settings, { current: Effect.sync(() => settings), changes: Stream.empty }))
  )
  return Effect.scoped(
    Effect.flatMap(Inventory, ({ holdings, survey, ...others }) =>
      body({ ...others, holdings: holdings(() => true), survey: survey(() => true) }, asked, rotate)
    ).pipe(Effect.provide(layer))
  )
}

const seen = (holdings: ReadonlyArray<Holding>) =>
  Object.fromEntries(
    holdings.map(({ address, firewall, rules }) => [
      address.id,
      [...rules.map(({ id, members }) => `${id}:${[...members].sort().join("+")}`), ...firewall.map(({ id }) => id)]
    ])
  )
const expected = (world: World) =>
  Object.fromEntries(
    [...world.addresses].map((id) => [
      id,
      [
        ...[...world.rules]
          .filter(([, { address }]) => address === id)
          .map(([rule, { members }]) => `${rule}:${[...members].sort().join("+")}`),
        ...[...world.firewall].filter(([, address]) => address === id).map(([rule]) => rule)
      ]
    ])
  )
const id = AddressId.make

describe("Inventory.holdings", () => {
  for (const [name, world, calls] of [
    ["nothing", worldOf(0, 0, 3), 2],
    ["few rules", worldOf(1, 2, 50), 6],
    ["more machines than rules", worldOf(10, 2, 50), 5 + 20],
    ["more rules than machines", worldOf(20, 5, 3), 5 + 3]
  ] as const) {
    it.effect(`reads ${name} in ${calls} calls, and then in none`, () =>
      on(world, ({ holdings }, asked) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(seen(yield* holdings), expected(world))
          assert.strictEqual(asked.length, calls)
          assert.deepStrictEqual(seen(yield* holdings), expected(world))
          assert.strictEqual(asked.length, calls)
        })
      )
    )
  }

  it.effect("is one read for all who ask at once", () => {
    const world = worldOf(2, 2, 5)
    return on(
      world,
      ({ holdings }, asked) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkScoped(Effect.replicateEffect(holdings, 10, { concurrency: 10 }), {
            startImmediately: true
          })
          yield* TestClock.adjust("1 second")
          yield* Fiber.join(fiber)
          assert.strictEqual(asked.filter(({ command }) => command === "listPublicIpAddresses").length, 1)
        }),
      () => 10
    )
  })

  it.effect("reads only what was changed", () => {
    const world = worldOf(10, 2, 50)
    return on(world, ({ changed, holdings }, asked) =>
      Effect.gen(function* () {
        yield* holdings
        asked.length = 0
        world.rules.get("r4")?.members.push("v2")
        world.rules.delete("r5")
        world.addresses.delete("a3")
        yield* changed(id("a2"), ["r5"])
        yield* changed(id("a3"), ["a3"])
        const now = yield* holdings
        assert.deepStrictEqual(seen(now)["a2"], ["r4:v0+v1+v2", "f2"])
        assert.isUndefined(seen(now)["a3"])
        assert.strictEqual(asked.length, 6)
        yield* holdings
        assert.strictEqual(asked.length, 6)
      })
    )
  })

  it.effect("believes at a second look only that something has gone which nobody here has removed", () => {
    const world = worldOf(10, 2, 50)
    return on(world, ({ changed, fresh, holdings }, asked) =>
      Effect.gen(function* () {
        yield* holdings
        asked.length = 0
        yield* fresh(id("a2"))
        const once = asked.length
        yield* changed(id("a2"))
        world.firewall.delete("f2")
        asked.length = 0
        const [holding] = Option.toArray(yield* fresh(id("a2")))
        assert.deepStrictEqual(holding?.firewall, [])
        assert.isAtLeast(asked.length, 2 * once)
        asked.length = 0
        yield* fresh(id("a2"))
        assert.isAtMost(asked.length, once + 1)
      })
    )
  })

  it.effect("knows an address that was acquired since, and reads what has come onto it", () => {
    const world = worldOf(5, 1, 50)
    return on(world, ({ acquired, holdings }, asked) =>
      Effect.gen(function* () {
        const [known] = yield* holdings
        assert(known !== undefined)
        asked.length = 0
        world.addresses.add("new")
        yield* acquired({ ...known.address, id: id("new") })
        world.rules.set("r-new", { address: "new", members: ["v0"] })
        assert.deepStrictEqual(seen(yield* holdings), expected(world))
        // The address itself, its rules, forwards, firewall rules (again, since there are none) and members.
        assert.strictEqual(asked.length, 6)
        yield* holdings
        assert.strictEqual(asked.length, 6)
      })
    )
  })

  it.effect("does not lose a change that comes while it reads", () => {
    const world = worldOf(1, 1, 2)
    return on(
      world,
      ({ changed, fresh, holdings }) =>
        Effect.gen(function* () {
          const reading = yield* Effect.forkScoped(holdings, { startImmediately: true })
          yield* TestClock.adjust("150 millis")
          world.rules.set("r9", { address: "a0", members: ["v0"] })
          yield* changed(id("a0"))
          const own = yield* Effect.forkScoped(fresh(id("a0")), { startImmediately: true })
          yield* TestClock.adjust("1 second")
          yield* Fiber.join(reading)
          yield* Fiber.join(own)
          const after = yield* Effect.forkScoped(holdings, { startImmediately: true })
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(seen(yield* Fiber.join(after)), expected(world))
        }),
      // The whole read is slow to give its rules, which it read before the change.
      ({ command, parameters }) =>
        command === "listLoadBalancerRules" && parameters["publicipid"] === undefined ? 500 : 10
    )
  })

  it.effect("begins anew when told to, and for another key", () => {
    const world = worldOf(1, 1, 2)
    return on(world, ({ expire, holdings }, asked, rotate) =>
      Effect.gen(function* () {
        yield* holdings
        world.rules.clear()
        yield* expire
        assert.deepStrictEqual(seen(yield* holdings), expected(world))
        world.firewall.clear()
        rotate()
        asked.length = 0
        assert.deepStrictEqual(seen(yield* holdings), expected(world))
        assert.strictEqual(asked.length, 4)
      })
    )
  })
})

describe("Inventory.fresh", () => {
  it.effect("is none for an address that is not ours, and the next holdings know", () => {
    const world = worldOf(2, 1, 2)
    return on(world, ({ fresh, holdings }) =>
      Effect.gen(function* () {
        yield* holdings
        world.addresses.delete("a0")
        assert.isTrue(Option.isNone(yield* fresh(id("a0"))))
        assert.deepStrictEqual(Object.keys(seen(yield* holdings)), ["a1"])
      })
    )
  })

  it.effect("still shows a rule that goes while its members are read, without them", () => {
    const world = worldOf(1, 2, 2)
    return on(
      world,
      ({ fresh }) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkScoped(fresh(id("a0")), { startImmediately: true })
          yield* TestClock.adjust("15 millis")
          world.rules.delete("r1")
          yield* TestClock.adjust("1 second")
          const holding = Option.getOrThrow(yield* Fiber.join(fiber))
          assert.deepStrictEqual(seen([holding]), { a0: ["r0:v0+v1", "r1:", "f0"] })
        }),
      ({ command }) => (command === "listLoadBalancerRuleInstances" ? 0 : 10)
    )
  })
})

describe("Inventory.survey", () => {
  it.effect("reads two lists, and the rest only of what is new", () => {
    const world = worldOf(20, 2, 5)
    return on(world, ({ holdings, survey }, asked) =>
      Effect.gen(function* () {
        yield* holdings
        asked.length = 0
        yield* survey
        assert.strictEqual(asked.length, 2)
        world.addresses.add("a99")
        world.rules.set("r99", { address: "a99", members: ["v0"] })
        world.rules.delete("r0")
        asked.length = 0
        assert.deepStrictEqual(seen(yield* survey), expected(world))
        // The two lists are read again, because a rule has vanished.
        assert.isAtMost(asked.length, 9)
      })
    )
  })
})

describe("members alone", () => {
  const rule = RuleId.make
  const vm = VmId.make
  const commands = (asked: ReadonlyArray<Asked>) => asked.map(({ command }) => command)
  const one = (found: Option.Option<Holding>) => seen(Option.toArray(found))

  it.effect("are read of the rules that are asked about, and of nothing else", () => {
    const world = worldOf(5, 2, 50)
    return on(world, ({ freshMembers, holdings }, asked) =>
      Effect.gen(function* () {
        yield* holdings
        asked.length = 0
        world.rules.get("r4")?.members.push("v7")
        world.rules.get("r5")?.members.push("v7")
        const read = one(yield* freshMembers(id("a2"), [rule("r4")]))
        assert.deepStrictEqual(read, { a2: ["r4:v0+v1+v7", "r5:v1", "f2"] })
        assert.deepStrictEqual(commands(asked), ["listLoadBalancerRuleInstances"])
        // It is known from now on.
        assert.deepStrictEqual(seen(yield* holdings)["a2"], ["r4:v0+v1+v7", "r5:v1", "f2"])
        assert.strictEqual(asked.length, 1)
      })
    )
  })

  it.effect.each(["a rule that is gone", "an address that was changed", "an address that is not known"])(
    "of %s are no more than the rest: all of it is read",
    (what) => {
      const world = worldOf(5, 2, 50)
      return on(world, ({ changed, freshMembers, holdings }, asked) =>
        Effect.gen(function* () {
          if (!what.endsWith("not known")) yield* holdings
          if (what.endsWith("is gone")) world.rules.delete("r4")
          if (what.endsWith("was changed")) {
            world.rules.set("r4b", { address: "a2", members: [] })
            yield* changed(id("a2"))
          }
          asked.length = 0
          assert.deepStrictEqual(one(yield* freshMembers(id("a2"), [rule("r4")])), { a2: expected(world)["a2"] ?? [] })
          assert.includeMembers(commands(asked), ["listPublicIpAddresses", "listLoadBalancerRules"])
        })
      )
    }
  )

  it.effect("are known as we have changed them, without a call", () => {
    const world = worldOf(5, 2, 50)
    return on(world, ({ holdings, membersChanged }, asked) =>
      Effect.gen(function* () {
        yield* holdings
        asked.length = 0
        yield* membersChanged(id("a2"), [
          { rule: rule("r4"), add: [vm("v7"), vm("v1")], drop: [] },
          { rule: rule("r5"), add: [], drop: [vm("v1")] },
          { rule: rule("r0"), add: [vm("v9")], drop: [] }
        ])
        const now = seen(yield* holdings)
        assert.deepStrictEqual(now["a2"], ["r4:v0+v1+v7", "r5:", "f2"])
        assert.deepStrictEqual(now["a0"], expected(world)["a0"])
        assert.deepStrictEqual(asked, [])
      })
    )
  })

  it.effect("say nothing of an address that somebody has changed besides", () => {
    const world = worldOf(5, 2, 50)
    return on(world, ({ changed, holdings, membersChanged }, asked) =>
      Effect.gen(function* () {
        yield* holdings
        yield* changed(id("a2"))
        yield* membersChanged(id("a2"), [{ rule: rule("r4"), add: [vm("v7")], drop: [] }])
        world.rules.get("r4")?.members.push("v8")
        asked.length = 0
        assert.deepStrictEqual(seen(yield* holdings)["a2"], ["r4:v0+v1+v8", "r5:v1", "f2"])
        assert.isAbove(asked.length, 0)
      })
    )
  })
})
