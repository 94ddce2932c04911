import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulated } from "./simulated.ts"
import { address, admin, alice, bob, denied, network, nowhere, unknownId } from "./world.ts"

describe("firewall rules", () => {
  const create = "createFirewallRule"

  it.effect("have defaults and lower-case protocols", () =>
    Effect.gen(function* () {
      const ipaddressid = yield* address()
      assert.deepInclude(yield* alice.done(create, { ipaddressid, protocol: "TCP", startport: "443" }), {
        protocol: "tcp",
        startport: 443,
        endport: 443,
        cidrlist: "0.0.0.0/0",
        state: "Active"
      })
      const icmp = yield* alice.done(create, { ipaddressid, protocol: "icmp" })
      assert.deepInclude(icmp, { icmptype: -1, icmpcode: -1 })
      assert.notProperty(icmp, "startport")
      const ip6 = yield* alice.done(create, {
        ipaddressid,
        protocol: "udp",
        startport: "1",
        cidrlist: "2001:db8::/32,,10.0.0.0/8"
      })
      assert.strictEqual(ip6["cidrlist"], "2001:db8::/32,10.0.0.0/8")
    }).pipe(simulated)
  )

  it.effect("are refused in the call", () =>
    Effect.gen(function* () {
      const ipaddressid = yield* address()
      const refusal = (change: Readonly<Record<string, string>>) =>
        alice.verdict(create, { ipaddressid, protocol: "tcp", startport: "80", ...change })
      assert.strictEqual(yield* refusal({ cidrlist: "10.0.0.1" }), "431/9999 Source CIDRs formatting error 10.0.0.1")
      assert.strictEqual(yield* refusal({ startport: "70000" }), "431/4350 publicPort is an invalid value: 70000")
      assert.strictEqual(yield* refusal({ endport: "79" }), "431/4350 Start port can't be bigger than end port")
      for (const protocol of ["tcp-proxy", "ssl", "all"]) {
        assert.strictEqual(yield* refusal({ protocol }), `431/4350 Protocol ${protocol} is not supported in zone <N>`)
      }
      assert.strictEqual(
        yield* refusal({ protocol: "icmp" }),
        "431/4350 Can't specify start/end port when protocol is ICMP"
      )
      assert.strictEqual(
        yield* refusal({ icmptype: "8" }),
        "431/4350 Can specify icmpCode and icmpType for ICMP protocol only"
      )
      assert.strictEqual(yield* bob.verdict(create, { ipaddressid, protocol: "tcp" }), `531/4365 ${denied}`)
    }).pipe(simulated)
  )

  it.effect("do not exist on VPC addresses", () =>
    Effect.gen(function* () {
      const ipaddressid = yield* alice.make("associateIpAddress", { vpcid: yield* alice.idOf("listVPCs", "vpc1") })
      assert.strictEqual(
        yield* alice.verdict(create, { ipaddressid, protocol: "tcp", startport: "80" }),
        "431/4350 Unable to create firewall rule for the IP address ID=<N> as IP is not associated with any network and no networkId is passed in"
      )
    }).pipe(simulated)
  )

  it.effect("are listed newest first, ignore keywords, and are deleted once", () =>
    Effect.gen(function* () {
      const ipaddressid = yield* address()
      const ids = yield* Effect.forEach(["1", "2", "3"], (startport) =>
        alice.make(create, { ipaddressid, protocol: "tcp", startport })
      )
      const listed = yield* alice.all("listFirewallRules", { ipaddressid, keyword: "zzz" })
      assert.deepStrictEqual(
        listed.map((rule) => rule["id"]),
        ids.toReversed()
      )
      assert.strictEqual(yield* bob.verdict("listFirewallRules", { ipaddressid }), `531/4365 ${denied}`)
      const id = ids[0] ?? ""
      assert.deepStrictEqual(yield* bob.all("listFirewallRules", { id }), [])
      assert.strictEqual(yield* bob.verdict("deleteFirewallRule", { id }), `531/4365 ${denied}`)
      assert.strictEqual(yield* alice.outcome("deleteFirewallRule", { id }), "ok")
      assert.strictEqual(yield* alice.verdict("deleteFirewallRule", { id }), unknownId("deleteFirewallRule", "id"))
      assert.strictEqual(yield* alice.verdict("listFirewallRules", { id }), unknownId("listFirewallRules", "id"))
      yield* alice.done("disassociateIpAddress", { id: ipaddressid })
      assert.match(
        yield* alice.verdict("listFirewallRules", { ipaddressid }),
        /^431\/\d+ Ip address id=<N> not ready for firewall rules yet$/
      )
    }).pipe(simulated)
  )
})

describe("network ACLs", () => {
  const create = "createNetworkACL"
  const list = (name: string) => alice.idOf("listNetworkACLLists", name)

  it.effect("number themselves behind the highest", () =>
    Effect.gen(function* () {
      const aclid = yield* list("acl1")
      const item = yield* alice.done(create, { aclid, protocol: "TCP", startport: "80" })
      assert.deepInclude(item, {
        protocol: "TCP",
        startport: "80",
        endport: "80",
        number: 11,
        cidrlist: "0.0.0.0/0,::/0",
        traffictype: "Ingress",
        action: "Allow",
        state: "Active",
        aclname: "acl1"
      })
      const all = yield* alice.done(create, {
        aclid,
        protocol: "all",
        action: "DENY",
        traffictype: "Egress",
        reason: "r"
      })
      assert.deepInclude(all, { number: 12, action: "Deny", traffictype: "Egress", reason: "r" })
      assert.notProperty(all, "startport")
      const byNumber = yield* alice.done(create, { networkid: yield* network("tier1"), protocol: "47", number: "5" })
      assert.deepInclude(byNumber, { protocol: "47", aclid, number: 5 })
    }).pipe(simulated)
  )

  it.effect("are refused in the call", () =>
    Effect.gen(function* () {
      const aclid = yield* list("acl1")
      const refusal = (change: Readonly<Record<string, string>>) =>
        alice.verdict(create, { aclid, protocol: "tcp", ...change })
      assert.strictEqual(
        yield* alice.verdict(create, { protocol: "tcp" }),
        "431/4350 Cannot create Network ACL Item. ACL Id or network Id is required"
      )
      assert.strictEqual(yield* refusal({ number: "0" }), "431/4350 Invalid number [0]. Number cannot be < 1")
      assert.strictEqual(
        yield* refusal({ number: "10" }),
        "431/4350 ACL item with number 10 already exists in ACL: <uuid>"
      )
      assert.strictEqual(
        yield* refusal({ action: "drop" }),
        "431/4350 Invalid action [drop]. Permitted actions are Allow and Deny"
      )
      assert.strictEqual(
        yield* refusal({ protocol: "sctp" }),
        "431/4350 Invalid protocol [sctp]. Expected one of: [tcp,udp,icmp,all]"
      )
      assert.strictEqual(
        yield* refusal({ startport: "70000" }),
        "431/4350 Start public port is an invalid value: 70000"
      )
      assert.strictEqual(
        yield* refusal({ startport: "81", endport: "80" }),
        "431/4350 Start port can't be bigger than end port [startport=81,endport=80]"
      )
      assert.strictEqual(
        yield* refusal({ protocol: "all", startport: "80" }),
        "431/4350 start port and end port must be null if protocol = 'all'"
      )
      assert.strictEqual(yield* refusal({ cidrlist: "10.0.0.1" }), "431/9999 Source cidrs formatting error 10.0.0.1")
      assert.strictEqual(yield* refusal({ traffictype: "sideways" }), "431/4350 Invalid traffic type sideways")
      assert.match(
        yield* refusal({ reason: "x".repeat(256) }),
        /^431\/9999 .*max allowed length 255 for param: reason$/
      )
      const isolated = yield* network("net1")
      assert.strictEqual(
        yield* alice.verdict(create, { networkid: isolated, protocol: "tcp" }),
        `431/4350 Network: <uuid> does not belong to VPC`
      )
    }).pipe(simulated)
  )

  it.effect("know protocols by number, and ICMP without its types", () =>
    Effect.gen(function* () {
      const aclid = yield* list("acl1")
      const refusal = (protocol: string) => alice.verdict(create, { aclid, protocol })
      assert.strictEqual(yield* refusal("256"), "431/4350 Invalid protocol number: 256")
      const item = { protocol: "icmp", icmptype: -1, icmpcode: -1 }
      assert.deepInclude(yield* alice.done(create, { aclid, protocol: "1" }), item)
      assert.deepInclude(yield* alice.done(create, { aclid, protocol: "ICMP", icmptype: "8", icmpcode: "0" }), {
        protocol: "ICMP",
        icmptype: 8,
        icmpcode: 0
      })
    }).pipe(simulated)
  )

  it.effect("of a named list are shown to whoever may see the list", () =>
    Effect.gen(function* () {
      const aclid = yield* list("acl1")
      assert.lengthOf(yield* admin.all("listNetworkACLs", { aclid }), 1)
      assert.lengthOf(yield* admin.all("listNetworkACLs", { networkid: yield* network("tier1") }), 1)
      const networkid = yield* network("tier1")
      assert.strictEqual(yield* bob.verdict("listNetworkACLs", { networkid }), `531/4365 ${denied}`)
    }).pipe(simulated)
  )

  it.effect("of the built-in lists cannot be changed", () =>
    Effect.gen(function* () {
      const aclid = yield* list("default_allow")
      assert.match(
        yield* alice.verdict(create, { aclid, protocol: "tcp" }),
        /^431\/4350 Default ACL cannot be modified$/
      )
      const items = yield* alice.all("listNetworkACLs", { aclid })
      assert.sameMembers(
        items.map((item) => `${String(item["number"])} ${String(item["traffictype"])} ${String(item["action"])}`),
        ["1 Ingress Allow", "2 Egress Allow"]
      )
      assert.strictEqual(
        yield* alice.outcome("deleteNetworkACL", { id: String(items[0]?.["id"]) }),
        "431 ACL Items in default ACL cannot be deleted"
      )
      assert.strictEqual(
        yield* alice.outcome("deleteNetworkACLList", { id: aclid }),
        "431 Default ACL cannot be removed"
      )
    }).pipe(simulated)
  )

  it.effect("change in place", () =>
    Effect.gen(function* () {
      const aclid = yield* list("acl1")
      const id = yield* alice.make(create, { aclid, protocol: "tcp", startport: "80", number: "20" })
      const changed = yield* alice.done("updateNetworkACLItem", {
        id,
        number: "21",
        action: "deny",
        cidrlist: "10.0.0.0/8"
      })
      assert.deepInclude(changed, { id, number: 21, action: "Deny", startport: "80", state: "Add" })
      assert.deepInclude(yield* alice.first("listNetworkACLs", { id }), {
        number: 21,
        state: "Active",
        cidrlist: "10.0.0.0/8"
      })
      assert.match(
        yield* alice.outcome("updateNetworkACLItem", { id, number: "10" }),
        /^431 ACL item with number 10 already exists/
      )
      assert.strictEqual(
        yield* alice.verdict("updateNetworkACLItem", { id: nowhere }),
        unknownId("createNetworkACL", "id")
      )
    }).pipe(simulated)
  )

  it.effect("lists of others are hidden or denied", () =>
    Effect.gen(function* () {
      const vpcid = yield* alice.idOf("listVPCs", "vpc1")
      const aclid = yield* list("acl1")
      assert.sameMembers(
        (yield* alice.all("listNetworkACLLists", { vpcid })).map((one) => one["name"]),
        ["acl1", "spare", "default_allow", "default_deny"]
      )
      assert.deepStrictEqual(yield* bob.all("listNetworkACLLists", { id: aclid }), [])
      assert.strictEqual(yield* bob.verdict("listNetworkACLLists", { vpcid }), `531/4365 ${denied}`)
      assert.strictEqual(yield* bob.verdict("listNetworkACLs", { aclid }), `531/4365 ${denied}`)
      assert.strictEqual(
        yield* alice.outcome("deleteNetworkACLList", { id: aclid }),
        "530 ACL is still associated with 1 tier(s). Cannot delete network ACL: <uuid>"
      )
      assert.strictEqual(yield* alice.outcome("deleteNetworkACLList", { id: yield* list("spare") }), "ok")
    }).pipe(simulated)
  )
})
