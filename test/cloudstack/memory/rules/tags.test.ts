import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulated } from "./simulated.ts"
import { address, admin, alice, bob, bobs, denied, makeRule, nowhere, ruleOn, vm } from "./world.ts"

describe("tags", () => {
  const tag = (key: string, value?: string, index = 0) => ({
    [`tags[${index}].key`]: key,
    ...(value === undefined ? {} : { [`tags[${index}].value`]: value })
  })

  it.effect("are all or nothing", () =>
    Effect.gen(function* () {
      const [n1 = "", n2 = ""] = yield* Effect.forEach(["n1", "n2"], vm)
      const outcome = (resourceids: string, tags: Readonly<Record<string, string>>, resourcetype = "UserVm") =>
        alice.outcome("createTags", { resourceids, resourcetype, ...tags })
      assert.strictEqual(yield* outcome(n1, tag("k", "v"), "uservm"), "ok")
      assert.strictEqual(yield* outcome(`${n2},${n1}`, tag("k", "v")), "530 tag k already on UserVm with id <uuid>")
      assert.deepStrictEqual(yield* alice.all("listTags", { resourceid: n2 }), [])
      assert.strictEqual(yield* outcome(n1, tag("e", "")), "431 Value for the key e is either null or empty")
      assert.strictEqual(yield* outcome(n1, tag("e")), "530 Command failed due to Internal Server Error")
      assert.strictEqual(yield* outcome(n1, tag("e", "v"), "Nonsense"), "431 Invalid resource type Nonsense")
      assert.strictEqual(
        yield* outcome(`${n1},${nowhere}`, tag("e", "v")),
        "431 Unable to find resource by uuid <uuid> and type UserVm"
      )
      assert.strictEqual(
        yield* outcome(n1, tag("e", "v"), "LoadBalancer"),
        "431 Unable to find resource by uuid <uuid> and type LoadBalancer"
      )
      assert.strictEqual(yield* outcome(`${n1},${yield* bobs.vm}`, tag("e", "v")), `530 ${denied}`)
      assert.strictEqual(yield* outcome(n1, tag("x".repeat(255), "y".repeat(255))), "ok")
      assert.lengthOf(yield* alice.all("listTags", { resourceid: n1 }), 2)
    }).pipe(simulated)
  )

  it.effect("are for machines that are destroyed, not for those that are expunged", () =>
    Effect.gen(function* () {
      const id = yield* vm("n1")
      const outcome = (key: string) =>
        alice.outcome("createTags", { resourceids: id, resourcetype: "UserVm", ...tag(key, "v") })
      yield* alice.done("destroyVirtualMachine", { id })
      assert.strictEqual(yield* outcome("a"), "ok")
      assert.strictEqual(yield* admin.outcome("expungeVirtualMachine", { id }), "ok")
      assert.strictEqual(yield* outcome("b"), "431 Unable to find resource by uuid <uuid> and type UserVm")
    }).pipe(simulated)
  )

  it.effect("are for resources named by number as well", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      yield* makeRule(ip)
      // The text about a conflict shows the number of the rule.
      const taken = yield* alice.call("createLoadBalancerRule", ruleOn(ip))
      const [, number = ""] = /FirewallRule \{"id":(\d+)/.exec(JSON.stringify(taken.body).replaceAll("\\", "")) ?? []
      const on = (resourceids: string) => ({ resourceids, resourcetype: "LoadBalancer", ...tag("k", "v") })
      assert.strictEqual(yield* alice.outcome("createTags", on(number)), "ok")
      assert.lengthOf(yield* alice.all("listLoadBalancerRules", tag("k", "v")), 1)
      assert.strictEqual(
        yield* alice.outcome("createTags", on(number)),
        `530 tag k already on LoadBalancer with id ${number}`
      )
      assert.strictEqual(yield* bob.outcome("createTags", on(number)), `530 ${denied}`)
      assert.strictEqual(yield* alice.outcome("deleteTags", on(number)), "ok")
      assert.strictEqual(
        yield* alice.outcome("createTags", on("987654")),
        "431 Unable to find resource by id 987654 and type LoadBalancer"
      )
      assert.strictEqual(yield* alice.outcome("deleteTags", on("987654")), "530 Failed to delete tags")
    }).pipe(simulated)
  )

  it.effect("filter lists by any of them, without case", () =>
    Effect.gen(function* () {
      const [n1 = "", n2 = ""] = yield* Effect.forEach(["n1", "n2"], vm)
      yield* alice.done("createTags", { resourceids: n1, resourcetype: "UserVm", ...tag("Cluster", "One") })
      yield* alice.done("createTags", { resourceids: n2, resourcetype: "UserVm", ...tag("cluster", "two") })
      const names = (tags: Readonly<Record<string, string>>) =>
        Effect.map(alice.all("listVirtualMachines", tags), (found) => found.map((one) => one["name"]))
      assert.deepStrictEqual(yield* names(tag("cluster", "one")), ["n1"])
      assert.deepStrictEqual(yield* names({ ...tag("cluster", "one"), ...tag("cluster", "TWO", 1) }), ["n1", "n2"])
      assert.deepStrictEqual(yield* names(tag("cluster", "three")), [])
      assert.strictEqual(
        yield* alice.verdict("listVirtualMachines", tag("cluster")),
        "431/4350 No value is passed in for key cluster"
      )
    }).pipe(simulated)
  )

  it.effect("go one by one or all at once, and stay behind a load balancer rule", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const id = yield* makeRule(ip)
      const on = { resourceids: id, resourcetype: "LoadBalancer" }
      yield* alice.done("createTags", { ...on, ...tag("a", "1"), ...tag("b", "2", 1), ...tag("c", "3", 2) })
      assert.strictEqual(yield* alice.outcome("deleteTags", { ...on, ...tag("A", "9") }), "530 Failed to delete tags")
      assert.strictEqual(yield* alice.outcome("deleteTags", { ...on, ...tag("A") }), "ok")
      assert.lengthOf(yield* alice.all("listTags", { resourceid: id, keyword: "zzz" }), 2)
      yield* alice.done("deleteLoadBalancerRule", { id })
      assert.lengthOf(yield* alice.all("listTags", { resourceid: id }), 2)
      assert.deepStrictEqual(yield* bob.all("listTags", { resourceid: id }), [])
      const firewall = yield* alice.make("createFirewallRule", { ipaddressid: ip, protocol: "tcp", startport: "80" })
      yield* alice.done("createTags", { resourceids: firewall, resourcetype: "FirewallRule", ...tag("a", "1") })
      yield* alice.done("deleteFirewallRule", { id: firewall })
      assert.deepStrictEqual(yield* alice.all("listTags", { resourceid: firewall }), [])
    }).pipe(simulated)
  )

  it.effect("are for some types only, which refusals name as the server writes them", () =>
    Effect.gen(function* () {
      const id = yield* vm("n1")
      const outcome = (resourcetype: string) =>
        alice.outcome("createTags", { resourceids: id, resourcetype, ...tag("k", "v") })
      assert.strictEqual(
        yield* outcome("loadbalancer"),
        "431 Unable to find resource by uuid <uuid> and type LoadBalancer"
      )
      assert.strictEqual(yield* outcome("VOLUME"), "431 Unable to find resource by uuid <uuid> and type Volume")
      for (const type of ["Nic", "NetworkACLList", "LBStickinessPolicy"]) {
        assert.strictEqual(yield* outcome(type), `431 The resource type ${type} doesn't support resource tags`)
      }
    }).pipe(simulated)
  )
})
