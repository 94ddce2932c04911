/** Things in CloudStack that are not the controller's, on the same ports as its own, put there by a person's hand. */
import { Effect } from "effect"
import type { Parameters } from "../../src/cloudstack/Api.ts"
import { Simulator } from "../../src/cloudstack/memory/Simulator.ts"
import type { NetworkKind } from "./networkKinds.ts"
import { as, isObject, type Json } from "./simulated.ts"

const rows = (world: unknown, key: string): ReadonlyArray<Json> => {
  const list = isObject(world) ? world[key] : undefined
  return Array.isArray(list) ? list.filter(isObject) : []
}

/** Everything that the controller could have changed, as the simulator writes it. */
export const everythingIn = (world: unknown) => ({
  addresses: rows(world, "addresses"),
  loadBalancerRules: rows(world, "loadBalancerRules"),
  firewallRules: rows(world, "firewallRules"),
  portForwardingRules: rows(world, "portForwardingRules"),
  stickinessPolicies: rows(world, "stickinessPolicies"),
  aclItems: rows(world, "aclLists").flatMap((list) =>
    rows(list, "items").map((item) => ({ ...item, list: list["name"] }))
  ),
  tags: rows(world, "tags")
})
export type Everything = ReturnType<typeof everythingIn>

export const everything = Effect.map(
  Effect.flatMap(Simulator, (simulator) => simulator.world),
  everythingIn
)

/** What of it had these ids, or hangs on something that has. */
export const only = (all: Everything, ids: ReadonlySet<unknown>): Everything => {
  const pick = <A extends Json>(list: ReadonlyArray<A>, key: string) => list.filter((row) => ids.has(row[key]))
  return {
    addresses: pick(all.addresses, "id"),
    loadBalancerRules: pick(all.loadBalancerRules, "id"),
    firewallRules: pick(all.firewallRules, "id"),
    portForwardingRules: pick(all.portForwardingRules, "id"),
    stickinessPolicies: pick(all.stickinessPolicies, "id"),
    aclItems: all.aclItems.filter((row) => ids.has((row as Json)["id"])),
    tags: pick(all.tags, "resource")
  }
}

export const idsOf = (all: Everything): ReadonlySet<unknown> =>
  new Set(Object.values(all).flatMap((list) => list.map((row: Json) => row["id"])))

const tag = (resourcetype: string, resourceids: string) => ({
  resourcetype,
  resourceids,
  "tags[0].key": "team",
  "tags[0].value": "blue"
})

/** An item of a person for each way in which one can look like the controller's. */
const aclItems: ReadonlyArray<Json> = [
  { number: 5, action: "deny", cidrlist: "203.0.113.0/24" },
  { number: 20, action: "allow", cidrlist: "10.77.0.0/16", reason: "by hand" },
  { number: 30, action: "deny", traffictype: "egress" },
  { number: 40, action: "allow", reason: "cloudstack-ccm:another-cluster:11111111-2222-3333-4444-555555555555" },
  { number: 50, action: "allow", cidrlist: "0.0.0.0/0" }
]

const text = (fields: Json) => Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, String(value)]))

/** A person with a key: calls that have to succeed, their jobs awaited. */
export interface Hand<E, R> {
  /** The id of an object of the world, by its name. */
  readonly idOf: (command: string, name: string, parameters?: Parameters) => Effect.Effect<string, E, R>
  /** The id of what the command makes. */
  readonly make: (command: string, parameters: Parameters) => Effect.Effect<string, E, R>
  readonly job: (command: string, parameters: Parameters) => Effect.Effect<unknown, E, R>
}

interface Site {
  readonly border: "firewall" | "acl"
  readonly network: string
  readonly machine: string
  /** What every list has to be asked with. */
  readonly scope: Parameters
}

export const place = Effect.fnUntraced(function* <E, R>(hand: Hand<E, R>, { border, machine, network, scope }: Site) {
  const networkid = yield* hand.idOf("listNetworks", network, scope)
  const vm = yield* hand.idOf("listVirtualMachines", machine, scope)
  const target = border === "acl" ? { vpcid: yield* hand.idOf("listVPCs", "vpc1", scope) } : { networkid }
  const balanced = yield* hand.make("associateIpAddress", target)
  const forwarded = yield* hand.make("associateIpAddress", target)
  const rule = yield* hand.make("createLoadBalancerRule", {
    publicipid: balanced,
    name: "by hand",
    algorithm: "leastconn",
    protocol: "tcp",
    publicport: "80",
    privateport: "30080",
    openfirewall: "false",
    networkid
  })
  yield* hand.job("assignToLoadBalancerRule", { id: rule, virtualmachineids: vm })
  yield* hand.make("createPortForwardingRule", {
    ipaddressid: forwarded,
    protocol: "tcp",
    publicport: "80",
    privateport: "30080",
    virtualmachineid: vm,
    networkid,
    openfirewall: "false"
  })
  const tagged = [tag("PublicIpAddress", balanced), tag("LoadBalancer", rule)]
  if (border === "firewall") {
    const firewall = { ipaddressid: balanced, protocol: "tcp", startport: "80", endport: "80", cidrlist: "10.9.0.0/16" }
    tagged.push(tag("FirewallRule", yield* hand.make("createFirewallRule", firewall)))
  } else {
    for (const item of aclItems) {
      const common = { protocol: "tcp", startport: "80", endport: "80", networkid }
      tagged.push(tag("NetworkACL", yield* hand.make("createNetworkACL", { ...common, ...text(item) })))
    }
  }
  for (const parameters of tagged) yield* hand.job("createTags", parameters)
})

/** Returns their ids. */
export const settle = Effect.fnUntraced(function* ({ border, network, options }: NetworkKind) {
  const alice = as("alice")
  const projectid = options.project === undefined ? undefined : yield* alice.idOf("listProjects", options.project)
  const scope = projectid === undefined ? {} : { projectid }
  if (border !== undefined) yield* place(alice, { border, network, machine: "n1", scope })
  return idsOf(yield* everything)
})
