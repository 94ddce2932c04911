/** The JSON shapes of accounts' own things: owners, tags, zones, networks, VPCs, ACLs. Absent values are left out. */
import type { AclItem, AclList, Network, Project, Tag, Vpc, Zone } from "./records.ts"
import type { State } from "./state.ts"
import { stickinessMethods } from "./stickinessMethods.ts"

export type Json = Readonly<Record<string, unknown>>

/** The server leaves out what has no value; it never sends null. */
export const compact = (fields: Json): Json => {
  const kept: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) kept[name] = value
  return kept
}

/** `2021-10-04T09:24:38+0000`. */
export const dateText = (millis: number): string => `${new Date(millis).toISOString().slice(0, 19)}+0000`

export const ownerFields = (state: State, owner: string | undefined): Json => {
  if (owner === undefined) return {}
  const project = state.projects.get(owner)
  const account = state.accounts.get(owner)
  const root = account?.role === "Admin"
  const domain = { domainid: root ? state.domains.root.id : state.domains.main.id, domain: root ? "ROOT" : mainDomain }
  const domainpath = root ? "ROOT" : `ROOT/${mainDomain}`
  if (project !== undefined) return { projectid: project.id, project: project.name, ...domain, domainpath }
  return account === undefined ? {} : { account: account.name, ...domain, domainpath }
}

export const mainDomain = "users"

export const zoneFields = (state: State, zone: string): Json => ({
  zoneid: zone,
  zonename: state.zones.get(zone)?.name
})

export const tagView = (state: State, tag: Tag): Json =>
  compact({
    key: tag.key,
    value: tag.value,
    resourcetype: tag.type,
    resourceid: tag.resource,
    ...ownerFields(state, tag.owner)
  })

export const tagsOf = (state: State, resource: string): ReadonlyArray<Json> =>
  (state.tags.get(resource) ?? []).map((tag) => tagView(state, tag))

export const zoneView = (zone: Zone): Json => ({
  id: zone.id,
  name: zone.name,
  description: zone.name,
  networktype: "Advanced",
  securitygroupsenabled: false,
  allocationstate: "Enabled",
  dhcpprovider: "VirtualRouter",
  localstorageenabled: false,
  type: "Core",
  tags: []
})

export const projectView = (state: State, project: Project): Json => ({
  id: project.id,
  name: project.name,
  displaytext: project.name,
  domainid: state.domains.main.id,
  domain: mainDomain,
  owner: [{ account: state.accounts.get(project.owner)?.name, accountid: project.owner }],
  state: "Active",
  tags: []
})

export const vpcView = (state: State, vpc: Vpc, networks: ReadonlyArray<Network>): Json =>
  compact({
    id: vpc.id,
    name: vpc.name,
    displaytext: vpc.name,
    state: "Enabled",
    ...zoneFields(state, vpc.zone),
    cidr: vpc.cidr,
    created: dateText(vpc.created),
    vpcofferingname: "Default VPC offering",
    restartrequired: false,
    ...ownerFields(state, vpc.owner),
    network: networks.map((network) => networkView(state, network)),
    tags: tagsOf(state, vpc.id)
  })

const lbCapabilities = [
  { name: "SupportedLBIsolation", value: "dedicated", canchooseservicecapability: false },
  { name: "SupportedLbAlgorithms", value: "roundrobin,leastconn,source", canchooseservicecapability: false },
  { name: "SupportedProtocols", value: "tcp, udp, tcp-proxy, ssl", canchooseservicecapability: false },
  { name: "LbSchemes", value: "Public", canchooseservicecapability: false },
  { name: "SslTermination", value: "true", canchooseservicecapability: false },
  {
    name: "SupportedStickinessMethods",
    value: JSON.stringify(
      Object.entries(stickinessMethods).map(([methodname, names]) => ({
        methodname,
        paramlist: names.map((paramname) => ({ paramname, required: false, isflag: false, description: "" })),
        description: ""
      }))
    ),
    canchooseservicecapability: false
  }
]

const networkTypes = { isolated: "Isolated", "vpc-tier": "Isolated", shared: "Shared", l2: "L2" } as const

export const networkType = (network: Network): string => networkTypes[network.kind]

export const networkView = (state: State, network: Network): Json => {
  const provider = network.vpc === undefined ? "VirtualRouter" : "VpcVirtualRouter"
  const acl = network.acl === undefined ? undefined : state.aclLists.get(network.acl)
  return compact({
    id: network.id,
    name: network.name,
    displaytext: network.name,
    traffictype: "Guest",
    gateway: network.gateway,
    netmask: network.netmask,
    ...zoneFields(state, network.zone),
    networkofferingconservemode: network.conserveMode,
    state: network.state,
    type: networkType(network),
    acltype: network.owner === undefined ? "Domain" : "Account",
    issystem: false,
    restartrequired: false,
    ...ownerFields(state, network.owner),
    service: network.services.map((name) => ({
      name,
      provider: [{ name: name === "Lb" ? (network.lbProvider ?? provider) : provider }],
      ...(name === "Lb" ? { capability: lbCapabilities } : {})
    })),
    vpcid: network.vpc,
    vpcname: network.vpc === undefined ? undefined : state.vpcs.get(network.vpc)?.name,
    aclid: acl?.id,
    aclname: acl?.name,
    tags: tagsOf(state, network.id)
  })
}

export const aclListView = (state: State, list: AclList): Json =>
  compact({
    id: list.id,
    name: list.name,
    description: list.description,
    vpcid: list.vpc,
    vpcname: list.vpc === undefined ? undefined : state.vpcs.get(list.vpc)?.name
  })

export const aclItemView = (state: State, item: AclItem): Json =>
  compact({
    id: item.id,
    protocol: item.protocol,
    startport: item.startPort?.toString(),
    endport: item.endPort?.toString(),
    traffictype: item.trafficType,
    state: item.state,
    cidrlist: item.cidrs,
    icmptype: item.icmpType,
    icmpcode: item.icmpCode,
    tags: tagsOf(state, item.id),
    aclid: item.list,
    aclname: state.aclLists.get(item.list)?.name,
    number: item.number,
    action: item.action,
    reason: item.reason
  })
