/** The fields of each kind of object that count when an answer is compared: those a controller reads or decides on. */

const rule = [
  ...["id", "name", "description", "publicipid", "publicip", "publicport", "privateport", "algorithm", "protocol"],
  ...["cidrlist", "networkid", "zoneid", "zonename", "state", "account", "projectid", "project", "tags"]
]
const address = [
  ...["id", "ipaddress", "state", "zoneid", "zonename", "issourcenat", "isstaticnat", "associatednetworkid"],
  ...["associatednetworkname", "vpcid", "vpcname", "forvirtualnetwork", "account", "projectid", "project", "hasrules"],
  "tags"
]
const machine = [
  ...["id", "name", "displayname", "state", "zoneid", "zonename", "account", "projectid", "project"],
  ...["serviceofferingid", "serviceofferingname", "nic", "publicipid", "publicip", "jobid", "jobstatus", "tags"]
]
const policy = ["lbruleid", "stickinesspolicy", "healthcheckpolicy", "account"]

/** Keyed by the name under which an object or a list of objects appears; what is not named here is compared whole. */
const fields: Readonly<Record<string, ReadonlyArray<string>>> = {
  loadbalancerrule: rule,
  loadbalancer: rule,
  publicipaddress: address,
  ipaddress: address,
  firewallrule: [
    ...["id", "protocol", "startport", "endport", "ipaddressid", "ipaddress", "networkid", "state", "cidrlist"],
    ...["icmptype", "icmpcode", "tags"]
  ],
  networkacl: [
    ...["id", "protocol", "startport", "endport", "traffictype", "state", "cidrlist", "aclid", "aclname", "number"],
    ...["action", "reason", "icmptype", "icmpcode", "tags"]
  ],
  portforwardingrule: [
    ...["id", "protocol", "publicport", "publicendport", "privateport", "privateendport", "ipaddressid", "ipaddress"],
    ...["virtualmachineid", "virtualmachinename", "networkid", "state", "cidrlist", "vmguestip", "tags"]
  ],
  networkacllist: ["id", "name", "description", "vpcid", "vpcname"],
  virtualmachine: machine,
  loadbalancerruleinstance: machine,
  nic: [
    ...["id", "networkid", "networkname", "ipaddress", "isdefault", "type", "secondaryip", "ip6address", "publicip"],
    ...["publicipid", "virtualmachineid"]
  ],
  network: [
    ...["id", "name", "type", "state", "zoneid", "zonename", "vpcid", "vpcname", "aclid", "aclname", "account"],
    ...["projectid", "project", "service", "networkofferingconservemode", "ip4routing", "tags"]
  ],
  vpc: ["id", "name", "state", "zoneid", "zonename", "cidr", "account", "projectid", "project", "tags"],
  service: ["name", "provider", "capability"],
  provider: ["name"],
  capability: ["name", "value"],
  zone: ["id", "name", "networktype", "allocationstate"],
  project: ["id", "name", "displaytext", "state", "owner"],
  owner: ["account"],
  tag: ["key", "value", "resourcetype", "resourceid", "account", "projectid", "project"],
  tags: ["key", "value"],
  asyncjobs: [
    ...["jobid", "jobstatus", "jobresultcode", "jobresulttype", "jobresult", "jobinstancetype", "jobinstanceid"]
  ],
  stickinesspolicies: policy,
  healthcheckpolicies: policy,
  stickinesspolicy: ["id", "name", "methodname", "params", "state"],
  api: ["name", "isasync"],
  region: ["id", "name"],
  apilimit: ["account", "apiIssued", "apiAllowed"],
  networkoffering: ["name", "guestiptype", "forvpc", "conservemode"],
  managementserver: ["name", "state", "version"],
  secondaryip: ["ipaddress"],
  nicsecondaryip: ["id", "ipaddress", "nicid", "networkid", "virtualmachineid"]
}
const jobFields = [
  ...["jobid", "jobstatus", "jobresultcode", "jobresulttype", "jobresult", "jobinstancetype", "jobinstanceid"],
  ...["errorcode", "cserrorcode", "errortext"]
]
const capabilityFields = [
  ...["securitygroupsenabled", "supportELB", "cloudstackversion", "apilimitmax", "apilimitinterval"]
]
const comparedLbCapabilities: ReadonlyArray<unknown> = ["SupportedLbAlgorithms", "SupportedProtocols", "LbSchemes"]
/** Always there, mostly empty. */
const ignored = ["uuidList"]

export type Json = Readonly<Record<string, unknown>>
export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const pick = (value: Json, keep: (key: string) => boolean) =>
  Object.fromEntries(Object.entries(value).filter(([key]) => keep(key)))

/** Of a network's services only those of load balancing show capabilities, and of these only three count. */
const trimService = (service: Json): Json => {
  const { capability, ...rest } = service
  if (service["name"] !== "Lb") return rest
  if (!Array.isArray(capability)) return service
  return {
    ...rest,
    capability: capability.filter((one: unknown) => !isObject(one) || comparedLbCapabilities.includes(one["name"]))
  }
}

const project = (value: unknown, key?: string): unknown => {
  if (Array.isArray(value)) return value.map((item: unknown) => project(item, key))
  if (!isObject(value)) return value
  if (key === "capability" && !("name" in value)) return pick(value, (name) => capabilityFields.includes(name))
  const object = key === "service" && "capability" in value ? trimService(value) : value
  const keep = key !== undefined && Object.hasOwn(fields, key) ? fields[key] : undefined
  return Object.fromEntries(
    Object.entries(object)
      .filter(([name]) => !ignored.includes(name) && (keep === undefined || keep.includes(name)))
      .map(([name, inner]) => [name, project(inner, name)])
  )
}

/** An answer with everything dropped that is not compared. */
export const comparedPart = (body: unknown): unknown => {
  if (!isObject(body)) return body
  return Object.fromEntries(
    Object.entries(body).map(([envelope, inner]) => {
      const isJob = isObject(inner) && envelope === "queryasyncjobresultresponse" && "jobstatus" in inner
      return [envelope, project(isJob ? pick(inner, (name) => jobFields.includes(name)) : inner)]
    })
  )
}
