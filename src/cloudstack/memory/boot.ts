/** From a world file to the state a CloudStack has after its objects were made one after the other. */
import { newAddress } from "./commands/addresses.ts"
import { freeGuestIp, macOf } from "./guestNetworks.ts"
import type { Account, Address, Network, Nic, Project, Row } from "./records.ts"
import { mint, put, type State } from "./state.ts"
import { defaultAddressLimit, type World, type WorldNetwork, type WorldVm } from "./World.ts"

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

const nobody: Row = { id: "", n: 0 }

const empty = (world: World, seed: number): State => ({
  seed,
  counter: 0,
  pageSize: world.settings.defaultPageSize,
  throttling: world.settings.throttling,
  jobMillis: world.settings.jobMillis,
  domains: { root: nobody, main: nobody },
  offering: nobody,
  managementServer: nobody,
  networkOfferings: new Map(),
  zones: new Map(),
  accounts: new Map(),
  projects: new Map(),
  vpcs: new Map(),
  aclLists: new Map(),
  aclItems: new Map(),
  networks: new Map(),
  vms: new Map(),
  addresses: new Map(),
  rules: new Map(),
  firewall: new Map(),
  forwarding: new Map(),
  policies: new Map(),
  tags: new Map(),
  jobs: new Map(),
  windows: new Map(),
  pushes: new Map()
})

/** Builds the state while it collects what the refs of the world stand for. */
class Builder {
  state: State
  readonly ids = new Map<string, string>()
  readonly world: World
  readonly now: number
  constructor(world: World, seed: number, now: number) {
    this.world = world
    this.now = now
    this.state = empty(world, seed)
  }
  row(ref?: string): Row {
    const [state, row] = mint(this.state)
    this.state = state
    if (ref !== undefined) this.ids.set(ref, row.id)
    return row
  }
  id(ref: string): string {
    return this.ids.get(ref) ?? ""
  }
  address(pool: string, zone: string): Address {
    const [state, address] = newAddress(this.state, pool, zone)
    this.state = state
    return address
  }
}

/** Times are spread by a second, so that an order by creation is also one by date. */
export const boot = (world: World, seed: number, now: number): State => {
  const build = new Builder(world, seed, now)
  const root = build.row()
  const main = build.row()
  build.state = {
    ...build.state,
    domains: { root, main },
    offering: build.row(),
    managementServer: build.row()
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
    for (let made = 0; made < count; made++) build.address(build.id(owner), zone)
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

const addSourceNat = (build: Builder, owner: string, zone: string, at: Pick<Address, "network" | "vpc">): void => {
  const address: Address = {
    ...build.address(owner, zone),
    ...at,
    owner,
    state: "Allocated",
    sourceNat: true,
    allocated: build.now
  }
  build.state = { ...build.state, addresses: put(build.state.addresses, address) }
}

const addVpcs = (build: Builder): void => {
  addBuiltInLists(build)
  for (const { cidr, name, owner, ref, zone } of build.world.vpcs) {
    const vpc = { ...build.row(ref), name, owner: build.id(owner), zone: build.id(zone), cidr, created: build.now }
    build.state = { ...build.state, vpcs: put(build.state.vpcs, vpc) }
    addSourceNat(build, vpc.owner, vpc.zone, { network: undefined, vpc: vpc.id })
  }
  for (const { items, name, ref, vpc } of build.world.aclLists) {
    const list = { ...build.row(ref), name, description: name, vpc: build.id(vpc) }
    build.state = { ...build.state, aclLists: put(build.state.aclLists, list) }
    let highest = 0
    for (const item of items) {
      const number = item.number ?? highest + 1
      highest = Math.max(highest, number)
      addItem(build, list.id, {
        number,
        protocol: String(item.protocol),
        startPort: item.startport,
        endPort: item.endport ?? item.startport,
        cidrs: item.cidrlist ?? "0.0.0.0/0,::/0",
        trafficType: item.traffictype?.toLowerCase() === "egress" ? "Egress" : "Ingress",
        action: item.action?.toLowerCase() === "deny" ? "Deny" : "Allow",
        reason: item.reason,
        icmpType: item.icmptype,
        icmpCode: item.icmpcode
      })
    }
  }
}

const addItem = (
  build: Builder,
  list: string,
  fields: Omit<State["aclItems"] extends ReadonlyMap<string, infer A> ? A : never, "id" | "n" | "list" | "state">
): void => {
  const item = { ...build.row(), ...fields, list, state: "Active" as const }
  build.state = { ...build.state, aclItems: put(build.state.aclItems, item) }
}

const addBuiltInLists = (build: Builder): void => {
  for (const [name, action] of [
    ["default_deny", "Deny"],
    ["default_allow", "Allow"]
  ] as const) {
    const description = `Default Network ACL ${action} All`
    const list = { ...build.row(name), name, description, vpc: undefined }
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

const addNetwork = (build: Builder, network: WorldNetwork): void => {
  const tier = network.kind === "vpc-tier" ? network : undefined
  // A large network gets a large range; the usual one has 254 addresses.
  const vms = build.world.vms.filter((vm) => vm.nics.some((nic) => nic.network === network.ref)).length
  const index = build.state.networks.size
  const range =
    vms > 200
      ? { gateway: `10.${100 + (index % 100)}.0.1`, netmask: "255.255.0.0" }
      : { gateway: `10.${1 + (Math.floor(index / 250) % 99)}.${index % 250}.1`, netmask: "255.255.255.0" }
  const plain = network.kind === "l2" ? { gateway: undefined, netmask: undefined } : range
  const row: Network = {
    ...build.row(network.ref),
    name: network.name,
    kind: network.kind,
    owner: network.kind === "shared" ? undefined : build.id(network.owner),
    zone: build.id(network.zone),
    services: network.services,
    vpc: tier === undefined ? undefined : build.id(tier.vpc),
    // Without a list of its own a tier shows none.
    acl: tier === undefined || tier.acl === "default_deny" ? undefined : build.id(tier.acl),
    gateway: tier?.gateway ?? plain.gateway,
    netmask: tier?.netmask ?? plain.netmask,
    state: network.kind === "shared" ? "Setup" : "Allocated",
    conserveMode: tier === undefined || network.services.includes("Lb"),
    created: build.now
  }
  build.state = { ...build.state, networks: put(build.state.networks, row) }
}

/** The first machine that starts brings up the router, and with it the source NAT address. */
const implement = (build: Builder, network: Network): void => {
  if (network.state !== "Allocated") return
  build.state = { ...build.state, networks: put(build.state.networks, { ...network, state: "Implemented" }) }
  if (network.kind === "isolated" && network.owner !== undefined && network.services.includes("SourceNat")) {
    addSourceNat(build, network.owner, network.zone, { network: network.id, vpc: undefined })
  }
}

const addVm = (build: Builder, vm: WorldVm): void => {
  const row = build.row(vm.ref)
  const nics: Array<Nic> = []
  for (const { ip, network: ref } of vm.nics) {
    const network = build.state.networks.get(build.id(ref))
    if (network === undefined) continue
    if (vm.state !== "Allocated") implement(build, network)
    const nic = build.row()
    nics.push({
      ...nic,
      network: network.id,
      ip: ip ?? freeGuestIp(build.state, network),
      isDefault: nics.length === 0,
      mac: macOf(nic.n),
      secondary: []
    })
  }
  const made = {
    ...row,
    name: vm.name,
    displayName: vm.displayname,
    owner: build.id(vm.owner),
    zone: build.id(vm.zone),
    state: vm.state === "Running" ? ("Running" as const) : ("Stopped" as const),
    nics,
    removed: false,
    created: build.now
  }
  build.state = { ...build.state, vms: put(build.state.vms, made) }
  if (vm.tags.length === 0) return
  const tags = vm.tags.map(({ key, value }) => ({
    n: build.row().n,
    key,
    value,
    type: "UserVm",
    resource: made.id,
    owner: made.owner
  }))
  build.state = { ...build.state, tags: new Map(build.state.tags).set(made.id, tags) }
}
