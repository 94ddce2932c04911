/** The JSON shapes of machines and their NICs, by the `details` that were asked for. */
import type { Nic, Vm } from "./records.ts"
import { jobFields } from "./ruleViews.ts"
import { natAddressesOfVm, type State } from "./state.ts"
import { compact, dateText, type Json, networkType, ownerFields, tagsOf, zoneFields } from "./views.ts"

const serviceOfferingName = "tiny"

export const offeringFields = (state: State): Json => ({
  serviceofferingid: state.offering.id,
  serviceofferingname: serviceOfferingName,
  cpunumber: 1,
  cpuspeed: 500,
  memory: 128
})

const staticNatOf = (state: State, vm: Vm, nic: Nic) =>
  natAddressesOfVm(state.addresses, vm.id).find((address) => address.network === nic.network)

export const nicView = (state: State, vm: Vm, nic: Nic, index: number): Json => {
  const network = state.networks.get(nic.network)
  const nat = staticNatOf(state, vm, nic)
  return compact({
    id: nic.id,
    networkid: nic.network,
    networkname: network?.name,
    netmask: nic.ip === undefined ? undefined : network?.netmask,
    gateway: nic.ip === undefined ? undefined : network?.gateway,
    ipaddress: nic.ip,
    traffictype: "Guest",
    type: network === undefined ? undefined : networkType(network),
    isdefault: nic.isDefault,
    macaddress: nic.mac,
    deviceid: String(index),
    vpcid: network?.vpc,
    publicip: nat?.ip,
    publicipid: nat?.id,
    secondaryip: nic.secondary.map(({ id, ip }) => ({ id, ipaddress: ip }))
  })
}

/** `listNics` names the machine and leaves an empty list of secondary addresses out. */
export const listedNicView = (state: State, vm: Vm, nic: Nic, index: number): Json => {
  const { secondaryip, ...rest } = nicView(state, vm, nic, index)
  return nic.secondary.length === 0
    ? { ...rest, virtualmachineid: vm.id }
    : { ...rest, secondaryip, virtualmachineid: vm.id }
}

export const vmDetails = [
  "all",
  "group",
  "nics",
  "stats",
  "secgrp",
  "tmpl",
  "servoff",
  "diskoff",
  "backoff",
  "iso",
  "volume",
  "min",
  "affgrp",
  "vnfnics"
]

/** What the hypervisor calls the machine. */
export const instanceName = (vm: Vm): string => `i-2-${vm.n}-VM`

export const vmView = (state: State, vm: Vm, root: boolean, details: ReadonlySet<string> = new Set(["all"])): Json => {
  const has = (detail: string) => details.has("all") || details.has(detail)
  const nics = vm.nics.map((nic, index) => nicView(state, vm, nic, index))
  const nat = natAddressesOfVm(state.addresses, vm.id)[0]
  const tags = tagsOf(state, vm.id)
  // The server reads one row per NIC and tag and forgets the NIC of the first only: a flaw of its that is kept here.
  const unasked = tags.length > 1 ? nics : nics.slice(1)
  return compact({
    id: vm.id,
    name: vm.name,
    displayname: vm.displayName,
    ...ownerFields(state, vm.owner),
    created: dateText(vm.created),
    state: vm.state,
    haenable: false,
    hypervisor: "Simulator",
    ...zoneFields(state, vm.zone),
    ...(has("servoff") ? offeringFields(state) : {}),
    publicip: nat?.ip,
    publicipid: nat?.id,
    ...(root ? { instancename: instanceName(vm) } : {}),
    nic: has("nics") ? nics : unasked,
    tags,
    ...jobFields(state, vm.id)
  })
}
