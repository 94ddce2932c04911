import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulated, simulatedAs } from "./simulated.ts"
import { address, alice, bobs, denied, everything, makeRule, network, nowhere, unknownId, vm } from "./world.ts"

describe("NICs", () => {
  it.effect("listNics fails with 530 for others", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* alice.verdict("listNics", { virtualmachineid: yield* bobs.vm }), `530/9999 ${denied}`)
      assert.strictEqual(
        yield* alice.verdict("listNics", { virtualmachineid: nowhere }),
        unknownId("listNics", "virtualmachineid")
      )
    }).pipe(simulated)
  )

  it.effect("come and go", () =>
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

  it.effect("are all that a change of them shows", () =>
    Effect.gen(function* () {
      const virtualmachineid = yield* vm("n1")
      const networkid = yield* network("net2")
      const grown = yield* alice.done("addNicToVirtualMachine", { virtualmachineid, networkid })
      assert.notProperty(grown, "serviceofferingid")
      assert.lengthOf(Array.isArray(grown["nic"]) ? grown["nic"] : [], 2)
      const [nic] = yield* alice.all("listNics", { virtualmachineid, networkid })
      const left = yield* alice.done("removeNicFromVirtualMachine", { virtualmachineid, nicid: String(nic?.["id"]) })
      assert.notProperty(left, "serviceofferingid")
      assert.strictEqual(
        yield* alice.outcome("addNicToVirtualMachine", { virtualmachineid, networkid, ipaddress: "10.1.1" }),
        "431 Invalid format for IP address parameter: 10.1.1"
      )
    }).pipe(simulated)
  )

  it.effect("have ten addresses more, of their network and unused", () =>
    Effect.gen(function* () {
      const [nic] = yield* alice.all("listNics", { virtualmachineid: yield* vm("n1") })
      const nicid = String(nic?.["id"])
      const own = String(nic?.["ipaddress"])
      const taken = "530/9999 Failed to assign secondary ip to nic"
      for (const ipaddress of [own, "192.0.2.1"]) {
        assert.strictEqual(yield* alice.verdict("addIpToNic", { nicid, ipaddress }), taken)
      }
      for (let made = 0; made < 10; made++) yield* alice.done("addIpToNic", { nicid, ipaddress: "" })
      assert.strictEqual(
        yield* alice.verdict("addIpToNic", { nicid }),
        "431/4350 Allocating guest ip for nic failed : Maximum Number of Ips per Nic has been crossed."
      )
    }).pipe(simulated)
  )
})

describe("a network", () => {
  const isolated = { ref: "fresh", name: "fresh", kind: "isolated", owner: "alice" }
  const tier = {
    ref: "tier9",
    name: "tier9",
    kind: "vpc-tier",
    owner: "alice",
    vpc: "vpc1",
    gateway: "10.40.9.1",
    netmask: "255.255.255.0"
  }
  const nics = [{ network: "fresh" }, { network: "tier9" }]
  const world = {
    ...everything,
    networks: [...everything.networks, isolated, tier],
    vms: [...everything.vms, { ref: "v9", name: "v9", owner: "alice", state: "Allocated", nics }]
  }
  const networkOf = (name: string) => Effect.flatMap(network(name), (id) => alice.first("listNetworks", { id }))

  it.effect("is implemented when its first machine starts, with all that its offering promises", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* networkOf("fresh"), { state: "Allocated" })
      yield* alice.done("startVirtualMachine", { id: yield* vm("v9") })
      assert.deepInclude(yield* networkOf("fresh"), { state: "Implemented" })
      assert.deepInclude(yield* networkOf("tier9"), { state: "Implemented", aclname: "default_deny" })
      const associatednetworkid = yield* network("fresh")
      const [nat] = yield* alice.all("listPublicIpAddresses", { associatednetworkid })
      assert.deepInclude(nat, { issourcenat: true, state: "Allocated" })
    }).pipe(simulatedAs(world))
  )

  it.effect("is implemented when a running machine joins it, not when a stopped one does", () =>
    Effect.gen(function* () {
      const networkid = yield* network("fresh")
      const join = (virtualmachineid: string) => alice.done("addNicToVirtualMachine", { virtualmachineid, networkid })
      yield* join(yield* vm("n3"))
      assert.deepInclude(yield* networkOf("fresh"), { state: "Allocated" })
      yield* join(yield* vm("n1"))
      assert.deepInclude(yield* networkOf("fresh"), { state: "Implemented" })
    }).pipe(simulatedAs(world))
  )
})
