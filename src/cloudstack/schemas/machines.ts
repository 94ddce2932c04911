/** `listVirtualMachines` with `details=min,nics,servoff`: without `nics` the list of NICs is wrong. */
import { Schema } from "effect"
import { type Machine, NetworkId, VmId } from "../../domain/Cloud.ts"
import { flag, list, listOf, owned, ownerOf, text } from "./wire.ts"

const Nic = Schema.Struct({
  networkid: NetworkId,
  networkname: text,
  isdefault: flag,
  ipaddress: text,
  ip6address: text,
  publicip: text,
  secondaryip: list(Schema.Struct({ ipaddress: text }))
})

const Wire = Schema.Struct({
  id: VmId,
  name: text,
  state: text,
  zoneid: text,
  zonename: text,
  serviceofferingname: text,
  /** Of static NAT, on whichever interface. */
  publicip: text,
  nic: list(Nic),
  ...owned
})

const toNic = (nic: typeof Nic.Type): Machine["nics"][number] => ({
  networkId: nic.networkid,
  networkName: nic.networkname,
  isDefault: nic.isdefault,
  secondary: nic.secondaryip.map(({ ipaddress }) => ipaddress).filter((address) => address !== ""),
  ...(nic.ipaddress === "" ? {} : { ipv4: nic.ipaddress }),
  ...(nic.ip6address === "" ? {} : { ipv6: nic.ip6address }),
  ...(nic.publicip === "" ? {} : { publicIp: nic.publicip })
})

/** Older servers tell of static NAT only on the VM: then it is the default interface's. */
const toNics = (nics: ReadonlyArray<Machine["nics"][number]>, publicIp: string): Machine["nics"] =>
  publicIp === "" || nics.some((nic) => nic.publicIp !== undefined)
    ? nics
    : nics.map((nic) => (nic.isDefault ? { ...nic, publicIp } : nic))

/** A VM as it is listed, and the id of its zone, which settings may name it by. */
export interface Listed extends Machine {
  readonly zoneId: string
}

export const machines = listOf(
  "virtualmachine",
  Wire,
  ({ id, name, nic, publicip, serviceofferingname, state, zoneid, zonename, ...owner }): Listed => ({
    id,
    name,
    state,
    zone: zonename,
    zoneId: zoneid,
    owner: ownerOf(owner),
    nics: toNics(nic.map(toNic), publicip),
    ...(serviceofferingname === "" ? {} : { instanceType: serviceofferingname })
  })
)
