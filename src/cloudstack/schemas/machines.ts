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
  zonename: text,
  serviceofferingname: text,
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

export const machines = listOf(
  "virtualmachine",
  Wire,
  ({ id, name, nic, serviceofferingname, state, zonename, ...owner }): Machine => ({
    id,
    name,
    state,
    zone: zonename,
    owner: ownerOf(owner),
    nics: nic.map(toNic),
    ...(serviceofferingname === "" ? {} : { instanceType: serviceofferingname })
  })
)
