/** `listPublicIpAddresses` and its kin. `networkid` of an address is the public network, not the guest network. */
import { Result, Schema } from "effect"
import { AddressId, NetworkId, type PublicAddress } from "../../domain/Cloud.ts"
import type { Answer } from "../Api.ts"
import { flag, listOf, millisOf, owned, ownerOf, tags, text } from "./wire.ts"

const Wire = Schema.Struct({
  id: AddressId,
  ip: Schema.String,
  state: text,
  networkId: Schema.optionalKey(NetworkId),
  vpcId: Schema.optionalKey(Schema.NonEmptyString),
  isSourceNat: flag,
  isStaticNat: flag,
  isSystem: flag,
  hasRules: Schema.optionalKey(Schema.Boolean),
  allocated: text,
  tags,
  ...owned
}).pipe(
  Schema.encodeKeys({
    ip: "ipaddress",
    networkId: "associatednetworkid",
    vpcId: "vpcid",
    isSourceNat: "issourcenat",
    isStaticNat: "isstaticnat",
    isSystem: "issystem",
    hasRules: "hasrules"
  })
)

export const addresses = listOf(
  "publicipaddress",
  Wire,
  ({ account, allocated, projectid, ...address }): PublicAddress => {
    const allocatedAt = millisOf(allocated)
    return {
      ...address,
      owner: ownerOf({ account, projectid }),
      ...(allocatedAt === undefined ? {} : { allocatedAt })
    }
  }
)

/**
 * The address in the result of an allocation that has succeeded. The result is a snapshot from inside the job: it may
 * say `Allocating` of an address that is Allocated since.
 */
export const allocated = (result: Answer): Result.Result<PublicAddress, Schema.SchemaError> =>
  Result.map(addresses.decode(result["ipaddress"]), (address) => ({ ...address, state: "Allocated" }))
