import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulated, simulatedAs } from "./simulated.ts"
import { address, admin, alice, bob, bobs, denied, everything, makeRule, nowhere, unknownId, vm } from "./world.ts"

describe("members", () => {
  const assign = "assignToLoadBalancerRule"
  const remove = "removeFromLoadBalancerRule"
  const failed = "530 Failed to assign load balancer rule"

  it.effect("are added all or none, and the reason is lost", () =>
    Effect.gen(function* () {
      const id = yield* makeRule(yield* address())
      const [n1, n2, n3, m1, both] = yield* Effect.forEach(["n1", "n2", "n3", "m1", "both"], vm)
      const outcome = (...ids: ReadonlyArray<string | undefined>) =>
        alice.outcome(assign, { id, virtualmachineids: ids.join(",") })
      assert.strictEqual(yield* outcome(n1), "ok")
      assert.strictEqual(yield* outcome(n1, n2), failed)
      assert.strictEqual(yield* outcome(n2, m1), failed)
      assert.lengthOf(yield* alice.all("listLoadBalancerRuleInstances", { id }), 1)
      assert.strictEqual(yield* outcome(n3, both), "ok")
      assert.strictEqual(yield* outcome(""), "ok")
      assert.strictEqual(yield* alice.outcome(assign, { id }), failed)
      assert.strictEqual(yield* bob.outcome(assign, { id, virtualmachineids: yield* bobs.vm }), failed)
      assert.strictEqual(
        yield* alice.verdict(assign, { id, virtualmachineids: nowhere }),
        unknownId(assign, "virtualmachineids")
      )
      const addresses = yield* alice.all("listLoadBalancerRuleInstances", { id, lbvmips: "true" })
      assert.lengthOf(addresses, 3)
      assert.strictEqual(yield* alice.verdict("listLoadBalancerRuleInstances", { id, applied: "false" }), "200")
      assert.deepStrictEqual(yield* alice.ok("listLoadBalancerRuleInstances", { id, applied: "false" }), {})
    }).pipe(simulated)
  )

  it.effect("may be named by address", () =>
    Effect.gen(function* () {
      const id = yield* makeRule(yield* address())
      const map = (vmid: string, vmip?: string) => ({
        id,
        "vmidipmap[0].vmid": vmid,
        ...(vmip === undefined ? {} : { "vmidipmap[0].vmip": vmip })
      })
      const n1 = yield* vm("n1")
      assert.strictEqual(yield* alice.outcome(assign, map(n1, "10.9.9.9")), failed)
      assert.match(yield* alice.outcome(assign, map(n1)), /^431 Invalid ip address null passed in vmidipmap for vmid /)
      assert.match(
        yield* alice.outcome(assign, map(n1, "nonsense")),
        /^431 Invalid ip address nonsense passed in vmidipmap for vmid /
      )
      assert.match(yield* alice.outcome(assign, map(nowhere, "10.1.1.1")), /^431 Unable to find virtual machine ID: /)
      assert.strictEqual(
        yield* alice.verdict(assign, { id, vmidipmap: "x" }),
        "431/9999 Unable to execute API command assigntoloadbalancerrule due to invalid value x for parameter vmidipmap"
      )
    }).pipe(simulated)
  )

  it.effect("are removed whether they are there or not, but for addresses", () =>
    Effect.gen(function* () {
      const id = yield* makeRule(yield* address())
      const [n1 = "", n2 = ""] = yield* Effect.forEach(["n1", "n2"], vm)
      yield* alice.done(assign, { id, virtualmachineids: n1 })
      assert.strictEqual(yield* alice.outcome(remove, { id, virtualmachineids: `${n1},${n2}` }), "ok")
      assert.strictEqual(yield* alice.outcome(remove, { id, virtualmachineids: n1 }), "ok")
      assert.deepStrictEqual(yield* alice.all("listLoadBalancerRuleInstances", { id }), [])
      const refused = "431 Failed to remove instance from load balancer rule"
      assert.strictEqual(yield* alice.outcome(remove, { id }), refused)
      assert.strictEqual(
        yield* alice.outcome(remove, { id, "vmidipmap[0].vmid": n1, "vmidipmap[0].vmip": "10.1.1.99" }),
        refused
      )
      assert.strictEqual(yield* bob.outcome(remove, { id, virtualmachineids: yield* bobs.vm }), `530 ${denied}`)
    }).pipe(simulated)
  )

  it.effect("are removed by address where one is named, whatever the list of machines says", () =>
    Effect.gen(function* () {
      const id = yield* makeRule(yield* address())
      const [n1 = "", n2 = ""] = yield* Effect.forEach(["n1", "n2"], vm)
      const [nic] = yield* alice.all("listNics", { virtualmachineid: n1 })
      const made = yield* alice.done("addIpToNic", { nicid: String(nic?.["id"]) })
      const mapped = { "vmidipmap[0].vmid": n1, "vmidipmap[0].vmip": String(made["ipaddress"]) }
      // Added in another order than the machines were made: a list shows them in that of the machines.
      yield* alice.done(assign, { id, virtualmachineids: n2 })
      yield* alice.done(assign, { id, virtualmachineids: n1 })
      yield* alice.done(assign, { id, ...mapped })
      const names = Effect.map(alice.all("listLoadBalancerRuleInstances", { id }), (all) => all.map(({ name }) => name))
      assert.deepStrictEqual(yield* names, ["n1", "n2"])
      yield* alice.done(remove, { id, virtualmachineids: n1, ...mapped })
      assert.deepStrictEqual(yield* names, ["n1", "n2"])
      yield* alice.done(remove, { id, virtualmachineids: n1 })
      assert.deepStrictEqual(yield* names, ["n2"])
    }).pipe(simulated)
  )
})

describe("stickiness and health checks", () => {
  it.effect("a rule has one policy, a new one replaces it", () =>
    Effect.gen(function* () {
      const lbruleid = yield* makeRule(yield* address())
      assert.deepStrictEqual(
        (yield* alice.all("listLBStickinessPolicies", { lbruleid })).map((entry) => entry["stickinesspolicy"]),
        [[]]
      )
      const policy = {
        lbruleid,
        name: "p",
        methodname: "LbCookie",
        "param[0].name": "cookie-name",
        "param[0].value": "C"
      }
      assert.strictEqual(yield* alice.outcome("createLBStickinessPolicy", policy), "ok")
      assert.strictEqual(
        yield* alice.outcome("createLBStickinessPolicy", { lbruleid, name: "q", methodname: "SourceBased" }),
        "ok"
      )
      const [entry] = yield* alice.all("listLBStickinessPolicies", { lbruleid })
      const policies = entry?.["stickinesspolicy"]
      assert.lengthOf(Array.isArray(policies) ? policies : [], 1)
      assert.strictEqual(
        yield* alice.verdict("createLBStickinessPolicy", { ...policy, methodname: "Nonsense" }),
        "431/4350 Failed to match Stickiness method name for LB rule:<N>"
      )
      assert.strictEqual(
        yield* alice.verdict("createLBStickinessPolicy", { ...policy, "param[0].name": "colour" }),
        "431/4350 Failed : Stickiness policy does not support param name :colour"
      )
    }).pipe(simulated)
  )

  it.effect("policies are listed by rule or by their own id, which has to be one of the rule", () =>
    Effect.gen(function* () {
      const list = "listLBStickinessPolicies"
      const ip = yield* address()
      const lbruleid = yield* makeRule(ip)
      const other = yield* makeRule(ip, { publicport: "81" })
      yield* alice.done("createLBStickinessPolicy", { lbruleid, name: "p", methodname: "SourceBased" })
      const [entry] = yield* alice.all(list, { lbruleid })
      const [policy] = Array.isArray(entry?.["stickinesspolicy"]) ? entry["stickinesspolicy"] : []
      const id = String(policy?.id)
      assert.deepStrictEqual(yield* alice.all(list, { id }), [entry])
      assert.deepStrictEqual(yield* alice.all(list, { id, lbruleid }), [entry])
      assert.strictEqual(
        yield* alice.verdict(list),
        "431/4350 load balancer rule ID and stickiness policy ID can't be null"
      )
      assert.match(
        yield* alice.verdict(list, { id, lbruleid: other }),
        /^431\/4350 stickiness policy ID doesn't belong to lbId\d+$/
      )
      assert.strictEqual(yield* alice.verdict(list, { id: "987654" }), "431/4350 stickiness policy ID doesn't exist")
      assert.deepStrictEqual(yield* alice.ok(list, { lbruleid: "987654" }), {})
      assert.strictEqual(
        yield* alice.verdict("createLBStickinessPolicy", { lbruleid: "987654", name: "p", methodname: "SourceBased" }),
        "431/4350 Failed: LB rule id: 987654 not present "
      )
    }).pipe(simulated)
  )

  it.effect("a rule that is being deleted gets no policies", () =>
    Effect.gen(function* () {
      const lbruleid = yield* makeRule(yield* address())
      yield* alice.ok("deleteLoadBalancerRule", { id: lbruleid })
      const going = /^431\/4350 Failed: LB rule: LoadBalancer \{.*"state":"Revoke".*\} is in deleting state: $/
      assert.match(
        yield* alice.verdict("createLBStickinessPolicy", { lbruleid, name: "p", methodname: "SourceBased" }),
        going
      )
      assert.match(yield* alice.verdict("createLBHealthCheckPolicy", { lbruleid }), going)
    }).pipe(simulatedAs({ ...everything, settings: { jobMillis: 1000 } }))
  )

  it.effect("the router offers no health checks", () =>
    Effect.gen(function* () {
      const lbruleid = yield* makeRule(yield* address())
      assert.match(
        yield* alice.verdict("createLBHealthCheckPolicy", { lbruleid }),
        /^430\/9999 Failed to create HealthCheck policy: Validation Failed \(HealthCheck Policy is not supported by LB Provider for the LB rule:LoadBalancer \{.*\}\)$/
      )
    }).pipe(simulated)
  )
})

describe("scope", () => {
  it.effect("root sees others with listall or by id", () =>
    Effect.gen(function* () {
      const id = yield* makeRule(yield* address())
      assert.deepStrictEqual(yield* admin.all("listLoadBalancerRules"), [])
      assert.lengthOf(yield* admin.all("listLoadBalancerRules", { listall: "true" }), 1)
      assert.lengthOf(yield* admin.all("listLoadBalancerRules", { id }), 1)
      assert.deepStrictEqual(yield* bob.all("listLoadBalancerRules", { id, listall: "true" }), [])
    }).pipe(simulated)
  )
})
