import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulated } from "./simulated.ts"
import { address, admin, alice, bob, bobs, denied, makeRule, network, nowhere, unknownId, vm } from "./world.ts"

describe("listVirtualMachines", () => {
  it.effect("name is exact but for case, keyword a part of many fields", () =>
    Effect.gen(function* () {
      const names = (parameters: Readonly<Record<string, string>>) =>
        Effect.map(alice.all("listVirtualMachines", parameters), (found) => found.map((one) => one["name"]))
      assert.deepStrictEqual(yield* names({ name: "N2" }), ["n2"])
      assert.deepStrictEqual(yield* names({ name: "Second" }), [])
      assert.deepStrictEqual(yield* names({ keyword: "secon" }), ["n2"])
      assert.deepStrictEqual(yield* names({ keyword: "stopped" }), ["n3"])
      assert.deepStrictEqual(yield* names({ networkid: yield* network("net1") }), ["n1", "n2", "n3", "both"])
      assert.deepStrictEqual(yield* names({ state: "Stopped" }), ["n3"])
      assert.deepStrictEqual(yield* names({ state: "nonsense" }), [])
    }).pipe(simulated)
  )

  it.effect("details decide what is shown", () =>
    Effect.gen(function* () {
      const id = yield* vm("n1")
      const min = yield* alice.first("listVirtualMachines", { id, details: "min" })
      assert.deepStrictEqual(min["nic"], [])
      assert.notProperty(min, "serviceofferingid")
      assert.lengthOf(String((yield* alice.first("listVirtualMachines", { id }))["serviceofferingid"]), 36)
      const offering = yield* alice.first("listVirtualMachines", { id, details: "min,servoff" })
      assert.strictEqual(offering["serviceofferingname"], "tiny")
      assert.match(
        yield* alice.verdict("listVirtualMachines", { details: "min,colour" }),
        /^431\/4350 The details parameter contains a non permitted value. The allowed values are \[all, group, nics, stats, secgrp, tmpl, servoff, diskoff, backoff, iso, volume, min, affgrp, vnfnics\]$/
      )
    }).pipe(simulated)
  )
})

describe("virtual machines", () => {
  it.effect("stop, start and go", () =>
    Effect.gen(function* () {
      const id = yield* vm("n1")
      assert.match(
        yield* alice.outcome("startVirtualMachine", { id }),
        /^431 The virtual machine .* \(n1\) is already running$/
      )
      assert.strictEqual(yield* alice.outcome("stopVirtualMachine", { id }), "ok")
      assert.strictEqual(yield* alice.outcome("stopVirtualMachine", { id }), "ok")
      assert.deepInclude(yield* alice.done("startVirtualMachine", { id }), { state: "Running" })
      assert.strictEqual(yield* bob.verdict("stopVirtualMachine", { id }), `531/4365 ${denied}`)
      assert.strictEqual(
        yield* alice.outcome("destroyVirtualMachine", { id, expunge: "true" }),
        "530 Account does not have permission for expunging."
      )
      assert.lengthOf(yield* alice.all("listVirtualMachines", { id }), 1)
      assert.strictEqual(yield* alice.outcome("destroyVirtualMachine", { id }), "ok")
      assert.strictEqual(yield* alice.outcome("destroyVirtualMachine", { id }), "ok")
      assert.deepStrictEqual(yield* alice.all("listVirtualMachines", { id }), [])
      assert.deepInclude(yield* admin.first("listVirtualMachines", { id }), { state: "Destroyed" })
    }).pipe(simulated)
  )

  it.effect("stay members until they are expunged", () =>
    Effect.gen(function* () {
      const rule = yield* makeRule(yield* address())
      const id = yield* vm("n1")
      yield* alice.done("assignToLoadBalancerRule", { id: rule, virtualmachineids: id })
      yield* alice.done("destroyVirtualMachine", { id })
      assert.deepStrictEqual(yield* alice.all("listLoadBalancerRuleInstances", { id: rule }), [])
      assert.lengthOf(yield* alice.all("listLoadBalancerRules", { virtualmachineid: id }), 1)
      assert.strictEqual(yield* admin.outcome("expungeVirtualMachine", { id }), "ok")
      assert.deepStrictEqual(yield* alice.all("listLoadBalancerRules", { virtualmachineid: id }), [])
      const gone = "431/4350 Unable to find UUID for id [<N>] of type [VirtualMachine]"
      for (const command of ["startVirtualMachine", "stopVirtualMachine", "destroyVirtualMachine"]) {
        assert.strictEqual(yield* alice.verdict(command, { id }), gone)
      }
      assert.deepStrictEqual(yield* alice.ok("listVirtualMachines", { id }), {})
      assert.strictEqual(
        yield* alice.outcome("assignToLoadBalancerRule", { id: rule, virtualmachineids: id }),
        "530 Failed to assign load balancer rule"
      )
      assert.strictEqual(yield* alice.outcome("removeFromLoadBalancerRule", { id: rule, virtualmachineids: id }), "ok")
      assert.strictEqual(
        yield* alice.verdict("listNics", { virtualmachineid: id }),
        "530/9999 Virtual machine id does not exist"
      )
    }).pipe(simulated)
  )

  it.effect("are not expunged before they are destroyed", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* admin.outcome("expungeVirtualMachine", { id: yield* vm("n1") }),
        "530 Please destroy vm with specified vmId before expunge"
      )
    }).pipe(simulated)
  )

  it.effect("listNics fails with 530 for others", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* alice.verdict("listNics", { virtualmachineid: yield* bobs.vm }), `530/9999 ${denied}`)
      assert.strictEqual(
        yield* alice.verdict("listNics", { virtualmachineid: nowhere }),
        unknownId("listNics", "virtualmachineid")
      )
    }).pipe(simulated)
  )

  it.effect("get and lose NICs", () =>
    Effect.gen(function* () {
      const virtualmachineid = yield* vm("n1")
      const networkid = yield* network("net2")
      assert.strictEqual(yield* alice.outcome("addNicToVirtualMachine", { virtualmachineid, networkid }), "ok")
      assert.match(
        yield* alice.outcome("addNicToVirtualMachine", { virtualmachineid, networkid }),
        /^530 A NIC already exists for VM:i-<N>-<N>-VM in network: <uuid>$/
      )
      const nics = yield* alice.all("listNics", { virtualmachineid })
      assert.lengthOf(nics, 2)
      const rule = yield* makeRule(yield* address("net2"))
      yield* alice.done("assignToLoadBalancerRule", { id: rule, virtualmachineids: virtualmachineid })
      const nicid = String(nics.find((nic) => nic["networkid"] === networkid)?.["id"])
      assert.match(
        yield* alice.outcome("removeNicFromVirtualMachine", { virtualmachineid, nicid }),
        /^431 Unable to remove nic from VM instance \{.*\} in Network \{.*\}, nic has associated Port forwarding or Load balancer or Static NAT rules\.$/
      )
      yield* alice.done("deleteLoadBalancerRule", { id: rule })
      assert.strictEqual(yield* alice.outcome("removeNicFromVirtualMachine", { virtualmachineid, nicid }), "ok")
    }).pipe(simulated)
  )
})

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
})
