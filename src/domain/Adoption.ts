/**
 * Rules that the Go providers made: how they are told, and how they are marked once taken over. Their descriptions are
 * left alone, since changing one is work for the virtual router; a tag is not.
 */
import type { LoadBalancerRule, PublicAddress, Tag } from "./Cloud.ts"
import {
  type AddressOwnership,
  type Cluster,
  claim,
  clusterTag,
  isMarked,
  isOurCluster,
  parseDescription,
  type ServiceIdentity,
  serviceTag,
  taggedByCluster,
  taggedService,
  tags
} from "./Ownership.ts"

/** Of one Service: what an earlier provider would have called its rules, and where they would be. */
export interface Adoption {
  /** First part of the names that Leaseweb's provider gives; holds no UID, so it proves nothing by itself. */
  readonly leasewebName: string
  /** IPs and ids of addresses that the Service says it is served on. */
  readonly servedOn: ReadonlySet<string>
}

export const leasewebName = (clusterName: string, { name, namespace }: Omit<ServiceIdentity, "uid">): string =>
  `K8s_svc_${clusterName}_${namespace}_${name}`

const isLeasewebs = (
  { name, publicPort }: LoadBalancerRule,
  { id, ip }: PublicAddress,
  { leasewebName: first, servedOn }: Adoption
): boolean => {
  if (!servedOn.has(ip) && !servedOn.has(id)) return false
  return ["tcp", "udp", "tcp-proxy"].some((protocol) => name === `${first}-${protocol}-${publicPort}`.slice(0, 255))
}

/** `cloudstack-ccm/address` on a rule taken over says of its address what descriptions say of ours. */
const addressTag = "cloudstack-ccm/address"

export const adoptionTags = (
  cluster: Cluster,
  service: ServiceIdentity,
  address: AddressOwnership
): ReadonlyArray<Tag> => [...tags(cluster, service), { key: addressTag, value: address }]

export const adoptionKeys: ReadonlyArray<string> = [clusterTag, serviceTag, addressTag]

/** Says neither in its description nor by a tag whose it is. */
export const isUnmarkedRule = ({ description, tags: has }: LoadBalancerRule): boolean =>
  !description.startsWith("cloudstack-ccm:") && !isMarked(has)

/** What a rule says of its address, if it is this cluster's. */
export const addressMark = (cluster: Cluster, rule: LoadBalancerRule): AddressOwnership | undefined => {
  const mark = parseDescription(rule.description)
  if (mark !== undefined) return isOurCluster(cluster, mark.cluster) ? mark.address : undefined
  if (!taggedByCluster(cluster, rule.tags)) return undefined
  return rule.tags.some(({ key, value }) => key === addressTag && value === "owned") ? "owned" : "given"
}

export interface Adopter {
  readonly cluster: Cluster
  readonly uid: string
  /** Undefined = nothing is taken over that has not been before. */
  readonly adoption: Adoption | undefined
}

/** Whether a rule is the Service's: made for it by us, taken over before, or to be taken over. */
export const isRuleOf = (rule: LoadBalancerRule, address: PublicAddress, adopter: Adopter): boolean => {
  const { adoption, cluster, uid } = adopter
  if (!isUnmarkedRule(rule)) {
    return claim(cluster, uid, rule) === "ours" || taggedService(cluster, rule.tags) === uid
  }
  if (adoption === undefined) return false
  return claim(cluster, uid, rule) === "adoptable" || isLeasewebs(rule, address, adoption)
}
