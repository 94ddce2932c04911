import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulated } from "./simulated.ts"
import { address, alice, bob, denied, makeRule, network, nowhere, ruleOn, unknownId, vm } from "./world.ts"

const create = "createLoadBalancerRule"

describe("createLoadBalancerRule", () => {
  it.effect("keeps the algorithm as sent and the protocol in lower case, and takes port 0", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const made = yield* alice.done(create, ruleOn(ip, { algorithm: "LeastConn", protocol: " TCP ", publicport: "0" }))
      assert.deepInclude(made, { algorithm: "LeastConn", protocol: "tcp", publicport: "0", state: "Add" })
      assert.notProperty(made, "cidrlist")
      assert.notProperty(made, "description")
      for (const [publicport, protocol] of [
        ["1", "tcp-proxy"],
        ["2", "ssl"]
      ] as const) {
        assert.strictEqual(yield* alice.outcome(create, ruleOn(ip, { publicport, protocol })), "ok")
      }
    }).pipe(simulated)
  )

  it.effect("stores its CIDRs joined by blanks", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const cidrsOf = (publicport: string, cidrlist: string) =>
        Effect.map(alice.done(create, ruleOn(ip, { publicport, cidrlist })), (made) => made["cidrlist"])
      assert.strictEqual(
        yield* cidrsOf("1", "10.0.0.0/8, 192.168.1.1 ,2001:db8::/32"),
        "10.0.0.0/8 192.168.1.1 2001:db8::/32"
      )
      assert.strictEqual(yield* cidrsOf("2", ""), "")
      assert.strictEqual(
        yield* alice.verdict(create, ruleOn(ip, { publicport: "3", cidrlist: "10.0.0.0/8,nonsense" })),
        "431/9999 CIDR [nonsense] is invalid."
      )
    }).pipe(simulated)
  )

  it.effect("refuses in the call what is wrong with it", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const refusal = (change: Readonly<Record<string, string>>) => alice.verdict(create, ruleOn(ip, change))
      assert.strictEqual(
        yield* refusal({ privateport: "65536", publicport: "-1" }),
        "431/9999 privatePort is an invalid value: 65536"
      )
      assert.strictEqual(yield* refusal({ publicport: "70000" }), "431/9999 publicPort is an invalid value: 70000")
      assert.strictEqual(yield* refusal({ algorithm: "random" }), "431/9999 Invalid algorithm: random")
      assert.strictEqual(yield* refusal({ protocol: "udp" }), "431/9999 LB service provider cannot support this rule")
      assert.strictEqual(
        yield* refusal({ publicport: "8081" }),
        "431/9999 LB service provider cannot support this rule"
      )
      assert.strictEqual(
        yield* refusal({ protocol: "sctp" }),
        "431/9999 protocol sctp is not in valid protocols [tcp, udp, tcp-proxy, ssl]"
      )
      assert.strictEqual(yield* refusal({ publicipid: nowhere }), unknownId(create, "publicipid"))
      const { publicipid: _, ...ownerless } = ruleOn(ip)
      assert.strictEqual(
        yield* alice.verdict(create, ownerless),
        "431/4350 Can't define IP owner. Either specify account/domainId or publicIpId"
      )
      assert.strictEqual(yield* bob.verdict(create, ruleOn(ip)), `531/4365 ${denied}`)
      yield* alice.done("disassociateIpAddress", { id: ip })
      assert.strictEqual(yield* refusal({}), "431/4350 Unable to create load balancer rule, invalid IP address ID <N>")
    }).pipe(simulated)
  )

  it.effect("takes port 53 but on a source NAT address, and udp while there is no router", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      assert.strictEqual(yield* alice.outcome(create, ruleOn(ip, { publicport: "53" })), "ok")
      const associatednetworkid = yield* network("net1")
      const nat = yield* alice.first("listPublicIpAddresses", { associatednetworkid, issourcenat: "true" })
      assert.strictEqual(
        yield* alice.verdict(create, ruleOn(String(nat["id"]), { publicport: "53" })),
        "431/9999 Error adding load balancer rule, cannot add port 53 with network service offering having DNS service and Source NAT."
      )
      assert.strictEqual(yield* alice.outcome(create, ruleOn(String(nat["id"]), { publicport: "80" })), "ok")
      yield* address("empty")
      const routerless = yield* address("empty")
      assert.strictEqual(yield* alice.outcome(create, ruleOn(routerless, { protocol: "udp" })), "ok")
      assert.strictEqual(
        yield* alice.verdict(create, ruleOn(yield* address("nolb"))),
        "431/9999 LB service is not supported in specified network id"
      )
    }).pipe(simulated)
  )

  it.effect("needs a network on a VPC address, ties the address to it and lets it go with the last rule", () =>
    Effect.gen(function* () {
      const vpcid = yield* alice.idOf("listVPCs", "vpc1")
      const ip = yield* alice.make("associateIpAddress", { vpcid })
      const [tier1, tier2] = [yield* network("tier1"), yield* network("tier2")]
      assert.strictEqual(
        yield* alice.verdict(create, ruleOn(ip)),
        "431/9999 IP address ID=<N> is not associated with any network"
      )
      assert.strictEqual(
        yield* alice.verdict(create, ruleOn(ip, { networkid: tier1, openfirewall: "true" })),
        "431/9999 Can't have openFirewall=true when IP address belongs to VPC"
      )
      const id = yield* makeRule(ip, { networkid: tier1 })
      assert.deepInclude(yield* alice.first("listPublicIpAddresses", { id: ip }), {
        associatednetworkid: tier1,
        hasrules: true
      })
      const second = yield* alice.done(create, ruleOn(ip, { networkid: tier2, publicport: "81" }))
      assert.strictEqual(second["networkid"], tier1)
      yield* alice.done("deleteLoadBalancerRule", { id })
      yield* alice.done("deleteLoadBalancerRule", { id: String(second["id"]) })
      assert.notProperty(yield* alice.first("listPublicIpAddresses", { id: ip }), "associatednetworkid")
      assert.strictEqual((yield* alice.done(create, ruleOn(ip, { networkid: tier2 })))["networkid"], tier2)
    }).pipe(simulated)
  )

  it.effect("goes to the network of the address whatever networkid says", () =>
    Effect.gen(function* () {
      const made = yield* alice.done(create, ruleOn(yield* address("net1"), { networkid: yield* network("net2") }))
      assert.strictEqual(made["networkid"], yield* network("net1"))
    }).pipe(simulated)
  )

  it.effect("opens the firewall unless told not to, and closes what it opened", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      const { openfirewall: _, ...open } = ruleOn(ip, { protocol: "ssl", cidrlist: "10.0.0.0/8" })
      const id = yield* alice.make(create, open)
      const [opened] = yield* alice.all("listFirewallRules", { ipaddressid: ip })
      assert.deepInclude(opened, {
        protocol: "tcp",
        startport: 80,
        endport: 80,
        cidrlist: "0.0.0.0/0",
        state: "Active"
      })
      yield* alice.done("deleteLoadBalancerRule", { id })
      assert.deepStrictEqual(yield* alice.all("listFirewallRules", { ipaddressid: ip }), [])
    }).pipe(simulated)
  )

  it.effect("leaves a firewall rule alone that was there before", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      yield* alice.done("createFirewallRule", {
        ipaddressid: ip,
        protocol: "tcp",
        startport: "80",
        cidrlist: "10.0.0.0/8"
      })
      const id = yield* makeRule(ip, { openfirewall: "true" })
      assert.lengthOf(yield* alice.all("listFirewallRules", { ipaddressid: ip }), 1)
      yield* alice.done("deleteLoadBalancerRule", { id })
      assert.lengthOf(yield* alice.all("listFirewallRules", { ipaddressid: ip }), 1)
    }).pipe(simulated)
  )
})

describe("updateLoadBalancerRule", () => {
  it.effect("changes in place, shows Add in the job and Active in the list", () =>
    Effect.gen(function* () {
      const id = yield* makeRule(yield* address())
      yield* alice.done("assignToLoadBalancerRule", { id, virtualmachineids: yield* vm("n1") })
      const changed = yield* alice.done("updateLoadBalancerRule", {
        id,
        name: "other",
        description: "d",
        algorithm: "nonsense",
        protocol: "ssl",
        cidrlist: "10.0.0.0/8,11.0.0.0/8"
      })
      const expected = {
        id,
        name: "other",
        description: "d",
        algorithm: "nonsense",
        protocol: "ssl",
        cidrlist: "10.0.0.0/8,11.0.0.0/8"
      }
      assert.deepInclude(changed, { ...expected, state: "Add" })
      assert.deepInclude(yield* alice.first("listLoadBalancerRules", { id }), { ...expected, state: "Active" })
      assert.lengthOf(yield* alice.all("listLoadBalancerRuleInstances", { id }), 1)
      assert.strictEqual((yield* alice.done("updateLoadBalancerRule", { id, name: "" }))["name"], "")
    }).pipe(simulated)
  )

  it.effect("is refused in the job", () =>
    Effect.gen(function* () {
      const id = yield* makeRule(yield* address())
      const outcome = (change: Readonly<Record<string, string>>) =>
        alice.outcome("updateLoadBalancerRule", { id, ...change })
      const shown = 'LoadBalancer {"name":"web","id":<N>,"purpose":"LoadBalancing","state":"Add","uuid":"<uuid>"}'
      assert.strictEqual(yield* outcome({}), `530 Failed to update load balancer rule: ${shown}`)
      assert.strictEqual(yield* outcome({ publicport: "81" }), `530 Failed to update load balancer rule: ${shown}`)
      assert.strictEqual(
        yield* outcome({ cidrlist: "10.0.0.0/8, 11.0.0.0/8" }),
        "431 Invalid CIDR list: 10.0.0.0/8, 11.0.0.0/8"
      )
      assert.strictEqual(yield* outcome({ cidrlist: "10.0.0.1" }), "431 Invalid CIDR list: 10.0.0.1")
      assert.strictEqual(
        yield* outcome({ protocol: "udp" }),
        `431 Modifications in lb rule ${shown} are not supported.`
      )
      assert.strictEqual(yield* bob.outcome("updateLoadBalancerRule", { id, name: "x" }), `530 ${denied}`)
    }).pipe(simulated)
  )

  it.effect("of a rule without protocol fails after it has been applied", () =>
    Effect.gen(function* () {
      const { protocol: _, ...silent } = ruleOn(yield* address())
      const made = yield* alice.done(create, silent)
      assert.notProperty(made, "protocol")
      const id = String(made["id"])
      assert.strictEqual(
        yield* alice.outcome("updateLoadBalancerRule", { id, name: "other" }),
        '530 Cannot invoke "String.equals(Object)" because the return value of "com.cloud.network.dao.LoadBalancerVO.getLbProtocol()" is null'
      )
      assert.strictEqual((yield* alice.first("listLoadBalancerRules", { id }))["name"], "other")
      assert.strictEqual(yield* alice.outcome("updateLoadBalancerRule", { id, name: "third", protocol: "tcp" }), "ok")
    }).pipe(simulated)
  )
})
