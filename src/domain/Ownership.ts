/**
 * How an object in CloudStack says whose it is. The proof lies in CloudStack alone: no field or annotation that a user of
 * the cluster can edit takes part.
 */
import type { LoadBalancerRule, Tag } from "./Cloud.ts"

/** The cluster that asks; `previous` are ids it had before a change of `cluster-id`. */
export interface Cluster {
  readonly id: string
  readonly previous: ReadonlyArray<string>
}

/** `owned`: we allocated the address and may release it; `given`: it is the user's. */
export type AddressOwnership = "owned" | "given"

export interface Mark {
  readonly cluster: string
  readonly serviceUid: string
  readonly address: AddressOwnership
  /** The firewall rules of exactly this rule's port are ours: there were none when the rule was made. */
  readonly border?: boolean
  /** The rule may have a stickiness policy. */
  readonly sticky?: boolean
}

/** First part of every rule name of a Service, as upstream's default load balancer name: `a` + UID, 32 characters. */
export const loadBalancerName = (uid: string): string => `a${uid.replaceAll("-", "")}`.slice(0, 32)

/** The names of Apache's provider, so that both read each other's rules. */
export const ruleName = (uid: string, protocol: string, port: number): string =>
  `${loadBalancerName(uid)}-${protocol}-${port}`

export const description = (mark: Mark): string =>
  `cloudstack-ccm:${mark.cluster}:${mark.serviceUid}:${mark.address}` +
  `${mark.border === true ? ":border" : ""}${mark.sticky === true ? ":sticky" : ""}`

const descriptionShape = /^cloudstack-ccm:(.+):([^:]+):(owned|given)(:border)?(:sticky)?$/

export const parseDescription = (text: string): Mark | undefined => {
  const match = descriptionShape.exec(text)
  if (match === null) return undefined
  const [, cluster = "", serviceUid = "", address, border, sticky] = match
  return {
    cluster,
    serviceUid,
    address: address === "owned" ? "owned" : "given",
    ...(border === undefined ? {} : { border: true }),
    ...(sticky === undefined ? {} : { sticky: true })
  }
}

/** `reason` of the ACL items that we make. */
export const aclReason = (cluster: Cluster, uid: string): string => `cloudstack-ccm:${cluster.id}:${uid}`

const reasonShape = /^cloudstack-ccm:(.+):([^:]+)$/

/** UID of the Service that an ACL item of this cluster was made for. */
export const reasonedService = (cluster: Cluster, reason: string): string | undefined => {
  const [, id = "", serviceUid] = reasonShape.exec(reason) ?? []
  return isOurCluster(cluster, id) ? serviceUid : undefined
}

/** Whether an ACL item is this cluster's, made for this Service. One list may hold the items of thousands. */
export const isOurReason = (cluster: Cluster, uid: string, reason: string): boolean =>
  reason.endsWith(uid) && reasonedService(cluster, reason) === uid

/** It is worth asking for the stickiness policies of the rule. */
export const isMarkedSticky = (text: string): boolean => parseDescription(text)?.sticky === true

export const clusterTag = "cloudstack-ccm/cluster"
export const serviceTag = "cloudstack-ccm/service"

export interface ServiceIdentity {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** On an address that outlives its Service: `<namespace>/<name>`, for the next Service of that name. */
export const keepTag = "cloudstack-ccm/keep"

/** On addresses we allocated, on our firewall rules and forwards. */
export const tags = (cluster: Cluster, service: ServiceIdentity): ReadonlyArray<Tag> => [
  { key: clusterTag, value: cluster.id },
  { key: serviceTag, value: `${service.namespace}/${service.name}/${service.uid}` }
]

const tagValue = (list: ReadonlyArray<Tag>, key: string): string | undefined =>
  list.find((tag) => tag.key === key)?.value

export const isOurCluster = (cluster: Cluster, id: string): boolean =>
  id === cluster.id || cluster.previous.includes(id)

const nameOf = ({ name, namespace }: Pick<ServiceIdentity, "name" | "namespace">): string => `${namespace}/${name}`

/** On an address we allocated; `keep` = also when the Service has gone. */
export const addressTags = (cluster: Cluster, service: ServiceIdentity, keep: boolean): ReadonlyArray<Tag> => [
  ...tags(cluster, service),
  ...(keep ? [{ key: keepTag, value: nameOf(service) }] : [])
]

/** Kept for the Service of this name (`<namespace>/<name>`), whichever UID it has. */
export const keptName = (cluster: Cluster, list: ReadonlyArray<Tag>): string | undefined =>
  taggedByCluster(cluster, list) ? tagValue(list, keepTag) : undefined

/** Tagged by this cluster, for whichever Service. */
export const taggedByCluster = (cluster: Cluster, list: ReadonlyArray<Tag>): boolean => {
  const value = tagValue(list, clusterTag)
  return value !== undefined && isOurCluster(cluster, value)
}

/** Carries the mark of any cluster. */
export const isMarked = (list: ReadonlyArray<Tag>): boolean => tagValue(list, clusterTag) !== undefined

/** UID of the Service that the tags of this cluster name. */
export const taggedService = (cluster: Cluster, list: ReadonlyArray<Tag>): string | undefined =>
  taggedByCluster(cluster, list) ? tagValue(list, serviceTag)?.split("/").at(-1) : undefined

/**
 * Whose a rule is, seen from one Service: made by us for it, made by another provider for it (its name holds the UID and
 * nobody has marked it), or none of its business.
 */
export type Claim = "ours" | "adoptable" | "foreign"

export const claim = (cluster: Cluster, uid: string, rule: Pick<LoadBalancerRule, "name" | "description">): Claim => {
  // By far the most rules are others': told by a look at the text.
  if (rule.description.startsWith("cloudstack-ccm:") && !rule.description.includes(uid)) return "foreign"
  const mark = parseDescription(rule.description)
  if (mark !== undefined) return isOurCluster(cluster, mark.cluster) && mark.serviceUid === uid ? "ours" : "foreign"
  if (rule.description.startsWith("cloudstack-ccm:")) return "foreign"
  return rule.name.startsWith(`${loadBalancerName(uid)}-`) ? "adoptable" : "foreign"
}
