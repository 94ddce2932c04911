/** Whether the world is exactly what users want, told line by line: what it lacks and what it has too much. */
import { ruleName } from "../../../src/domain/Ownership.ts"
import { difference } from "../../chaos/service/judge.ts"
import type { ServiceObject } from "../kube.ts"
import { finalizer, prefix } from "../services.ts"
import { candidates } from "../world.ts"
import type { Wish } from "./plan.ts"
import type { Snapshot } from "./snapshot.ts"

export interface World {
  readonly cloud: Snapshot
  readonly services: ReadonlyArray<ServiceObject>
}

export interface Standard {
  readonly cluster: string
  readonly namespace: string
  readonly wanted: ReadonlyMap<string, Wish>
  /** Ids of what was there before. */
  readonly strangers: ReadonlySet<unknown>
}

type Label = (ip: string) => string

/** An address by the name of the Service that shows it, and what nobody shows by itself. */
const labelling = (services: ReadonlyArray<ServiceObject>): Label => {
  const names = new Map(
    services.flatMap(({ metadata, status }) =>
      (status.loadBalancer.ingress ?? []).map(({ ip }) => [ip, metadata.name] as const)
    )
  )
  return (ip) => names.get(ip) ?? ip
}

const tagsOf = ({ tags }: Snapshot, ids: ReadonlyArray<string>) =>
  ids
    .map((id) =>
      tags
        .filter(({ resource }) => resource === id)
        .map(({ key, value }) => `${key}=${value}`)
        .sort()
        .join(" ")
    )
    .join(" | ")

/** A port may be opened by several firewall rules, for some sources each. */
const firewallLines = (cloud: Snapshot, strangers: ReadonlySet<unknown>, label: Label): ReadonlyArray<string> => {
  const groups = new Map<string, { readonly cidrs: Array<string>; readonly tags: Set<string> }>()
  for (const { address, cidrs, endPort, id, protocol, startPort, state } of cloud.firewallRules) {
    if (strangers.has(id)) continue
    const key = `firewall of ${label(address)}: ${state} ${protocol} ${startPort}-${endPort}`
    const group = groups.get(key) ?? { cidrs: [], tags: new Set<string>() }
    group.cidrs.push(...cidrs)
    group.tags.add(tagsOf(cloud, [id]))
    groups.set(key, group)
  }
  return [...groups].map(([key, { cidrs, tags }]) => `${key} from ${cidrs.sort().join(",")} [${[...tags].join(" | ")}]`)
}

const cloudLines = (cloud: Snapshot, strangers: ReadonlySet<unknown>, label: Label): ReadonlyArray<string> => {
  const own = <A extends { readonly id: string }>(rows: ReadonlyArray<A>) => rows.filter(({ id }) => !strangers.has(id))
  const known = new Set<unknown>([
    ...strangers,
    ...[cloud.addresses, cloud.loadBalancerRules, cloud.firewallRules, cloud.portForwardingRules].flatMap((rows) =>
      rows.map(({ id }) => id)
    )
  ])
  return [
    ...own(cloud.addresses).map(
      ({ id, ip, sourceNat, state }) =>
        `address of ${label(ip)}: ${state}${sourceNat ? " source NAT" : ""} [${tagsOf(cloud, [id])}]`
    ),
    ...own(cloud.loadBalancerRules).map((rule) => {
      const members = rule.members.map(({ machine }) => machine).sort()
      const ports = `${rule.publicPort}>${rule.privatePort} ${rule.algorithm}`
      return `rule of ${label(rule.address)}: ${rule.state} ${rule.name} ${rule.protocol} ${ports} to ${members} ${rule.description} [${tagsOf(cloud, [rule.id])}]`
    }),
    ...firewallLines(cloud, strangers, label),
    ...own(cloud.portForwardingRules).map(({ address, id, machine, privatePort, protocol, publicPort, state }) => {
      const target = candidates.includes(machine) ? "a node" : machine
      return `forward of ${label(address)}: ${state} ${protocol} ${publicPort}>${privatePort} to ${target} [${tagsOf(cloud, [id])}]`
    }),
    ...own(cloud.stickinessPolicies).map(({ id }) => `stickiness policy ${id}`),
    ...cloud.tags
      .filter(({ resource }) => !known.has(resource))
      .map(({ key, resource, type, value }) => `tag ${key}=${value} on ${type} ${resource}, which is gone`)
  ]
}

const serviceLine = ({ metadata, spec, status }: ServiceObject, cloud: Snapshot, label: Label): string => {
  const shown = (status.loadBalancer.ingress ?? []).map(({ ip, ipMode }) => `${label(ip)} ${ipMode}`)
  const id = metadata.annotations?.[`${prefix}id`]
  const ip = cloud.addresses.find((address) => address.id === id)?.ip
  const noted = id === undefined ? "none" : ip === undefined ? id : label(ip)
  return `service ${metadata.name}: ${spec.type}, shows ${shown}, notes ${noted}, held by ${metadata.finalizers ?? ""}`
}

const wantedLines = (service: ServiceObject, wish: Wish, { cluster, namespace }: Standard): ReadonlyArray<string> => {
  const { name, uid } = service.metadata
  if (!wish.balanced) return [`service ${name}: ClusterIP, shows , notes none, held by `]
  const protocol = wish.proxied ? "tcp-proxy" : "tcp"
  const tags = `cloudstack-ccm/cluster=${cluster} cloudstack-ccm/service=${namespace}/${name}/${uid}`
  const from = wish.sources.length === 0 ? "0.0.0.0/0" : [...wish.sources].sort().join(",")
  const nodePort = (port: number) => service.spec.ports.find((of) => of.port === port)?.nodePort
  return [
    `service ${name}: LoadBalancer, shows ${name} ${wish.proxied ? "Proxy" : "VIP"}, notes ${name}, held by ${finalizer}`,
    `address of ${name}: Allocated [${tags}]`,
    ...(wish.dns
      ? [
          `forward of ${name}: Active udp 53>${nodePort(53)} to a node [${tags}]`,
          `firewall of ${name}: Active udp 53-53 from ${from} [${tags}]`
        ]
      : []),
    ...wish.ports.flatMap((port) => [
      `rule of ${name}: Active ${ruleName(uid, protocol, port)} ${protocol} ${port}>${nodePort(port)} roundrobin to ${candidates} cloudstack-ccm:${cluster}:${uid}:owned []`,
      `firewall of ${name}: Active tcp ${port}-${port} from ${from} [${tags}]`
    ])
  ]
}

/** Empty if all is as it should be; `-` is what lacks, `+` what should not be there. */
export const judge = ({ cloud, services }: World, standard: Standard): ReadonlyArray<string> => {
  const label = labelling(services)
  const found = [
    ...cloudLines(cloud, standard.strangers, label),
    ...services.map((service) => serviceLine(service, cloud, label))
  ]
  const wanted = [...standard.wanted].flatMap(([name, wish]) => {
    const service = services.find(({ metadata }) => metadata.name === name)
    return service === undefined ? [`service ${name}`] : wantedLines(service, wish, standard)
  })
  return difference(wanted, found)
}
