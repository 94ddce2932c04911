import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulated } from "./simulated.ts"
import { address, admin, alice, bob, carol, denied, dora, makeRule, project, vm } from "./world.ts"

describe("paging", () => {
  it.effect("page and pagesize come together, within the limit", () =>
    Effect.gen(function* () {
      const refusal = (parameters: Readonly<Record<string, string>>) =>
        alice.verdict("listLoadBalancerRules", parameters)
      assert.strictEqual(
        yield* refusal({ pagesize: "2" }),
        '431/9999 "page" parameter is required when "pagesize" is specified'
      )
      assert.strictEqual(
        yield* refusal({ page: "2" }),
        '431/9999 "pagesize" parameter is required when "page" is specified'
      )
      assert.strictEqual(
        yield* refusal({ page: "1", pagesize: "501" }),
        "431/4350 Page size can't exceed max allowed page size value: 500"
      )
      assert.strictEqual(
        yield* refusal({ page: "1", pagesize: "-1" }),
        "431/4350 Can't specify page parameter when pagesize is -1 (Unlimited)"
      )
    }).pipe(simulated)
  )

  it.effect("past the end there is a count and nothing else", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      for (const publicport of ["1", "2", "3"]) yield* makeRule(ip, { publicport })
      const ports = (parameters: Readonly<Record<string, string>>) =>
        Effect.map(alice.all("listLoadBalancerRules", parameters), (found) => found.map((rule) => rule["publicport"]))
      assert.deepStrictEqual(yield* ports({ page: "2", pagesize: "2" }), ["3"])
      assert.deepStrictEqual(yield* ports({ page: "0", pagesize: "2" }), ["1", "2"])
      assert.deepStrictEqual(yield* alice.ok("listLoadBalancerRules", { page: "3", pagesize: "2" }), { count: 3 })
      assert.deepStrictEqual(yield* alice.ok("listLoadBalancerRules", { name: "none" }), {})
      assert.deepStrictEqual(yield* alice.ok("listVirtualMachines", { retrieveonlyresourcecount: "true" }), {
        count: 8
      })
    }).pipe(simulated)
  )

  it.effect("some lists know no pages", () =>
    Effect.gen(function* () {
      const id = yield* makeRule(yield* address())
      const ids = yield* Effect.forEach(["n1", "n2", "n3"], vm)
      yield* alice.done("assignToLoadBalancerRule", { id, virtualmachineids: ids.join(",") })
      assert.lengthOf(yield* alice.all("listLoadBalancerRuleInstances", { id, page: "1", pagesize: "1" }), 3)
    }).pipe(simulated)
  )
})

describe("scope", () => {
  it.effect("what a project owns needs its projectid", () =>
    Effect.gen(function* () {
      const projectid = yield* project
      const names = (who: typeof alice, parameters: Readonly<Record<string, string>>) =>
        Effect.map(who.all("listVirtualMachines", parameters), (found) => found.map((one) => one["name"]))
      assert.deepStrictEqual(yield* names(alice, { projectid }), ["pn1"])
      assert.deepStrictEqual(yield* names(bob, { projectid }), ["pn1"])
      assert.deepStrictEqual(yield* names(bob, {}), ["b1"])
      assert.deepStrictEqual(yield* names(bob, { projectid: "-1" }), ["pn1"])
      assert.sameMembers(yield* names(bob, { projectid: "-1", listall: "true" }), ["b1", "pn1"])
      const networkid = yield* alice.idOf("listNetworks", "pnet", { projectid })
      const id = yield* bob.make("associateIpAddress", { networkid })
      assert.deepStrictEqual(yield* bob.all("listPublicIpAddresses", { id }), [])
      assert.deepInclude(yield* alice.first("listPublicIpAddresses", { id, projectid }), {
        project: "proj1",
        projectid
      })
      const rule = yield* bob.done("createLoadBalancerRule", {
        publicipid: id,
        name: "r",
        algorithm: "source",
        publicport: "1",
        privateport: "1",
        openfirewall: "false",
        projectid
      })
      assert.deepInclude(rule, { project: "proj1" })
      assert.notProperty(rule, "account")
      assert.strictEqual(yield* alice.outcome("deleteLoadBalancerRule", { id: String(rule["id"]) }), "ok")
      assert.deepStrictEqual(yield* alice.all("listFirewallRules", { ipaddressid: id }), [])
      assert.match(
        yield* carol.verdict("listVirtualMachines", { projectid }),
        /^432\/9999 The API \[listVirtualMachines\] does not exist or is not available for this account\/user in project \[<uuid>\]\.$/
      )
    }).pipe(simulated)
  )

  it.effect("a domain administrator sees the domain by id, with listall, and its networks anyway", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* dora.all("listVirtualMachines"), [])
      assert.lengthOf(yield* dora.all("listVirtualMachines", { id: yield* vm("n1") }), 1)
      assert.lengthOf(yield* dora.all("listVirtualMachines", { listall: "true" }), 10)
      assert.deepStrictEqual(yield* dora.all("listVirtualMachines", { projectid: "-1" }), [])
      assert.lengthOf(yield* dora.all("listNetworks"), 11)
    }).pipe(simulated)
  )

  it.effect("an account is looked for in the caller's own domain", () =>
    Effect.gen(function* () {
      assert.match(
        yield* admin.verdict("listVirtualMachines", { account: "alice" }),
        /^431\/4350 could not find account alice in domain /
      )
      const [{ domainid } = {}] = yield* admin.all("listVirtualMachines", { listall: "true" })
      const inDomain = { account: "alice", domainid: String(domainid) }
      assert.lengthOf(yield* admin.all("listVirtualMachines", inDomain), 8)
    }).pipe(simulated)
  )

  it.effect("root sees all with listall", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* admin.all("listVirtualMachines"), [])
      assert.isAbove((yield* admin.all("listVirtualMachines", { listall: "true" })).length, 8)
      assert.lengthOf(yield* admin.all("listVirtualMachines", { id: yield* vm("n1") }), 1)
    }).pipe(simulated)
  )
})

describe("filters", () => {
  it.effect("keyword is part of a name or a description, with the wildcards of SQL", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      yield* makeRule(ip, { publicport: "1", name: "Web-one", description: "made for tests" })
      yield* makeRule(ip, { publicport: "2", name: "api" })
      const names = (parameters: Readonly<Record<string, string>>) =>
        Effect.map(alice.all("listLoadBalancerRules", parameters), (found) => found.map((rule) => rule["name"]))
      assert.deepStrictEqual(yield* names({ keyword: "web" }), ["Web-one"])
      assert.deepStrictEqual(yield* names({ keyword: "FOR TESTS" }), ["Web-one"])
      assert.deepStrictEqual(yield* names({ keyword: "w_b%n" }), ["Web-one"])
      assert.deepStrictEqual(yield* names({ keyword: "zzz" }), [])
      assert.deepStrictEqual(yield* names({ name: "API" }), ["api"])
      assert.deepStrictEqual(yield* names({ name: "ap" }), [])
    }).pipe(simulated)
  )

  it.effect("networks newest first", () =>
    Effect.gen(function* () {
      const names = (yield* alice.all("listNetworks", { type: "Isolated" })).map((one) => one["name"])
      assert.deepStrictEqual(names, ["tier2", "tier1", "nolb", "empty", "net2", "net1"])
    }).pipe(simulated)
  )

  it.effect("networks by what they are and offer", () =>
    Effect.gen(function* () {
      const names = (parameters: Readonly<Record<string, string>>) =>
        Effect.map(alice.all("listNetworks", parameters), (found) => found.map((one) => one["name"]))
      assert.deepStrictEqual(yield* names({ networkfilter: "shared" }), [])
      assert.deepStrictEqual(yield* names({ networkfilter: "Domain" }), ["shared1"])
      assert.notInclude(yield* names({ networkfilter: "account" }), "shared1")
      assert.deepStrictEqual(yield* names({ acltype: "domain" }), ["shared1"])
      assert.deepStrictEqual(yield* names({ specifyipranges: "true" }), ["shared1"])
      assert.deepStrictEqual(yield* names({ traffictype: "Public" }), [])
      assert.deepStrictEqual(yield* names({ canusefordeploy: "false" }), [])
      assert.deepStrictEqual(yield* names({ supportedservices: "lb,NetworkACL" }), ["tier2", "tier1"])
      assert.strictEqual(
        yield* alice.verdict("listNetworks", { networkfilter: "Mine" }),
        "431/4350 Invalid value of networkfilter: Mine"
      )
      const supportedservices = "Magic"
      assert.strictEqual(
        yield* alice.verdict("listNetworks", { supportedservices }),
        "431/4350 Invalid service specified Magic"
      )
      assert.strictEqual(yield* alice.verdict("listNetworks", { supportedservices, keyword: "nothing" }), "200")
    }).pipe(simulated)
  )

  it.effect("networks of an account that is named with its domain", () =>
    Effect.gen(function* () {
      const [{ domainid } = {}] = yield* alice.all("listNetworks", { type: "Isolated" })
      const inDomain = { domainid: String(domainid) }
      assert.lengthOf(yield* dora.all("listNetworks", { account: "bob" }), 11)
      const names = (yield* dora.all("listNetworks", { account: "bob", ...inDomain })).map((one) => one["name"])
      assert.include(names, "btier")
      assert.notInclude(names, "net1")
      assert.strictEqual(
        yield* dora.verdict("listNetworks", { account: "nobody", ...inDomain }),
        "431/4350 Unable to find account nobody in specified domain"
      )
      assert.strictEqual(yield* alice.verdict("listNetworks", { account: "bob", ...inDomain }), `531/4365 ${denied}`)
    }).pipe(simulated)
  )
})
