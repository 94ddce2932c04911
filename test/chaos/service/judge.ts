/** What a world looks like to those who compare it with another: without ids, and with the addresses' roles for names. */
import type { JsonObject } from "../../../src/kubernetes/json.ts"
import { objectAt, textAt, textsAt } from "../../../src/kubernetes/json.ts"

interface Named {
  readonly id: string
  readonly name: string
}

interface AclItem {
  readonly id: string
  readonly number: number
  readonly protocol: string
  readonly startPort?: number
  readonly endPort?: number
  readonly cidrs: string
  readonly action: string
  readonly trafficType: string
  readonly reason?: string
  readonly state: string
}

export interface Snapshot {
  readonly addresses: ReadonlyArray<{
    readonly id: string
    readonly ip: string
    readonly state: string
    readonly network?: string
    readonly sourceNat: boolean
  }>
  readonly loadBalancerRules: ReadonlyArray<{
    readonly id: string
    readonly name: string
    readonly description?: string
    readonly address: string
    readonly publicPort: number
    readonly privatePort: number
    readonly algorithm: string
    readonly protocol?: string
    readonly cidrs?: string
    readonly state: string
    readonly members: ReadonlyArray<{ readonly machine: string }>
  }>
  readonly firewallRules: ReadonlyArray<{
    readonly id: string
    readonly address: string
    readonly protocol: string
    readonly startPort?: number
    readonly endPort?: number
    readonly cidrs: ReadonlyArray<string>
    readonly state: string
  }>
  readonly portForwardingRules: ReadonlyArray<{
    readonly id: string
    readonly address: string
    readonly protocol: string
    readonly publicPort: number
    readonly privatePort: number
    readonly machine: string
    readonly state: string
  }>
  readonly stickinessPolicies: ReadonlyArray<{
    readonly id: string
    /** Its name. */
    readonly rule: string
    readonly method: string
    readonly params: Readonly<Record<string, string>>
  }>
  readonly aclLists: ReadonlyArray<{ readonly name: string; readonly items: ReadonlyArray<AclItem> }>
  readonly machines: ReadonlyArray<Named>
  readonly networks: ReadonlyArray<Named>
  readonly projects: ReadonlyArray<Named>
  readonly vpcs: ReadonlyArray<Named>
  readonly tags: ReadonlyArray<{
    readonly resource: string
    readonly type: string
    readonly key: string
    readonly value: string
  }>
  readonly jobs: ReadonlyArray<{ readonly id: string; readonly command: string; readonly status: number }>
}

/** The name of an address that was there from the start, or of one acquired since. */
const labelling = (start: Snapshot) => {
  const old = new Set(start.addresses.map(({ ip }) => ip))
  return (ip: string) => (old.has(ip) ? ip : "new")
}

const tagsOf = (world: Snapshot, id: string) =>
  world.tags
    .filter(({ resource }) => resource === id)
    .map(({ key, value }) => `${key}=${value}`)
    .sort()
    .join(" ")

const itemsOf = (world: Snapshot): ReadonlyArray<AclItem> => world.aclLists.flatMap(({ items }) => items)

/** Numbers of new items are as free as ids; what counts is before which old ones they are. */
const placeOf = (start: Snapshot, { id, number }: AclItem): string => {
  const old = itemsOf(start)
  if (old.some((item) => item.id === id)) return `${number}`
  return `before ${Math.min(...old.map((item) => item.number).filter((one) => one > number))}`
}

/** Everything in CloudStack as lines that can be compared between two runs. */
export const cloudLines = (start: Snapshot, world: Snapshot): ReadonlyArray<string> => {
  const label = labelling(start)
  return [
    ...world.addresses.map(({ id, ip, sourceNat, state }) =>
      [`address ${label(ip)} ${state}`, ...(sourceNat ? ["source NAT"] : []), tagsOf(world, id)].join(" ")
    ),
    ...world.loadBalancerRules.map((rule) => {
      const members = rule.members.map(({ machine }) => machine).sort()
      const { address, algorithm, cidrs, description, id, name, privatePort, protocol, publicPort, state } = rule
      const sources = cidrs === "0.0.0.0/0" ? undefined : cidrs
      return `rule ${label(address)} ${name} ${description} ${protocol} ${publicPort}>${privatePort} ${algorithm} ${sources} ${state} ${members} ${tagsOf(world, id)}`
    }),
    ...world.firewallRules.map(
      ({ address, cidrs, endPort, id, protocol, startPort, state }) =>
        `firewall ${label(address)} ${protocol} ${startPort}-${endPort} ${[...cidrs].sort()} ${state} ${tagsOf(world, id)}`
    ),
    ...world.portForwardingRules.map(
      ({ address, id, machine, privatePort, protocol, publicPort, state }) =>
        `forwarding ${label(address)} ${protocol} ${publicPort}>${privatePort} ${machine} ${state} ${tagsOf(world, id)}`
    ),
    ...world.stickinessPolicies.map(
      ({ method, params, rule }) => `stickiness of ${rule} ${method} ${JSON.stringify(params)}`
    ),
    ...itemsOf(world).map((item) => {
      const { action, cidrs, endPort, protocol, reason, startPort, state, trafficType } = item
      return `ACL item ${placeOf(start, item)} ${action} ${trafficType} ${protocol} ${startPort}-${endPort} ${cidrs} ${reason} ${state}`
    })
  ].sort()
}

/** What the Services say, with addresses by label. */
export const serviceLines = (
  start: Snapshot,
  world: Snapshot,
  services: ReadonlyArray<JsonObject>
): ReadonlyArray<string> => {
  const label = labelling(start)
  const ipOf = (id: string) => world.addresses.find((address) => address.id === id)?.ip ?? `unknown ${id}`
  return services
    .map((service) => {
      const list = objectAt(service, "status", "loadBalancer")["ingress"]
      const ingress = (Array.isArray(list) ? list : []).map((entry) => {
        const { hostname, ip, ipMode } = { ...(entry as { hostname?: string; ip?: string; ipMode?: string }) }
        return `${hostname ?? ""}${ip === undefined ? "" : label(ip)} ${ipMode}`
      })
      const id = textAt(service, "metadata", "annotations", "service.beta.kubernetes.io/cloudstack-load-balancer-id")
      const deleting = textAt(service, "metadata", "deletionTimestamp") === "" ? "" : "deleting"
      const finalizers = textsAt(service, "metadata", "finalizers").join(",")
      return `service ${textAt(service, "metadata", "name")} [${ingress}] at ${id === "" ? "" : label(ipOf(id))} ${finalizers} ${deleting}`
    })
    .sort()
}

/** Rows that were there from the start are there still, the very same. */
export const foreignChanges = (start: Snapshot, world: Snapshot): ReadonlyArray<string> => {
  const compare = <A extends { readonly id: string }>(
    kind: string,
    before: ReadonlyArray<A>,
    after: ReadonlyArray<A>
  ) => {
    const now = new Map(after.map((row) => [row.id, JSON.stringify([row, tagsOf(world, row.id)])]))
    return before.flatMap((row) => {
      const is = now.get(row.id)
      const was = JSON.stringify([row, tagsOf(start, row.id)])
      return is === was ? [] : [`foreign ${kind} changed: ${was} is now ${is ?? "gone"}`]
    })
  }
  return [
    ...compare("address", start.addresses, world.addresses),
    ...compare("rule", start.loadBalancerRules, world.loadBalancerRules),
    ...compare("firewall rule", start.firewallRules, world.firewallRules),
    ...compare("forwarding rule", start.portForwardingRules, world.portForwardingRules),
    ...compare("ACL item", itemsOf(start), itemsOf(world))
  ]
}

/** What is there in one list and not in the other. */
export const difference = (wanted: ReadonlyArray<string>, found: ReadonlyArray<string>): ReadonlyArray<string> => {
  const left = [...found]
  const missing = wanted.filter((line) => {
    const at = left.indexOf(line)
    if (at < 0) return true
    left.splice(at, 1)
    return false
  })
  return [...missing.map((line) => `- ${line}`), ...left.map((line) => `+ ${line}`)]
}

/** Addresses that nobody had at the start. */
export const acquired = (start: Snapshot, world: Snapshot) => {
  const old = new Set(start.addresses.map(({ id }) => id))
  return world.addresses.filter(({ id }) => !old.has(id))
}

/**
 * Something of the Service in CloudStack, told by names, descriptions, reasons and tags. An address of ours that carries
 * what others have put there is kept, with its tags; so is one that is tagged to be.
 */
export const traces = (start: Snapshot, world: Snapshot, uid: string): ReadonlyArray<string> => {
  const name = `a${uid.replaceAll("-", "")}`.slice(0, 32)
  const isOurs = (rule: Snapshot["loadBalancerRules"][number]) =>
    rule.name.startsWith(name) || rule.description?.includes(uid) === true
  const strangers = new Set(
    [
      ...world.loadBalancerRules.filter((rule) => !isOurs(rule)),
      ...world.firewallRules,
      ...world.portForwardingRules
    ].map(({ address }) => address)
  )
  const told = new Set(world.tags.flatMap(({ key, resource }) => (key === "cloudstack-ccm/keep" ? [resource] : [])))
  const kept = new Set(acquired(start, world).flatMap(({ id, ip }) => (strangers.has(ip) || told.has(id) ? [id] : [])))
  return [
    ...world.loadBalancerRules.filter(isOurs).map((rule) => `rule ${rule.name}`),
    ...itemsOf(world)
      .filter(({ reason = "" }) => reason.endsWith(uid))
      .map(({ number }) => `ACL item ${number}`),
    ...world.tags
      .filter(({ resource, value }) => value.endsWith(uid) && !kept.has(resource))
      .map(({ resource, type }) => `tag on ${type} ${resource}`)
  ]
}
