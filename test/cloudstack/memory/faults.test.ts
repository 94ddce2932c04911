/** Faults happen to the call they are meant for, once, and do exactly what they say. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Result } from "effect"
import { TestClock } from "effect/testing"
import { CloudStackApi } from "../../../src/cloudstack/Api.ts"
import type { FaultKind } from "../../../src/cloudstack/memory/faults.ts"
import { layerMemory } from "../../../src/cloudstack/memory/layerMemory.ts"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { as } from "../../support/simulated.ts"
import { address, alice, networkId, ruleOn, send, simulated, stateOf, statusOf } from "./smallWorld.ts"

const inject = (command: string, fault: FaultKind, occurrence = 1) =>
  Effect.flatMap(Simulator, (simulator) => simulator.inject([{ command, fault, occurrence }]))

describe("faults", () => {
  it.effect("hit the call they name, the how many-th one they name, and no other", () =>
    Effect.gen(function* () {
      yield* inject("listZones", { _tag: "error", code: 530, text: "nothing works" }, 2)
      assert.strictEqual(yield* alice.verdict("listZones"), "200")
      assert.strictEqual(yield* alice.verdict("listNetworks"), "200")
      assert.strictEqual(yield* alice.verdict("listZones"), "530/9999 nothing works")
      assert.strictEqual(yield* alice.verdict("listZones"), "200")
    }).pipe(simulated())
  )

  it.effect("can be there from the beginning, for one account", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* as("bob").verdict("listZones"), "200")
      assert.match(yield* alice.verdict("listZones"), /^429\/9999 .*retry after \[700\] ms\.$/)
    }).pipe(simulated({ faults: [{ account: "alice", fault: { _tag: "throttle", millis: 700 } }] }))
  )

  it.effect("an error, a page or an empty body changes nothing; a lost answer has taken effect", () =>
    Effect.gen(function* () {
      const networkid = yield* networkId("net1")
      const { callAs } = yield* Simulator
      const before = (yield* stateOf("addresses")).length
      const faults: ReadonlyArray<FaultKind> = [
        { _tag: "error", code: 530, text: "no" },
        { _tag: "html500" },
        { _tag: "emptyBody" },
        { _tag: "refuseConnection" }
      ]
      for (const fault of faults) {
        yield* inject("associateIpAddress", fault)
        yield* callAs("alice", "associateIpAddress", { networkid })
        assert.strictEqual((yield* stateOf("addresses")).length, before, fault._tag)
      }
      yield* inject("associateIpAddress", { _tag: "loseAnswer" })
      const lost = yield* callAs("alice", "associateIpAddress", { networkid })
      assert.isTrue(lost.dropped)
      assert.isUndefined(lost.body)
      assert.strictEqual((yield* stateOf("addresses")).length, before + 1)
    }).pipe(simulated())
  )

  it.effect("come through the Layer as the errors a client sees", () =>
    Effect.gen(function* () {
      const api = yield* CloudStackApi
      const reason = Effect.fnUntraced(function* (fault: FaultKind) {
        yield* inject("listZones", fault)
        const result = yield* Effect.result(api.call("listZones", {}))
        return Result.isFailure(result) ? result.failure.reason : undefined
      })
      assert.deepInclude(yield* reason({ _tag: "loseAnswer" }), { _tag: "Unreachable", sent: true })
      assert.deepInclude(yield* reason({ _tag: "refuseConnection" }), { _tag: "Unreachable", sent: false })
      assert.deepInclude(yield* reason({ _tag: "html500" }), { _tag: "Unavailable", status: 500 })
      assert.deepInclude(yield* reason({ _tag: "emptyBody" }), { _tag: "Malformed" })
      assert.strictEqual((yield* reason({ _tag: "throttle", millis: 5 }))?._tag, "Throttled")
      assert.isUndefined(yield* reason({ _tag: "delay", millis: 0 }))
    }).pipe(Effect.provide(layerMemory("alice")), simulated())
  )

  it.effect("a failed job is not done and cleans up; a killed one leaves its object and has no result", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      yield* inject("createLoadBalancerRule", { _tag: "failJob", code: 530, text: "Failed", result: true })
      assert.strictEqual(yield* alice.outcome("createLoadBalancerRule", ruleOn(ip, 80)), "530 Failed")
      assert.deepStrictEqual(yield* stateOf("loadBalancerRules"), [])
      yield* inject("createLoadBalancerRule", { _tag: "failJob", code: 530, result: false })
      const job = yield* alice.job("createLoadBalancerRule", ruleOn(ip, 80))
      assert.deepInclude(job, { jobstatus: 2, jobresultcode: 530 })
      assert.notProperty(job, "jobresult")
      assert.strictEqual((yield* stateOf("loadBalancerRules")).length, 1)
    }).pipe(simulated())
  )

  it.effect("a stuck job never ends", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      yield* inject("disassociateIpAddress", { _tag: "stuckJob" })
      const { jobid } = yield* send("disassociateIpAddress", { id: ip })
      yield* TestClock.adjust("1 day")
      assert.strictEqual(yield* statusOf(String(jobid)), 0)
      assert.deepInclude(yield* alice.first("listPublicIpAddresses", { id: ip }), { state: "Allocated" })
    }).pipe(simulated())
  )

  it.effect("a stale list shows what was there a while ago, and nothing else is stale", () =>
    Effect.gen(function* () {
      yield* inject("listLoadBalancerRules", { _tag: "staleList", millis: 5000 })
      const ip = yield* address()
      yield* alice.make("createLoadBalancerRule", ruleOn(ip, 80))
      yield* TestClock.adjust("10 seconds")
      yield* alice.make("createLoadBalancerRule", ruleOn(ip, 81))
      yield* TestClock.adjust("2 seconds")
      const names = Effect.map(alice.all("listLoadBalancerRules"), (rules) => rules.map((rule) => rule["name"]))
      assert.deepStrictEqual(yield* names, ["r80"])
      assert.deepStrictEqual(yield* names, ["r80", "r81"])
    }).pipe(simulated())
  )

  it.effect("a delay only delays", () =>
    Effect.gen(function* () {
      yield* inject("listZones", { _tag: "delay", millis: 4000 })
      const before = yield* Clock.currentTimeMillis
      assert.strictEqual(yield* alice.verdict("listZones"), "200")
      assert.strictEqual((yield* Clock.currentTimeMillis) - before, 4000)
    }).pipe(simulated())
  )
})

describe("the log", () => {
  it.effect("has every request with its outcome, and no secret", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.handle({
        method: "POST",
        parameters: { command: "listZones", apiKey: "alice-key", signature: "c2VjcmV0", name: "x" }
      })
      yield* simulator.callAs("alice", "listHosts", {})
      const log = yield* simulator.log
      assert.deepStrictEqual(
        log.map(({ account, command, parameters, status }) => [account, command, parameters, status]),
        [
          ["alice", "listZones", { name: "x" }, 401],
          ["alice", "listHosts", {}, 432]
        ]
      )
      assert.match(log[1]?.errorText ?? "", /^The API \[listHosts\]/)
      assert.notInclude(JSON.stringify(log), "alice-key")
    }).pipe(simulated())
  )
})

describe("the state", () => {
  it.effect("is the same for the same seed and calls, and tells nobody's keys", () =>
    Effect.gen(function* () {
      const run = Effect.gen(function* () {
        const ip = yield* address()
        yield* alice.make("createLoadBalancerRule", ruleOn(ip, 80))
        return yield* (yield* Simulator).world
      })
      const [a, b] = [yield* run.pipe(simulated({ seed: 7 })), yield* run.pipe(simulated({ seed: 7 }))]
      const other = yield* run.pipe(simulated({ seed: 8 }))
      assert.deepStrictEqual(a, b)
      assert.notDeepEqual(a, other)
      assert.notMatch(JSON.stringify(a), /-key|-secret/)
    })
  )
})
