/** `listPortForwardingRules`. */
import { Schema } from "effect"
import { AddressId, type Forward, ForwardId, NetworkId, VmId } from "../../domain/Cloud.ts"
import { listOf, port, tags, text } from "./wire.ts"

const Wire = Schema.Struct({
  id: ForwardId,
  addressId: AddressId,
  protocol: text,
  publicPort: port,
  publicEndPort: Schema.optionalKey(port),
  privatePort: port,
  networkId: Schema.optionalKey(NetworkId),
  vmId: Schema.optionalKey(VmId),
  state: text,
  tags
}).pipe(
  Schema.encodeKeys({
    addressId: "ipaddressid",
    publicPort: "publicport",
    publicEndPort: "publicendport",
    privatePort: "privateport",
    networkId: "networkid",
    vmId: "virtualmachineid"
  })
)

export const forwards = listOf(
  "portforwardingrule",
  Wire,
  ({ publicEndPort, ...rule }): Forward => ({ ...rule, publicEndPort: publicEndPort ?? rule.publicPort })
)
