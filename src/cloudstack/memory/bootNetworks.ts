/** The networks and machines of a world, deployed one after the other. */
import type { Builder } from "./Builder.ts"
import { firstFree, macOf } from "./guestNetworks.ts"
import { implemented, needsSourceNat } from "./networkStart.ts"
import type { Address, Network, Nic } from "./records.ts"
import { put } from "./state.ts"
import type { WorldNetwork, WorldVm } from "./World.ts"

export const addNetwork = (build: Builder, network: WorldNetwork): void => {
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
    lbProvider: "lbProvider" in network ? network.lbProvider : undefined,
    vpc: tier === undefined ? undefined : build.id(tier.vpc),
    acl: tier === undefined || tier.acl === "default_deny" ? undefined : build.id(tier.acl),
    gateway: tier?.gateway ?? plain.gateway,
    netmask: tier?.netmask ?? plain.netmask,
    state: network.kind === "shared" ? "Setup" : "Allocated",
    conserveMode: tier === undefined || network.services.includes("Lb"),
    created: build.now
  }
  build.state = { ...build.state, networks: put(build.state.networks, row) }
}

export const addSourceNat = (
  build: Builder,
  owner: string,
  zone: string,
  at: Pick<Address, "network" | "vpc">
): void => {
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

/** Unlike later, the source NAT address is one that nobody counted as free. */
const implement = (build: Builder, network: Network): void => {
  if (network.state !== "Allocated") return
  build.state = { ...build.state, networks: put(build.state.networks, implemented(build.state, network)) }
  if (network.owner !== undefined && needsSourceNat(build.state, network)) {
    addSourceNat(build, network.owner, network.zone, { network: network.id, vpc: undefined })
  }
}

export const addVm = (build: Builder, vm: WorldVm): void => {
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
      ip: build.guestIp(network.id, ip ?? firstFree(network, build.guestsOf(network.id))),
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
