/** Which of several faults is reported, and what an address that serves something already can serve too. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { simulated, simulatedAs } from "./simulated.ts"
import { address, admin, alice, bob, denied, everything, makeRule, network, ruleOn, vm, zone } from "./world.ts"

const rule = "createLoadBalancerRule"
const forward = "createPortForwardingRule"
const fire = "createFirewallRule"

const natOf = (name: string) =>
  Effect.gen(function* () {
    const associatednetworkid = yield* network(name)
    const found = yield* alice.first("listPublicIpAddresses", { associatednetworkid, issourcenat: "true" })
    return String(found["id"])
  })

const vpcAddress = (vpc: string) =>
  Effect.flatMap(alice.idOf("listVPCs", vpc), (vpcid) => alice.make("associateIpAddress", { vpcid }))

describe("the order of checks", () => {
  it.effect("of load balancer rules: owner, network, address, CIDRs, then the rule itself", () =>
    Effect.gen(function* () {
      const ip = yield* vpcAddress("vpc1")
      const refusal = (change: Readonly<Record<string, string>>) => alice.verdict(rule, ruleOn(ip, change))
      const elsewhere = { networkid: yield* network("net1"), privateport: "70000" }
      assert.strictEqual(yield* refusal({ ...elsewhere, cidrlist: "x" }), "431/9999 CIDR [x] is invalid.")
      assert.match(
        yield* refusal(elsewhere),
        /^431\/9999 Ip address IPAddress \{.*\} is not assigned to the network Network \{.*\}$/
      )
      assert.strictEqual(
        yield* refusal({ ...elsewhere, openfirewall: "true" }),
        "431/9999 Can't have openFirewall=true when IP address belongs to VPC"
      )
      assert.strictEqual(yield* bob.verdict(rule, ruleOn(ip, elsewhere)), `531/4365 ${denied}`)
    }).pipe(simulated)
  )

  it.effect("of load balancer rules without an address: account with domain, then the network, then the address", () =>
    Effect.gen(function* () {
      const { publicipid: _, ...ownerless } = ruleOn("")
      const domainid = String((yield* alice.first("listAccounts"))["domainid"] ?? "")
      const [{ domainid: domain } = {}] = yield* alice.all("listVirtualMachines")
      const owned = { ...ownerless, account: "alice", domainid: domainid || String(domain) }
      assert.strictEqual(
        yield* alice.verdict(rule, { ...ownerless, account: "alice" }),
        "431/4350 Can't define IP owner. Either specify account/domainId or publicIpId"
      )
      assert.strictEqual(
        yield* alice.verdict(rule, owned),
        "431/9999 Either networkId or zoneId or publicIpId has to be specified"
      )
      assert.strictEqual(
        yield* alice.verdict(rule, { ...owned, zoneid: yield* zone }),
        "431/9999 Account has more than one isolated network in the zone"
      )
      assert.strictEqual(
        yield* alice.verdict(rule, { ...owned, networkid: yield* network("net1") }),
        "431/9999 Unable to create load balance rule; can't find/allocate source IP"
      )
    }).pipe(simulated)
  )

  it.effect("of firewall rules: CIDRs, network, ports, and only then whose the address is", () =>
    Effect.gen(function* () {
      const ipaddressid = yield* address()
      const refusal = (change: Readonly<Record<string, string>>) =>
        bob.verdict(fire, { ipaddressid, protocol: "sctp", startport: "80", ...change })
      assert.match(yield* refusal({ cidrlist: "x", startport: "70000" }), /Source CIDRs formatting error x$/)
      assert.match(yield* refusal({ startport: "70000" }), /publicPort is an invalid value: 70000$/)
      assert.match(yield* refusal({ endport: "70000" }), /Public port range is an invalid value: 70000$/)
      assert.strictEqual(yield* refusal({}), `531/4365 ${denied}`)
      const icmp = { ipaddressid, protocol: "sctp", icmptype: "8" }
      assert.match(yield* alice.verdict(fire, icmp), /Protocol sctp is not supported in zone <N>$/)
      // The server looks for the text anywhere in its list.
      assert.strictEqual((yield* alice.done(fire, { ipaddressid, protocol: "TC", startport: "1" }))["protocol"], "tc")
    }).pipe(simulated)
  )

  it.effect("of port forwarding rules: network, public ports, owner, protocol, private ports, machine", () =>
    Effect.gen(function* () {
      const ipaddressid = yield* address()
      const virtualmachineid = yield* vm("m1")
      const faulty = {
        ipaddressid,
        virtualmachineid,
        protocol: "icmp",
        publicport: "90",
        publicendport: "80",
        privateport: "5",
        privateendport: "4"
      }
      const refusal = (change: Readonly<Record<string, string>>) => alice.verdict(forward, { ...faulty, ...change })
      assert.strictEqual(yield* bob.verdict(forward, faulty), "431/4350 Start port can't be bigger than end port")
      const ports = { publicport: "80", publicendport: "90" }
      assert.strictEqual(yield* bob.verdict(forward, { ...faulty, ...ports }), `531/4365 ${denied}`)
      assert.match(yield* refusal(ports), /^431\/4350 Protocol icmp is not supported in zone <N>$/)
      const tcp = { ...ports, protocol: "tcp" }
      assert.strictEqual(yield* refusal(tcp), "431/4350 Start port can't be bigger than end port")
      assert.strictEqual(
        yield* refusal({ ...tcp, privateendport: "6" }),
        "431/4350 Source port and destination port ranges should be of equal sizes."
      )
      const sized = { ...tcp, privateendport: "15" }
      assert.strictEqual(yield* refusal(sized), "431/4350 Vm doesn't belong to network associated with ipAddress")
      assert.strictEqual(
        yield* refusal({ ...sized, virtualmachineid: yield* vm("n1") }),
        "431/4350 Private port start should be equal to public port start"
      )
      const vpcIp = yield* vpcAddress("vpc1")
      assert.strictEqual(
        yield* refusal({ ipaddressid: vpcIp }),
        "431/4350 Unable to create port forwarding rule for the ipAddress id=<N> as ip is not associated with any network and no networkId is passed in"
      )
      yield* alice.done("disassociateIpAddress", { id: ipaddressid })
      assert.match(yield* refusal({}), /^431\/4350 Unable to create PF rule, invalid IP address id \d+$/)
    }).pipe(simulated)
  )

  it.effect("of static NAT: network, machine, service, owner, address", () =>
    Effect.gen(function* () {
      const ipaddressid = yield* address()
      const enable = (who: typeof alice, change: Readonly<Record<string, string>>) =>
        who.verdict("enableStaticNat", { ipaddressid, ...change })
      const [n1, n2, m1] = [yield* vm("n1"), yield* vm("n2"), yield* vm("m1")]
      assert.strictEqual(
        yield* enable(bob, { virtualmachineid: m1 }),
        "431/4350 Vm doesn't belong to the network with specified id"
      )
      assert.strictEqual(yield* enable(bob, { virtualmachineid: n1 }), `531/4365 ${denied}`)
      assert.strictEqual(
        yield* enable(alice, { virtualmachineid: n1, vmguestip: "10.9.9.9" }),
        "431/4350 VM ip 10.9.9.9 address not belongs to the vm"
      )
      assert.strictEqual(
        yield* enable(alice, { virtualmachineid: n1, ipaddressid: yield* vpcAddress("vpc1") }),
        "431/4350 Unable to enable static nat for the ipAddress id=<N> as ip is not associated with any network and no networkId is passed in"
      )
      const nat = yield* natOf("net1")
      assert.match(
        yield* enable(alice, { virtualmachineid: n1, ipaddressid: nat }),
        /^431\/4350 Can't enable static, ip address IPAddress \{.*\} is a sourceNat ip address$/
      )
      assert.strictEqual(yield* enable(alice, { virtualmachineid: n1 }), "200")
      assert.match(
        yield* enable(alice, { virtualmachineid: n2 }),
        /^537\/9999 Failed to enable static for the ip address IPAddress .* as it's already assigned to antoher vm$/
      )
      assert.match(
        yield* enable(alice, { virtualmachineid: n1 }),
        /^431\/4350 Failed to enable static nat on the {2}ip /
      )
    }).pipe(simulated)
  )
})

describe("an address that serves something", () => {
  const noProvider = (cause: number, service: string) =>
    new RegExp(`^431/${cause} There is no new provider for IP [0-9.]+ of service ${service}!$`)

  it.effect("is refused a service its network does not offer, by another text than an idle one", () =>
    Effect.gen(function* () {
      const busy = yield* address("nolb")
      yield* alice.done(fire, { ipaddressid: busy, protocol: "tcp", startport: "80" })
      assert.match(yield* alice.verdict(rule, ruleOn(busy)), noProvider(9999, "Lb"))
      assert.match(yield* alice.verdict(rule, ruleOn(yield* natOf("nolb"))), noProvider(9999, "Lb"))
      assert.strictEqual(
        yield* alice.verdict(rule, ruleOn(yield* address("nolb"))),
        "431/9999 LB service is not supported in specified network id"
      )
      const tied = yield* vpcAddress("vpc1")
      const networkid = yield* network("tier1")
      const pf = { ipaddressid: tied, protocol: "tcp", publicport: "1", privateport: "1", networkid }
      yield* alice.done(forward, { ...pf, virtualmachineid: yield* vm("t1") })
      assert.match(
        yield* alice.verdict(fire, { ipaddressid: tied, protocol: "tcp", startport: "1" }),
        noProvider(4350, "Firewall")
      )
    }).pipe(simulated)
  )

  const poor = {
    zones: [{ ref: "z", name: "z" }],
    accounts: [
      { ref: "admin", name: "admin", role: "Admin" },
      { ref: "alice", name: "alice" }
    ],
    vpcs: [{ ref: "vpc1", name: "vpc1", owner: "alice", cidr: "10.40.0.0/16" }],
    networks: [
      { ref: "open", name: "open", kind: "isolated", owner: "alice", services: ["SourceNat", "Lb", "PortForwarding"] },
      {
        ref: "tier",
        name: "tier",
        kind: "vpc-tier",
        vpc: "vpc1",
        owner: "alice",
        gateway: "10.40.1.1",
        netmask: "255.255.255.0",
        services: ["SourceNat", "NetworkACL", "PortForwarding", "StaticNat"]
      }
    ],
    vms: ["open", "tier"].map((name) => ({
      ref: `vm-${name}`,
      name: `vm-${name}`,
      owner: "alice",
      nics: [{ network: name }]
    })),
    publicIps: { free: { alice: 3 } }
  }

  it.effect("needs the firewall that openfirewall opens", () =>
    Effect.gen(function* () {
      const publicipid = yield* alice.make("associateIpAddress", { networkid: yield* network("open") })
      assert.match(
        yield* alice.verdict(rule, ruleOn(publicipid, { openfirewall: "true" })),
        noProvider(9999, "Firewall")
      )
      assert.deepStrictEqual(yield* alice.all("listLoadBalancerRules"), [])
      const idle = { ipaddressid: publicipid, protocol: "tcp", startport: "80" }
      assert.match(yield* alice.verdict(fire, idle), /^530\/4390 Internal error executing command/)
      assert.strictEqual(
        yield* admin.verdict(fire, idle),
        "530/4390 Service Firewall is not supported in the network id=<N>"
      )
      yield* makeRule(publicipid)
      assert.match(yield* alice.verdict(fire, idle), noProvider(4350, "Firewall"))
    }).pipe(simulatedAs(poor))
  )

  it.effect("serves one thing only without conserve mode", () =>
    Effect.gen(function* () {
      const vpcid = yield* alice.idOf("listVPCs", "vpc1")
      const { id } = yield* alice.first("listPublicIpAddresses", { vpcid, issourcenat: "true" })
      const pf = {
        protocol: "tcp",
        privateport: "1",
        networkid: yield* network("tier"),
        virtualmachineid: yield* vm("vm-tier")
      }
      assert.match(
        yield* alice.verdict(forward, { ...pf, ipaddressid: String(id), publicport: "1" }),
        /^431\/4350 The IP [0-9.]+ is already used as SourceNat rather than PortForwarding$/
      )
      const own = { ...pf, ipaddressid: yield* alice.make("associateIpAddress", { vpcid }) }
      assert.strictEqual(yield* alice.outcome(forward, { ...own, publicport: "1" }), "ok")
      assert.strictEqual(yield* alice.outcome(forward, { ...own, publicport: "2" }), "ok")
    }).pipe(simulatedAs(poor))
  )
})

describe("what openfirewall opens", () => {
  it.effect("conflicts with a firewall rule that overlaps, before the rule itself conflicts with anything", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      yield* makeRule(ip)
      yield* alice.done(fire, { ipaddressid: ip, protocol: "tcp", startport: "70", endport: "90" })
      const open = (publicport: string) => ruleOn(ip, { publicport, openfirewall: "true" })
      const conflict = (purpose: string, state: string, text: string) =>
        new RegExp(`^537/9999 The range specified, ${text}.*"purpose":"${purpose}","state":"${state}"`)
      assert.match(yield* alice.verdict(rule, open("80")), conflict("Firewall", "Active", "80-80"))
      assert.match(yield* alice.verdict(rule, open("81")), conflict("Firewall", "Active", "81-81"))
      assert.lengthOf(yield* alice.all("listFirewallRules", { ipaddressid: ip }), 1)
      // One with the same ports is used, whoever it lets in.
      yield* alice.done(fire, { ipaddressid: ip, protocol: "tcp", startport: "95", cidrlist: "10.0.0.0/8" })
      assert.strictEqual(yield* alice.outcome(rule, open("95")), "ok")
      assert.match(yield* alice.verdict(rule, open("95")), conflict("LoadBalancing", "Add", "95-95"))
      assert.lengthOf(yield* alice.all("listFirewallRules", { ipaddressid: ip }), 2)
    }).pipe(simulated)
  )

  it.effect("is applied by the job", () =>
    Effect.gen(function* () {
      const ip = yield* address()
      yield* alice.ok(rule, ruleOn(ip, { openfirewall: "true" }))
      const stateOf = Effect.map(alice.first("listFirewallRules", { ipaddressid: ip }), ({ state }) => state)
      assert.strictEqual(yield* stateOf, "Add")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* stateOf, "Active")
    }).pipe(simulatedAs({ ...everything, settings: { jobMillis: 1000 } }))
  )
})

describe("associateIpAddress", () => {
  const associate = "associateIpAddress"
  it.effect("prefers the VPC to a network, and reads an account only with its domain", () =>
    Effect.gen(function* () {
      const vpcid = yield* alice.idOf("listVPCs", "vpc1")
      const made = yield* alice.done(associate, { vpcid, networkid: yield* network("net1") })
      assert.deepInclude(made, { vpcname: "vpc1", state: "Allocated" })
      const ignored = { networkid: yield* network("net1"), account: "bob" }
      assert.deepInclude(yield* alice.done(associate, ignored), { account: "alice" })
    }).pipe(simulated)
  )

  it.effect("takes a zone for the only isolated network there, tiers counted", () =>
    Effect.gen(function* () {
      const zoneid = yield* zone
      assert.deepInclude(yield* bob.done(associate, { zoneid, networkid: yield* bob.idOf("listNetworks", "bnet") }), {
        associatednetworkname: "bnet"
      })
      assert.strictEqual(
        yield* bob.verdict(associate, { zoneid }),
        "431/4350 Account has more than one isolated network in the zone"
      )
      assert.strictEqual(
        yield* admin.verdict(associate, { zoneid }),
        "431/4350 Account name=admin domain=users doesn't have virtual networks in zone=sim1"
      )
    }).pipe(simulated)
  )

  it.effect("wants services of a shared network, and an address that exists of a release", () =>
    Effect.gen(function* () {
      const networkid = yield* alice.idOf("listNetworks", "shared1")
      assert.match(
        yield* admin.verdict(associate, { networkid }),
        /^431\/4350 Associate IP address can only be called on the shared networks in the advanced zone with Firewall/
      )
      assert.strictEqual(
        yield* alice.verdict("disassociateIpAddress", { ipaddress: "192.0.2.1" }),
        "431/4350 Unable to find IP address by IP address=192.0.2.1"
      )
    }).pipe(simulated)
  )
})
