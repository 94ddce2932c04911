/** `listNetworks`. */
import { Schema } from "effect"
import { AclListId, type Network, NetworkId } from "../../domain/Cloud.ts"
import { list, listOf, owned, ownerOf, text } from "./wire.ts"

const Service = Schema.Struct({
  name: Schema.String,
  provider: list(Schema.Struct({ name: Schema.String })),
  capability: list(Schema.Struct({ name: Schema.String, value: text }))
})

const Wire = Schema.Struct({
  id: NetworkId,
  name: text,
  type: text,
  state: text,
  zoneId: text,
  vpcId: Schema.optionalKey(Schema.NonEmptyString),
  aclId: Schema.optionalKey(AclListId),
  aclName: text,
  /** An object that describes the routing; only that it is there matters. */
  ip4routing: Schema.optionalKey(Schema.Unknown),
  service: list(Service),
  ...owned
}).pipe(Schema.encodeKeys({ zoneId: "zoneid", vpcId: "vpcid", aclId: "aclid", aclName: "aclname" }))

const toServices = (services: ReadonlyArray<typeof Service.Type>): Network["services"] =>
  new Map(
    services.map(({ capability, name, provider }) => [
      name,
      {
        providers: provider.map((one) => one.name),
        capabilities: new Map(capability.map((one) => [one.name, one.value]))
      }
    ])
  )

export const networks = listOf(
  "network",
  Wire,
  ({ account, ip4routing, projectid, service, ...network }): Network => ({
    ...network,
    isRouted: ip4routing !== undefined,
    owner: ownerOf({ account, projectid }),
    services: toServices(service)
  })
)
