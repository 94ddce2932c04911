/** Worlds that are wrong in one way each, made from one that is right: the judge has to see what is wrong with each. */
import type { ServiceObject } from "../kube.ts"
import type { World } from "./judge.ts"
import type { Snapshot } from "./snapshot.ts"

const withCloud = ({ cloud, services }: World, over: Partial<Snapshot>): World => ({
  cloud: { ...cloud, ...over },
  services
})

const withService = (
  { cloud, services }: World,
  is: (service: ServiceObject) => boolean,
  change: (service: ServiceObject) => ServiceObject
): World => {
  const index = services.findIndex(is)
  return { cloud, services: services.map((service, at) => (at === index ? change(service) : service)) }
}

const balanced = ({ spec }: ServiceObject) => spec.type === "LoadBalancer"

/** `own` are the ids of what belongs to a Service. */
export const sabotaged = (world: World, own: (id: string) => boolean): Readonly<Record<string, World>> => {
  const { cloud } = world
  const only = <A extends { readonly id: string }>(rows: ReadonlyArray<A>) =>
    rows.filter(({ id }) => own(id)).slice(0, 1)
  const [address] = only(cloud.addresses)
  const [rule] = only(cloud.loadBalancerRules)
  const [opened] = only(cloud.firewallRules)
  const but = <A extends { readonly id: string }>(
    rows: ReadonlyArray<A>,
    row: A | undefined,
    ...more: ReadonlyArray<A>
  ) => [...rows.filter(({ id }) => id !== row?.id), ...more]
  if (address === undefined || rule === undefined || opened === undefined) return {}
  return {
    "a leaked address": withCloud(world, { addresses: [...cloud.addresses, { ...address, id: "x", ip: "192.0.2.1" }] }),
    "an allocation that never ended": withCloud(world, {
      addresses: but(cloud.addresses, address, { ...address, state: "Allocating" })
    }),
    "an address without its tags": withCloud(world, {
      tags: cloud.tags.filter(({ resource }) => resource !== address.id)
    }),
    "a leaked rule": withCloud(world, {
      loadBalancerRules: [...cloud.loadBalancerRules, { ...rule, id: "x", publicPort: 1, name: "x" }]
    }),
    "a lost rule": withCloud(world, { loadBalancerRules: but(cloud.loadBalancerRules, rule) }),
    "a lost member": withCloud(world, {
      loadBalancerRules: but(cloud.loadBalancerRules, rule, { ...rule, members: rule.members.slice(1) })
    }),
    "a leaked firewall rule": withCloud(world, {
      firewallRules: [...cloud.firewallRules, { ...opened, id: "x", cidrs: ["192.0.2.77/32"] }]
    }),
    "the same opened twice": withCloud(world, { firewallRules: [...cloud.firewallRules, { ...opened, id: "x" }] }),
    "a port that is shut": withCloud(world, { firewallRules: but(cloud.firewallRules, opened) }),
    "a leaked forward": withCloud(world, {
      portForwardingRules: [
        ...cloud.portForwardingRules,
        { id: "x", address: address.ip, protocol: "udp", publicPort: 1, privatePort: 1, machine: "n", state: "Active" }
      ]
    }),
    "a tag on what is gone": withCloud(world, {
      tags: [...cloud.tags, { resource: "x", type: "FirewallRule", key: "k", value: "v" }]
    }),
    "another address published": withService(world, balanced, (service) => ({
      ...service,
      status: { loadBalancer: { ingress: [{ ip: "192.0.2.1", ipMode: "VIP" }] } }
    })),
    "a finalizer that is lost": withService(world, balanced, (service) => ({
      ...service,
      metadata: { ...service.metadata, finalizers: [] }
    })),
    "a Service that stays": {
      cloud,
      services: [
        ...world.services,
        ...world.services.slice(0, 1).map((one) => ({ ...one, metadata: { ...one.metadata, name: "x" } }))
      ]
    }
  }
}
