import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import type { Parameters } from "../../../src/cloudstack/Api.ts"
import { driftRepaired } from "../../../src/observability/metrics.ts"
import {
  applyNodes,
  applyService,
  bed,
  byHand,
  eventMessages,
  pass,
  started,
  wholeWorld,
  world
} from "../../support/testBed.ts"

type World = Effect.Success<typeof world>

const ruleOf = ({ loadBalancerRules }: World) => loadBalancerRules.find(({ publicPort }) => publicPort === 80)?.id ?? ""
const firewallOf = ({ firewallRules }: World) => firewallRules.find(({ startPort }) => startPort === 80)?.id ?? ""
const addressOf = ({ addresses }: World) => addresses.find(({ sourceNat }) => !sourceNat)?.id ?? ""

/** By somebody else's hand; what is repaired of it, as a person reads it, and by which step the metric counts it. */
const changes: Readonly<
  Record<
    string,
    { readonly by: (state: World) => readonly [string, Parameters]; readonly told: RegExp; readonly step: string }
  >
> = {
  "a rule deleted": {
    by: (state) => ["deleteLoadBalancerRule", { id: ruleOf(state) }],
    told: /Repaired: create rule a\w+-tcp-80 \(tcp 80 to 30080\); add 3 member\(s\) to the rule of port 80$/,
    step: "CreateRule"
  },
  "a firewall rule deleted": {
    by: (state) => ["deleteFirewallRule", { id: firewallOf(state) }],
    told: /Repaired: open tcp 80 for 0\.0\.0\.0\/0$/,
    step: "OpenBorder"
  },
  "another algorithm": {
    by: (state) => ["updateLoadBalancerRule", { id: ruleOf(state), algorithm: "leastconn" }],
    told: /Repaired: update rule \S+ of port 80 \(algorithm\)$/,
    step: "UpdateRule"
  },
  "a member taken out": {
    by: (state) => [
      "removeFromLoadBalancerRule",
      { id: ruleOf(state), virtualmachineids: state.machines.find(({ name }) => name === "n2")?.id ?? "" }
    ],
    told: /Repaired: add 1 member\(s\) to the rule of port 80$/,
    step: "AddMembers"
  }
}

const counted = (step: string) => Effect.map(Metric.value(driftRepaired.of({ step })), ({ count }) => Number(count))

describe("drift", () => {
  for (const [what, { by, step, told }] of Object.entries(changes)) {
    it.effect(`${what} by hand is repaired at the resync, counted, and told in one Event`, () =>
      Effect.gen(function* () {
        yield* applyNodes("n1", "n2", "n3")
        yield* applyService()
        yield* started
        yield* pass(30)
        const before = yield* eventMessages()
        yield* byHand(...by(yield* world))
        yield* pass(2 * 660)
        const events = (yield* eventMessages()).slice(before.length)
        assert.lengthOf(events, 1)
        assert.match(events[0] ?? "", /^DriftRepaired: /)
        assert.match(events[0] ?? "", told)
        assert.strictEqual(yield* counted(step), 1)
      }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()), Effect.scoped, Effect.provide(bed()))
    )
  }

  it.effect("what is foreign on the address is left, and nothing is told", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      yield* applyService()
      yield* started
      yield* pass(30)
      const before = yield* eventMessages()
      yield* byHand("createFirewallRule", {
        ipaddressid: addressOf(yield* world),
        protocol: "tcp",
        startport: "22",
        endport: "22"
      })
      const state = yield* wholeWorld
      yield* pass(660)
      assert.deepStrictEqual(yield* eventMessages(), before)
      assert.deepStrictEqual(yield* wholeWorld, state)
    }).pipe(Effect.scoped, Effect.provide(bed()))
  )
})
