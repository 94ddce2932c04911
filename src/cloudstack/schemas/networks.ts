/** `listNetworks`. */
import { Schema } from "effect"
import { type Network, NetworkId } from "../../domain/Cloud.ts"
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
  aclId: Schema.optionalKey(Schema.NonEmptyString),
  service: list(Service),
  ...owned
}).pipe(Schema.encodeKeys({ zoneId: "zoneid", vpcId: "vpcid", aclId: "aclid" }))

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
  ({ account, projectid, service, ...network }): Network => ({
    ...network,
    owner: ownerOf({ account, projectid }),
    services: toServices(service)
  })
)
