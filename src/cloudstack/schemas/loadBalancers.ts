/** `listLoadBalancerRules` and `listLoadBalancerRuleInstances`. */
import { Schema } from "effect"
import { AddressId, type LoadBalancerRule, NetworkId, RuleId, VmId } from "../../domain/Cloud.ts"
import { cidrs, listOf, port, tags, text } from "./wire.ts"

const Rule = Schema.Struct({
  id: RuleId,
  name: text,
  description: text,
  addressId: AddressId,
  networkId: Schema.optionalKey(NetworkId),
  publicPort: port,
  privatePort: port,
  algorithm: text,
  protocol: text,
  cidrs,
  state: text,
  tags
}).pipe(
  Schema.encodeKeys({
    addressId: "publicipid",
    networkId: "networkid",
    publicPort: "publicport",
    privatePort: "privateport",
    cidrs: "cidrlist"
  })
)

export const rules = listOf("loadbalancerrule", Rule, (rule): LoadBalancerRule => rule)

export const instances = listOf("loadbalancerruleinstance", Schema.Struct({ id: VmId }), ({ id }) => ({ id }))
