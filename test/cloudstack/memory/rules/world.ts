/** A world with something of every kind, and the ids by which its objects are used. */
import { Effect } from "effect"
import { as } from "../../../support/simulated.ts"

export const everything = {
  zones: [{ ref: "zone1", name: "sim1" }],
  accounts: [
    { ref: "admin", name: "admin", role: "Admin" },
    { ref: "alice", name: "alice" },
    { ref: "bob", name: "bob" },
    { ref: "carol", name: "carol", limits: { publicIps: 2 } },
    { ref: "dora", name: "dora", role: "DomainAdmin" },
    { ref: "rita", name: "rita", role: "ReadOnlyUser" }
  ],
  projects: [{ ref: "p1", name: "proj1", owner: "alice", members: ["bob"] }],
  vpcs: [
    { ref: "vpc1", name: "vpc1", owner: "alice", cidr: "10.40.0.0/16" },
    { ref: "bvpc", name: "bvpc", owner: "bob", cidr: "10.50.0.0/16" }
  ],
  aclLists: [
    {
      ref: "acl1",
      name: "acl1",
      vpc: "vpc1",
      items: [{ number: 10, protocol: "tcp", startport: 22, endport: 22, traffictype: "ingress", action: "allow" }]
    },
    { ref: "spare", name: "spare", vpc: "vpc1" },
    { ref: "bacl", name: "bacl", vpc: "bvpc" }
  ],
  networks: [
    { ref: "net1", name: "net1", kind: "isolated", owner: "alice" },
    { ref: "net2", name: "net2", kind: "isolated", owner: "alice" },
    { ref: "empty", name: "empty", kind: "isolated", owner: "alice" },
    {
      ref: "nolb",
      name: "nolb",
      kind: "isolated",
      owner: "alice",
      services: ["SourceNat", "Dns", "Dhcp", "StaticNat", "UserData", "Firewall", "PortForwarding"]
    },
    { ref: "l2", name: "l2", kind: "l2", owner: "alice" },
    { ref: "shared1", name: "shared1", kind: "shared" },
    { ref: "bnet", name: "bnet", kind: "isolated", owner: "bob" },
    { ref: "cnet", name: "cnet", kind: "isolated", owner: "carol" },
    { ref: "pnet", name: "pnet", kind: "isolated", owner: "p1" },
    ...[
      { ref: "tier1", name: "tier1", gateway: "10.40.1.1", acl: "acl1" },
      { ref: "tier2", name: "tier2", gateway: "10.40.2.1", acl: "default_allow" }
    ].map((tier) => ({ ...tier, kind: "vpc-tier", owner: "alice", vpc: "vpc1", netmask: "255.255.255.0" })),
    {
      ref: "btier",
      name: "btier",
      kind: "vpc-tier",
      owner: "bob",
      vpc: "bvpc",
      gateway: "10.50.1.1",
      netmask: "255.255.255.0"
    }
  ],
  vms: [
    { ref: "n1", name: "n1", owner: "alice", nics: [{ network: "net1" }] },
    { ref: "n2", name: "n2", owner: "alice", nics: [{ network: "net1" }], displayname: "Second" },
    { ref: "n3", name: "n3", owner: "alice", nics: [{ network: "net1" }], state: "Stopped" },
    { ref: "m1", name: "m1", owner: "alice", nics: [{ network: "net2" }] },
    { ref: "both", name: "both", owner: "alice", nics: [{ network: "net2" }, { network: "net1" }] },
    { ref: "x1", name: "x1", owner: "alice", nics: [{ network: "nolb" }] },
    { ref: "t1", name: "t1", owner: "alice", nics: [{ network: "tier1" }] },
    { ref: "t2", name: "t2", owner: "alice", nics: [{ network: "tier2" }] },
    { ref: "b1", name: "b1", owner: "bob", nics: [{ network: "bnet" }] },
    { ref: "c1", name: "c1", owner: "carol", nics: [{ network: "cnet" }] },
    { ref: "pn1", name: "pn1", owner: "p1", nics: [{ network: "pnet" }] }
  ],
  publicIps: { free: { alice: 12, bob: 3, p1: 3 } }
}

export const alice = as("alice")
export const bob = as("bob")
export const carol = as("carol")
export const admin = as("admin")
export const dora = as("dora")
export const rita = as("rita")

export const nowhere = "00000000-0000-4000-8000-00000000dead"
export const masked = "Internal error executing command, please contact your system administrator"
export const denied = "Caller does not have permission to operate with provided resource."
export const unknownId = (command: string, parameter: string, value = "<uuid>") =>
  `431/9999 Unable to execute API command ${command.toLowerCase()} due to invalid value. Invalid parameter ${parameter} ` +
  `value=${value} due to incorrect long value format, or entity does not exist or due to incorrect parameter ` +
  "annotation for the field in api cmd class."

export const network = (name: string) => alice.idOf("listNetworks", name)
export const vm = (name: string) => alice.idOf("listVirtualMachines", name)
export const bobs = {
  network: bob.idOf("listNetworks", "bnet"),
  vm: bob.idOf("listVirtualMachines", "b1")
}
export const project = alice.idOf("listProjects", "proj1")
export const zone = alice.idOf("listZones", "sim1")

/** An address of alice in one of her isolated networks. */
export const address = (name = "net1") =>
  Effect.flatMap(network(name), (networkid) => alice.make("associateIpAddress", { networkid }))

const rule = { publicport: "80", privateport: "30080", algorithm: "roundrobin", protocol: "tcp", name: "web" }
/** The parameters of a rule that is fine but for what a test changes. */
export const ruleOn = (publicipid: string, change: Readonly<Record<string, string>> = {}) => ({
  ...rule,
  openfirewall: "false",
  publicipid,
  ...change
})
export const makeRule = (publicipid: string, change: Readonly<Record<string, string>> = {}) =>
  alice.make("createLoadBalancerRule", ruleOn(publicipid, change))
