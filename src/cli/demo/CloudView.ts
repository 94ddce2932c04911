/** CloudStack as the demo looks at it: what `GET /world` shows, decoded as far as it is told about. */
import { Schema } from "effect"

const Rule = Schema.Struct({
  name: Schema.String,
  address: Schema.String,
  publicPort: Schema.Finite,
  protocol: Schema.String,
  members: Schema.Array(Schema.Struct({ machine: Schema.String }))
})

const Firewall = Schema.Struct({
  address: Schema.String,
  startPort: Schema.Finite,
  cidrs: Schema.Union([Schema.String, Schema.Array(Schema.String)])
})

const CloudView = Schema.Struct({
  addresses: Schema.Array(Schema.Struct({ ip: Schema.String, sourceNat: Schema.Boolean })),
  loadBalancerRules: Schema.Array(Rule),
  firewallRules: Schema.Array(Firewall),
  tags: Schema.Array(Schema.Unknown),
  pushes: Schema.Finite
})
export type CloudView = typeof CloudView.Type

export const decodeCloudView = Schema.decodeUnknownEffect(CloudView)

/** Addresses beside the network's own. */
export const acquired = (view: CloudView): ReadonlyArray<string> =>
  view.addresses.filter(({ sourceNat }) => !sourceNat).map(({ ip }) => ip)

export const isEmpty = (view: CloudView): boolean =>
  acquired(view).length === 0 &&
  [view.loadBalancerRules, view.firewallRules, view.tags].every((list) => list.length === 0)

export const hasMembers = (view: CloudView, machines: ReadonlyArray<string>): boolean =>
  view.loadBalancerRules.length > 0 &&
  view.loadBalancerRules.every(
    ({ members }) =>
      members
        .map(({ machine }) => machine)
        .sort()
        .join() === [...machines].sort().join()
  )

export const isOpenFor = (view: CloudView, ports: number, cidr: string): boolean =>
  view.firewallRules.length === ports && view.firewallRules.every(({ cidrs }) => [cidrs].flat().join() === cidr)
