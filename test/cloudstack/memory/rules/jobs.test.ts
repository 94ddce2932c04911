import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulated } from "./simulated.ts"
import { address, admin, alice, bob, denied, dora, makeRule, masked, network, ruleOn, unknownId, vm } from "./world.ts"

const chosen = "11111111-2222-4333-8444-555555555555"

describe("customjobid", () => {
  it.effect("names the job, so that a lost answer can be looked up", () =>
    Effect.gen(function* () {
      const networkid = yield* network("net1")
      assert.deepInclude(yield* alice.ok("associateIpAddress", { networkid, customjobid: chosen }), { jobid: chosen })
      const job = yield* alice.ok("queryAsyncJobResult", { jobid: chosen })
      assert.deepInclude(job, { jobinstancetype: "IpAddress", jobid: chosen })
    }).pipe(simulated)
  )

  it.effect("in use is refused after the object was made", () =>
    Effect.gen(function* () {
      const networkid = yield* network("net1")
      yield* alice.done("associateIpAddress", { networkid, customjobid: chosen })
      assert.strictEqual(
        yield* alice.verdict("associateIpAddress", { networkid, customjobid: chosen }),
        `530/9999 ${masked}`
      )
      const stuck = yield* alice.all("listPublicIpAddresses", { allocatedonly: "false", state: "Allocating" })
      assert.lengthOf(stuck, 1)
      assert.strictEqual(yield* alice.outcome("disassociateIpAddress", { id: String(stuck[0]?.["id"]) }), "ok")
      for (const customjobid of ["nonsense", ""]) {
        assert.strictEqual(
          yield* alice.verdict("createLoadBalancerRule", { ...ruleOn(yield* address()), customjobid }),
          `431/4350 UUID: ${customjobid} doesn't follow the UUID format`
        )
      }
      assert.lengthOf(yield* alice.all("listLoadBalancerRules"), 2)
    }).pipe(simulated)
  )

  it.effect("in use stops a command that makes nothing", () =>
    Effect.gen(function* () {
      const id = yield* makeRule(yield* address())
      yield* alice.done("associateIpAddress", { networkid: yield* network("net1"), customjobid: chosen })
      assert.strictEqual(
        yield* alice.verdict("assignToLoadBalancerRule", {
          id,
          virtualmachineids: yield* vm("n1"),
          customjobid: chosen
        }),
        `530/9999 ${masked}`
      )
      assert.deepStrictEqual(yield* alice.all("listLoadBalancerRuleInstances", { id }), [])
    }).pipe(simulated)
  )
})

describe("jobs", () => {
  it.effect("are seen by their account only, and listed while they are pending", () =>
    Effect.gen(function* () {
      const networkid = yield* network("net1")
      const job = yield* alice.job("associateIpAddress", { networkid })
      const jobid = String(job["jobid"])
      assert.match(
        yield* bob.verdict("queryAsyncJobResult", { jobid }),
        /^531\/4365 Account Account \[\{"accountName":"bob","id":<N>,"uuid":"<uuid>"\}\] is not authorized to see job id=<N>$/
      )
      assert.deepStrictEqual(yield* alice.ok("listAsyncJobs"), {})
      assert.strictEqual(
        yield* alice.verdict("queryAsyncJobResult", { jobid: "x" }),
        unknownId("queryAsyncJobResult", "jobid", "x")
      )
    }).pipe(simulated)
  )

  it.effect("of the domain are seen by its administrator, those of root are not", () =>
    Effect.gen(function* () {
      const networkid = yield* network("net1")
      const ofAlice = String((yield* alice.job("associateIpAddress", { networkid }))["jobid"])
      const ofRoot = String((yield* admin.job("rebootVirtualMachine", { id: yield* vm("n1") }))["jobid"])
      assert.strictEqual(yield* dora.verdict("queryAsyncJobResult", { jobid: ofAlice }), "200")
      assert.strictEqual(yield* dora.verdict("queryAsyncJobResult", { jobid: ofRoot }), `531/4365 ${denied}`)
    }).pipe(simulated)
  )

  it.effect("a new object is there as soon as the call returns", () =>
    Effect.gen(function* () {
      const made = yield* alice.ok("createLoadBalancerRule", ruleOn(yield* address()))
      const id = String(made["id"])
      assert.lengthOf(yield* alice.all("listLoadBalancerRules", { id }), 1)
      assert.strictEqual(
        yield* alice.outcome("assignToLoadBalancerRule", { id, virtualmachineids: yield* vm("n1") }),
        "ok"
      )
    }).pipe(simulated)
  )
})
