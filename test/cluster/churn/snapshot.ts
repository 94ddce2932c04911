/** The simulator's whole state, as far as a controller can have a hand in it. */
import { Schema } from "effect"

const Rule = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  description: Schema.optionalKey(Schema.String),
  address: Schema.String,
  publicPort: Schema.Int,
  privatePort: Schema.Int,
  algorithm: Schema.String,
  protocol: Schema.optionalKey(Schema.String),
  cidrs: Schema.optionalKey(Schema.String),
  state: Schema.String,
  members: Schema.Array(Schema.Struct({ machine: Schema.String }))
})

const FirewallRule = Schema.Struct({
  id: Schema.String,
  address: Schema.String,
  protocol: Schema.String,
  startPort: Schema.optionalKey(Schema.Int),
  endPort: Schema.optionalKey(Schema.Int),
  cidrs: Schema.Array(Schema.String),
  state: Schema.String
})

const Forward = Schema.Struct({
  id: Schema.String,
  address: Schema.String,
  protocol: Schema.String,
  publicPort: Schema.Int,
  privatePort: Schema.Int,
  machine: Schema.String,
  state: Schema.String
})

export const Snapshot = Schema.Struct({
  addresses: Schema.Array(
    Schema.Struct({ id: Schema.String, ip: Schema.String, state: Schema.String, sourceNat: Schema.Boolean })
  ),
  loadBalancerRules: Schema.Array(Rule),
  firewallRules: Schema.Array(FirewallRule),
  portForwardingRules: Schema.Array(Forward),
  stickinessPolicies: Schema.Array(Schema.Struct({ id: Schema.String })),
  tags: Schema.Array(
    Schema.Struct({ resource: Schema.String, type: Schema.String, key: Schema.String, value: Schema.String })
  )
})
export type Snapshot = typeof Snapshot.Type
