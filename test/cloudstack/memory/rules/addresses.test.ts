import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulated } from "./simulated.ts"
import {
  address,
  admin,
  alice,
  bob,
  bobs,
  carol,
  denied,
  makeRule,
  masked,
  network,
  nowhere,
  unknownId,
  vm
} from "./world.ts"

const associate = "associateIpAddress"
const release = "disassociateIpAddress"

describe("associateIpAddress", () => {
  it.effect("reports Allocating in an isolated network, Allocated in a VPC", () =>
    Effect.gen(function* () {
      const isolated = yield* alice.done(associate, { networkid: yield* network("net1") })
      assert.deepInclude(isolated, { state: "Allocating", associatednetworkname: "net1", issourcenat: false })
      assert.deepInclude(yield* alice.first("listPublicIpAddresses", { id: String(isolated["id"]) }), {
        state: "Allocated"
      })
      const inVpc = yield* alice.done(associate, { vpcid: yield* alice.idOf("listVPCs", "vpc1") })
      assert.deepInclude(inVpc, { state: "Allocated", vpcname: "vpc1", issourcenat: false })
      assert.notProperty(inVpc, "associatednetworkid")
    }).pipe(simulated)
  )

  it.effect("makes the first address of a network without router its source NAT", () =>
    Effect.gen(function* () {
      const networkid = yield* network("empty")
      assert.deepInclude(yield* alice.done(associate, { networkid }), { issourcenat: true })
      assert.deepInclude(yield* alice.done(associate, { networkid }), { issourcenat: false })
    }).pipe(simulated)
  )

  it.effect("knows where it cannot", () =>
    Effect.gen(function* () {
      const refusal = (parameters: Readonly<Record<string, string>>) => alice.verdict(associate, parameters)
      assert.strictEqual(
        yield* refusal({}),
        "431/4350 Unable to figure out zone to assign IP to. Please specify either zoneId, or networkId, or vpcId in the call"
      )
      assert.strictEqual(yield* refusal({ networkid: nowhere }), unknownId(associate, "networkid"))
      assert.strictEqual(yield* refusal({ networkid: yield* bobs.network }), `531/4365 ${denied}`)
      assert.strictEqual(yield* refusal({ networkid: yield* network("shared1") }), `531/4365 ${denied}`)
      assert.strictEqual(
        yield* alice.outcome(associate, { networkid: yield* network("tier1") }),
        "431 Can't assign ip to the network directly when network belongs to VPC.Specify vpcId to associate ip address to VPC"
      )
      assert.strictEqual(yield* alice.outcome(associate, { networkid: yield* network("l2") }), "ok")
      const taken = yield* alice.first("listPublicIpAddresses")
      const networkid = yield* network("net1")
      for (const ipaddress of [String(taken["ipaddress"]), "203.0.113.99", "nonsense"]) {
        assert.strictEqual(yield* refusal({ networkid, ipaddress }), "533/9999 Insufficient address capacity")
      }
    }).pipe(simulated)
  )

  it.effect("stops at the limit of the account, source NAT counted", () =>
    Effect.gen(function* () {
      const networkid = yield* carol.idOf("listNetworks", "cnet")
      yield* carol.done(associate, { networkid })
      assert.strictEqual(
        yield* carol.verdict(associate, { networkid }),
        "532/4280 Maximum number of public IP addresses for account: carol has been exceeded."
      )
    }).pipe(simulated)
  )

  it.effect("stops when the free ones of the owner are used up", () =>
    Effect.gen(function* () {
      const networkid = yield* bobs.network
      for (const _ of [1, 2, 3]) yield* bob.done(associate, { networkid })
      assert.strictEqual(yield* bob.verdict(associate, { networkid }), "533/9999 Insufficient address capacity")
    }).pipe(simulated)
  )
})

describe("portable addresses", () => {
  it.effect("do not exist in any region", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* alice.verdict(associate, { networkid: yield* network("net1"), isportable: "true" }),
        "533/9999 Unable to find available portable IP addresses"
      )
    }).pipe(simulated)
  )
})

describe("disassociateIpAddress", () => {
  it.effect("takes the rules along, keeps the id, and fails the second time", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const { ipaddress } = yield* alice.first("listPublicIpAddresses", { id: ip })
      const rule = yield* makeRule(ip, { openfirewall: "true" })
      yield* alice.done("createTags", {
        resourcetype: "PublicIpAddress",
        resourceids: ip,
        "tags[0].key": "k",
        "tags[0].value": "v"
      })
      assert.strictEqual(yield* alice.outcome(release, { id: ip }), "ok")
      assert.deepStrictEqual(yield* alice.all("listLoadBalancerRules"), [])
      assert.strictEqual(
        yield* alice.verdict("listLoadBalancerRules", { id: rule }),
        unknownId("listLoadBalancerRules", "id")
      )
      assert.deepStrictEqual(yield* alice.all("listFirewallRules"), [])
      assert.deepStrictEqual(yield* alice.all("listPublicIpAddresses", { id: ip }), [])
      assert.strictEqual(yield* alice.verdict(release, { id: ip }), `530/4250 ${masked}`)
      assert.strictEqual(
        yield* admin.verdict(release, { id: ip }),
        "530/4250 Unable to persist on DB, due to: Data truncation: Out of range value for column 'account_id' at row 1"
      )
      assert.strictEqual(yield* alice.verdict("updateIpAddress", { id: ip }), `530/4250 ${masked}`)
      const again = yield* alice.done(associate, { networkid: yield* network("net2"), ipaddress: String(ipaddress) })
      assert.deepInclude(again, { id: ip, tags: [], hasrules: false })
    }).pipe(simulated)
  )

  it.effect("goes by address too, and needs one of the two", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const { ipaddress } = yield* alice.first("listPublicIpAddresses", { id: ip })
      const both = { id: ip, ipaddress: String(ipaddress) }
      assert.strictEqual(yield* alice.verdict(release), "431/4350 Please specify either IP address or IP address ID")
      assert.match(
        yield* alice.verdict(release, both),
        /^431\/\d+ id parameter is mutually exclusive with ipaddress parameter$/
      )
      assert.strictEqual(yield* alice.outcome(release, { ipaddress: String(ipaddress) }), "ok")
    }).pipe(simulated)
  )

  it.effect("never releases source NAT, but for a VPC's that carries a rule", () =>
    Effect.gen(function* () {
      const nat = (parameters: Readonly<Record<string, string>>) =>
        Effect.map(alice.first("listPublicIpAddresses", { issourcenat: "true", ...parameters }), (found) =>
          String(found["id"])
        )
      const refused = "530 ip address is used for source nat purposes and can not be disassociated."
      assert.strictEqual(
        yield* alice.outcome(release, { id: yield* nat({ associatednetworkid: yield* network("net1") }) }),
        refused
      )
      const ofVpc = yield* nat({ vpcid: yield* alice.idOf("listVPCs", "vpc1") })
      assert.strictEqual(yield* alice.outcome(release, { id: ofVpc }), refused)
      yield* makeRule(ofVpc, { networkid: yield* network("tier1") })
      assert.strictEqual(yield* alice.outcome(release, { id: ofVpc }), "ok")
      assert.deepStrictEqual(yield* alice.all("listLoadBalancerRules"), [])
      assert.strictEqual(yield* bob.outcome(release, { id: yield* address() }), `530 ${denied}`)
    }).pipe(simulated)
  )
})

describe("listPublicIpAddresses", () => {
  it.effect("shows free addresses only when asked", () =>
    Effect.gen(function* () {
      const states = (parameters: Readonly<Record<string, string>>) =>
        Effect.map(alice.all("listPublicIpAddresses", parameters), (found) => [
          ...new Set(found.map((ip) => ip["state"]))
        ])
      assert.deepStrictEqual(yield* states({}), ["Allocated"])
      assert.sameMembers(yield* states({ allocatedonly: "false" }), ["Allocated", "Free"])
      assert.deepStrictEqual(yield* states({ state: "Free", allocatedonly: "false" }), ["Free"])
      assert.match(
        yield* alice.verdict("listPublicIpAddresses", { allocatedonly: "true", state: "Free" }),
        /^431\/\d+ Conflict: allocatedonly is true but state is Free$/
      )
    }).pipe(simulated)
  )

  it.effect("denies a network or VPC of others", () =>
    Effect.gen(function* () {
      const associatednetworkid = yield* network("net1")
      const vpcid = yield* alice.idOf("listVPCs", "vpc1")
      assert.strictEqual(yield* bob.verdict("listPublicIpAddresses", { associatednetworkid }), `531/4365 ${denied}`)
      assert.strictEqual(yield* bob.verdict("listPublicIpAddresses", { vpcid }), `531/4365 ${denied}`)
      assert.strictEqual(yield* bob.verdict("listPublicIpAddresses", { state: "Lost" }), "431/4350 Invalid state: Lost")
    }).pipe(simulated)
  )

  it.effect("orders by address and filters", () =>
    Effect.gen(function* () {
      const ip = yield* address("net2")
      yield* address("net1")
      const listed = (yield* alice.all("listPublicIpAddresses")).map((one) => String(one["ipaddress"]))
      const numeric = (text: string) => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0)
      assert.deepStrictEqual(
        listed,
        [...listed].sort((a, b) => numeric(a) - numeric(b))
      )
      const count = (parameters: Readonly<Record<string, string>>) =>
        Effect.map(alice.all("listPublicIpAddresses", parameters), (found) => found.length)
      assert.strictEqual(yield* count({ associatednetworkid: yield* network("net2") }), 2)
      assert.strictEqual(yield* count({ associatednetworkid: yield* network("net2"), issourcenat: "false" }), 1)
      assert.strictEqual(yield* count({ forloadbalancing: "true" }), 0)
      yield* makeRule(ip)
      assert.strictEqual(yield* count({ forloadbalancing: "true" }), 1)
      assert.strictEqual(yield* count({ isstaticnat: "true" }), 0)
      assert.strictEqual(yield* count({ ipaddress: "203.0.113.250" }), 0)
    }).pipe(simulated)
  )
})

describe("static NAT", () => {
  it.effect("and rules exclude each other", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const virtualmachineid = yield* vm("n1")
      const nat = yield* alice.first("listPublicIpAddresses", {
        associatednetworkid: yield* network("net1"),
        issourcenat: "true"
      })
      assert.match(
        yield* alice.verdict("enableStaticNat", { ipaddressid: String(nat["id"]), virtualmachineid }),
        /^431\//
      )
      assert.strictEqual(yield* alice.verdict("enableStaticNat", { ipaddressid: ip, virtualmachineid }), "200")
      const listed = yield* alice.first("listPublicIpAddresses", { id: ip })
      assert.deepInclude(listed, { isstaticnat: true, virtualmachineid })
      assert.strictEqual(
        yield* alice.verdict("createLoadBalancerRule", {
          publicipid: ip,
          name: "web",
          algorithm: "roundrobin",
          publicport: "80",
          privateport: "80"
        }),
        `537/9999 Can't do load balance on ip address: ${String(listed["ipaddress"])}`
      )
      const busy = yield* address()
      yield* makeRule(busy)
      assert.match(
        yield* alice.verdict("enableStaticNat", { ipaddressid: busy, virtualmachineid: yield* vm("n2") }),
        /^537\/9999 Failed to enable static nat for the ip address IPAddress \{.*\} as it already has LoadBalancing rules assigned$/
      )
    }).pipe(simulated)
  )
})
