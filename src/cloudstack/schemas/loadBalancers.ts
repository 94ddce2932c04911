/** `listLoadBalancerRules`, `listLoadBalancerRuleInstances` and `listLBStickinessPolicies`. */
import { Effect, Schema } from "effect"
import {
  AddressId,
  type LoadBalancerRule,
  NetworkId,
  PolicyId,
  RuleId,
  type StickinessPolicy,
  VmId
} from "../../domain/Cloud.ts"
import { cidrs, list, listOf, port, tags, text } from "./wire.ts"

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

const Policies = Schema.Struct({
  id: RuleId,
  policies: list(
    Schema.Struct({
      id: PolicyId,
      method: text,
      params: Schema.Record(Schema.String, Schema.String).pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
      state: text
    }).pipe(Schema.encodeKeys({ method: "methodname" }))
  )
}).pipe(Schema.encodeKeys({ id: "lbruleid", policies: "stickinesspolicy" }))

/** One item per rule, its policies inside. */
export const policies = listOf("stickinesspolicies", Policies, ({ id, policies: all }) => ({
  id,
  policies: all.flatMap(({ state, ...policy }): ReadonlyArray<StickinessPolicy> => (state === "Revoke" ? [] : [policy]))
}))
