/** From a world file to the state a CloudStack has after its objects were made one after the other. */
import { withAddresses } from "./addressPool.ts"
import { Builder } from "./Builder.ts"
import { addNetwork, addSourceNat, addVm } from "./bootNetworks.ts"
import type { Account, AclItem, Project } from "./records.ts"
import { put, type State } from "./state.ts"
import { defaultAddressLimit, type World } from "./World.ts"

const isolatedServices = [
  "SourceNat",
  "Dns",
  "Dhcp",
  "StaticNat",
  "UserData",
  "Lb",
  "Vpn",
  "Firewall",
  "PortForwarding"
]

const offerings = [
  ["DefaultIsolatedNetworkOfferingWithSourceNatService", "Isolated", false, true, isolatedServices],
  [
    "DefaultIsolatedNetworkOfferingForVpcNetworks",
    "Isolated",
    true,
    true,
    isolatedServices.map((service) => (service === "Firewall" ? "NetworkACL" : service))
  ],
  [
    "DefaultIsolatedNetworkOfferingForVpcNetworksNoLB",
    "Isolated",
    true,
    false,
    isolatedServices
      .filter((service) => service !== "Lb")
      .map((service) => (service === "Firewall" ? "NetworkACL" : service))
  ],
  ["DefaultSharedNetworkOffering", "Shared", false, true, ["Dns", "Dhcp", "UserData"]],
  ["DefaultL2NetworkOffering", "L2", false, true, []]
] as const

export const boot = (world: World, seed: number, now: number): State => {
  const build = new Builder(world, seed, now)
  const root = build.row()
  const main = build.row()
  build.state = {
    ...build.state,
    domains: { root, main },
    offering: build.row(),
    managementServer: build.row(),
    publicNetwork: build.row()
  }
  addOfferings(build)
  for (const { name, ref } of world.zones) {
    const zone = { ...build.row(ref), name }
    build.state = { ...build.state, zones: put(build.state.zones, zone) }
  }
  addOwners(build)
  addVpcs(build)
  for (const network of world.networks) addNetwork(build, network)
  for (const vm of world.vms) addVm(build, vm)
  const zone = build.id(world.zones[0]?.ref ?? "")
  for (const [owner, count] of Object.entries(world.publicIps.free)) {
    build.state = withAddresses(build.state, count, build.id(owner), zone)
  }
  return build.state
}

const addOfferings = (build: Builder): void => {
  for (const [name, guestType, forVpc, conserveMode, services] of offerings) {
    const offering = { ...build.row(), name, guestType, forVpc, conserveMode, services }
    build.state = { ...build.state, networkOfferings: put(build.state.networkOfferings, offering) }
  }
}

const limitsOf = (limits: { readonly publicIps?: number } | undefined) => ({
  addressLimit: limits?.publicIps ?? defaultAddressLimit,
  endlessPool: limits?.publicIps !== undefined
})

const addOwners = (build: Builder): void => {
  for (const { allow, apikey, limits, name, ref, role, secretkey } of build.world.accounts) {
    const account: Account = {
      ...build.row(ref),
      ref,
      name,
      role,
      allow: allow === undefined ? undefined : new Set(allow),
      apiKey: apikey,
      secretKey: secretkey,
      userId: build.row().id,
      ...limitsOf(limits)
    }
    build.state = { ...build.state, accounts: put(build.state.accounts, account) }
  }
  for (const { limits, members, name, owner, ref } of build.world.projects) {
    const project: Project = {
      ...build.row(ref),
      name,
      owner: build.id(owner),
      members: members.map((member) => build.id(member)),
      ...limitsOf(limits)
    }
    build.state = { ...build.state, projects: put(build.state.projects, project) }
  }
}

const addVpcs = (build: Builder): void => {
  addBuiltInLists(build)
  for (const { cidr, name, owner, ref, zone } of build.world.vpcs) {
    const vpc = { ...build.row(ref), name, owner: build.id(owner), zone: build.id(zone), cidr, created: build.now }
    build.state = { ...build.state, vpcs: put(build.state.vpcs, vpc) }
    addSourceNat(build, vpc.owner, vpc.zone, { network: undefined, vpc: vpc.id })
  }
  for (const { items, name, ref, vpc } of build.world.aclLists) {
    const list = { ...build.row(ref), name, description: name, vpc: build.id(vpc), builtIn: false }
    build.state = { ...build.state, aclLists: put(build.state.aclLists, list) }
    let highest = 0
    for (const item of items) {
      const number = item.number ?? highest + 1
      highest = Math.max(highest, number)
      const protocol = item.protocol === 1 || item.protocol === "1" ? "icmp" : String(item.protocol)
      const icmp = protocol.toLowerCase() === "icmp" ? -1 : undefined
      addItem(build, list.id, {
        number,
        protocol,
        startPort: item.startport,
        endPort: item.endport ?? item.startport,
        cidrs: item.cidrlist ?? "0.0.0.0/0,::/0",
        trafficType: item.traffictype?.toLowerCase() === "egress" ? "Egress" : "Ingress",
        action: item.action?.toLowerCase() === "deny" ? "Deny" : "Allow",
        reason: item.reason,
        icmpType: item.icmptype ?? icmp,
        icmpCode: item.icmpcode ?? icmp
      })
    }
  }
}

const addItem = (build: Builder, list: string, fields: Omit<AclItem, "id" | "n" | "list" | "state">): void => {
  const item = { ...build.row(), ...fields, list, state: "Active" as const }
  build.state = { ...build.state, aclItems: put(build.state.aclItems, item) }
}

const addBuiltInLists = (build: Builder): void => {
  for (const [name, action] of [
    ["default_deny", "Deny"],
    ["default_allow", "Allow"]
  ] as const) {
    const description = `Default Network ACL ${action} All`
    const list = { ...build.row(name), name, description, vpc: undefined, builtIn: true }
    build.state = { ...build.state, aclLists: put(build.state.aclLists, list) }
    for (const [number, trafficType] of [
      [1, "Ingress"],
      [2, "Egress"]
    ] as const) {
      addItem(build, list.id, {
        number,
        protocol: "all",
        startPort: undefined,
        endPort: undefined,
        cidrs: "0.0.0.0/0",
        trafficType,
        action,
        reason: undefined,
        icmpType: undefined,
        icmpCode: undefined
      })
    }
  }
}
