/** `listFirewallRules`. */
import { Schema } from "effect"
import { AddressId, type FirewallRule, FirewallRuleId } from "../../domain/Cloud.ts"
import { cidrs, listOf, port, tags, text } from "./wire.ts"

const Wire = Schema.Struct({
  id: FirewallRuleId,
  addressId: AddressId,
  protocol: text,
  startPort: Schema.optionalKey(port),
  endPort: Schema.optionalKey(port),
  cidrs,
  state: text,
  tags
}).pipe(Schema.encodeKeys({ addressId: "ipaddressid", startPort: "startport", endPort: "endport", cidrs: "cidrlist" }))

export const firewallRules = listOf("firewallrule", Wire, (rule): FirewallRule => rule)
