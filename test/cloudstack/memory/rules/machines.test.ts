import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulated } from "./simulated.ts"
import { address, admin, alice, bob, denied, dora, makeRule, network, vm } from "./world.ts"

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
      assert.deepStrictEqual(yield* names({ state: "stopped" }), ["n3"])
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
      assert.match(yield* alice.verdict("listVirtualMachines", { details: "MIN" }), /^431\/4350 The details parameter /)
      assert.match(
        yield* alice.verdict("listVirtualMachines", { details: "min,colour" }),
        /^431\/4350 The details parameter contains a non permitted value. The allowed values are \[all, group, nics, stats, secgrp, tmpl, servoff, diskoff, backoff, iso, volume, min, affgrp, vnfnics\]$/
      )
    }).pipe(simulated)
  )

  it.effect("every NIC is shown unasked on a machine with two tags, all but the first on others", () =>
    Effect.gen(function* () {
      const id = yield* vm("both")
      const shown = Effect.map(alice.first("listVirtualMachines", { id, details: "min" }), ({ nic }) =>
        Array.isArray(nic) ? nic.length : 0
      )
      assert.strictEqual(yield* shown, 1)
      for (const [key, count] of [
        ["a", 1],
        ["b", 2]
      ] as const) {
        const tag = { "tags[0].key": key, "tags[0].value": "1" }
        yield* alice.done("createTags", { resourceids: id, resourcetype: "UserVm", ...tag })
        assert.strictEqual(yield* shown, count)
      }
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

  it.effect("are named as they are shown, and rebooted only while they run", () =>
    Effect.gen(function* () {
      assert.match(
        yield* alice.outcome("startVirtualMachine", { id: yield* vm("n2") }),
        /^431 The virtual machine <uuid> \(Second\) is already running$/
      )
      const id = yield* vm("n3")
      assert.strictEqual(yield* alice.outcome("rebootVirtualMachine", { id }), "530 Failed to reboot vm instance")
      assert.deepInclude(yield* alice.first("listVirtualMachines", { id }), { state: "Stopped" })
    }).pipe(simulated)
  )

  it.effect("are recovered by administrators only, and only when destroyed", () =>
    Effect.gen(function* () {
      const id = yield* vm("n1")
      assert.strictEqual(
        yield* admin.verdict("recoverVirtualMachine", { id }),
        "431/4350 Vm with id <uuid> is not in the right state"
      )
      yield* alice.done("destroyVirtualMachine", { id })
      assert.strictEqual(
        yield* alice.verdict("recoverVirtualMachine", { id }),
        "531/4365 Recovering a vm can only be done by an Admin. Or when the allow.user.expunge.recover.vm key is set."
      )
      assert.deepInclude(yield* dora.first("listVirtualMachines", { id }), { state: "Destroyed" })
      assert.strictEqual(yield* dora.verdict("recoverVirtualMachine", { id }), "200")
      assert.deepInclude(yield* alice.first("listVirtualMachines", { id }), { state: "Stopped" })
    }).pipe(simulated)
  )
})
