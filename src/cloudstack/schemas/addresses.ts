/** `listPublicIpAddresses` and its kin. `networkid` of an address is the public network, not the guest network. */
import { Schema } from "effect"
import { AddressId, NetworkId, type PublicAddress } from "../../domain/Cloud.ts"
import { flag, listOf, owned, ownerOf, tags, text } from "./wire.ts"

const Wire = Schema.Struct({
  id: AddressId,
  ip: Schema.String,
  state: text,
  networkId: Schema.optionalKey(NetworkId),
  vpcId: Schema.optionalKey(Schema.NonEmptyString),
  isSourceNat: flag,
  isStaticNat: flag,
  isSystem: flag,
  tags,
  ...owned
}).pipe(
  Schema.encodeKeys({
    ip: "ipaddress",
    networkId: "associatednetworkid",
    vpcId: "vpcid",
    isSourceNat: "issourcenat",
    isStaticNat: "isstaticnat",
    isSystem: "issystem"
  })
)

export const addresses = listOf(
  "publicipaddress",
  Wire,
  ({ account, projectid, ...address }): PublicAddress => ({ ...address, owner: ownerOf({ account, projectid }) })
)
