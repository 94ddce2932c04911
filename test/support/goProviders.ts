/**
 * What the Go providers leave behind for a Service, as data: the rules, firewall rules and members in CloudStack, and
 * their traces on the Service. Made with the same key as ours, as they would.
 */
import { Effect, Option } from "effect"
import type { Parameters } from "../../src/cloudstack/Api.ts"
import { Simulator } from "../../src/cloudstack/memory/Simulator.ts"
import { finalizer } from "../../src/controllers/service/selection.ts"
import { Services } from "../../src/kubernetes/Services.ts"
import { annotated, applyService, editNode, editService, inTime, type ServiceInput, world } from "./testBed.ts"

interface Provider {
  /** Name of a rule. */
  readonly rule: (of: {
    readonly uid: string
    readonly name: string
    readonly protocol: string
    readonly port: number
  }) => string
  /** As it sends it. */
  readonly protocol: (protocol: string) => string
  /** v1.2 sends the list that the annotation gives, else everybody. */
  readonly sendsCidrs: boolean
  readonly providerID: (vmId: string) => string
  /** Notes the address and the network on the Service. */
  readonly notes: boolean
}

const first = (uid: string) => `a${uid.replaceAll("-", "")}`.slice(0, 32)

export const providers = {
  "Apache v1.0": {
    rule: ({ port, protocol, uid }) => `${first(uid)}-${protocol}-${port}`,
    protocol: (protocol) => protocol.toUpperCase(),
    sendsCidrs: false,
    providerID: () => "external-cloudstack",
    notes: false
  },
  "Apache v1.1": {
    rule: ({ port, protocol, uid }) => `${first(uid)}-${protocol}-${port}`,
    protocol: (protocol) => protocol,
    sendsCidrs: false,
    providerID: () => "external-cloudstack",
    notes: false
  },
  "Apache v1.2": {
    rule: ({ port, protocol, uid }) => `${first(uid)}-${protocol}-${port}`,
    protocol: (protocol) => protocol,
    sendsCidrs: true,
    providerID: (id) => `external-cloudstack://${id}`,
    notes: false
  },
  Leaseweb: {
    rule: ({ name, port, protocol }) => `K8s_svc_kubernetes_shop_${name}-${protocol}-${port}`,
    protocol: (protocol) => protocol,
    sendsCidrs: false,
    providerID: (id) => `cloudstack:///${id}`,
    notes: true
  }
} as const satisfies Readonly<Record<string, Provider>>
export type ProviderName = keyof typeof providers

const call = Effect.fnUntraced(function* (command: string, parameters: Parameters) {
  const simulator = yield* Simulator
  const answer = yield* inTime(simulator.callAs("alice", command, parameters))
  if (answer.status !== 200) return yield* Effect.die(`${command}: ${JSON.stringify(answer.body)}`)
  yield* inTime(Effect.sleep("5 seconds"), "1 second")
})

export const associate = Effect.gen(function* () {
  const before = new Set((yield* world).addresses.map(({ id }) => id))
  const { networks } = yield* world
  yield* call("associateIpAddress", { networkid: networks[0]?.id ?? "" })
  const made = (yield* world).addresses.find(({ id }) => !before.has(id))
  return made ?? (yield* Effect.die("no address"))
})

/** Nodes as the provider initialised them. */
export const initialised = Effect.fnUntraced(function* (provider: ProviderName) {
  for (const { id, name } of (yield* world).machines) {
    yield* editNode(name, { spec: { providerID: providers[provider].providerID(id) } })
  }
})

export interface Left extends ServiceInput {
  readonly proxy?: boolean
  /** Else one is associated. */
  readonly address?: { readonly id: string; readonly ip: string }
}

/** Apache's provider is back, and makes the rule of a port anew as it would for another node port. */
export const remadeByApache = Effect.fnUntraced(function* (publicPort: number) {
  const { addresses, firewallRules, loadBalancerRules, machines } = yield* world
  const old = loadBalancerRules.find((rule) => rule.publicPort === publicPort)
  const address = addresses.find(({ ip }) => ip === old?.address)
  if (old === undefined || address === undefined) return yield* Effect.die(`no rule on port ${publicPort}`)
  for (const { id, startPort } of firewallRules) if (startPort === publicPort) yield* call("deleteFirewallRule", { id })
  yield* call("deleteLoadBalancerRule", { id: old.id })
  yield* call("createLoadBalancerRule", {
    publicipid: address.id,
    name: old.name,
    publicport: `${publicPort}`,
    privateport: `${old.privatePort}`,
    algorithm: old.algorithm,
    protocol: old.protocol ?? "tcp",
    openfirewall: "false",
    cidrlist: "0.0.0.0/0"
  })
  const made = (yield* world).loadBalancerRules.find((rule) => rule.publicPort === publicPort)
  const ids = machines.filter(({ name }) => old.members.some(({ machine }) => machine === name)).map(({ id }) => id)
  yield* call("assignToLoadBalancerRule", { id: made?.id ?? "", virtualmachineids: ids.join(",") })
  const port = { startport: `${publicPort}`, endport: `${publicPort}` }
  yield* call("createFirewallRule", { ipaddressid: address.id, protocol: "tcp", ...port, cidrlist: "0.0.0.0/0" })
})

const annotationOf = ({ annotations = {} }: ServiceInput, suffix: string) =>
  Object.entries(annotations).find(([name]) => name.endsWith(`-${suffix}`))?.[1]

/** In a tier, as Apache's v1.2 does: everybody on the rules, and items without number or mark in the tier's list. */
export const leftInTier = Effect.fnUntraced(function* (tier: string, acl: string) {
  yield* applyService()
  const service = Option.getOrThrow(yield* Effect.flatMap(Services, (services) => services.find("shop/web")))
  const { aclLists, machines, networks, vpcs } = yield* world
  const aclid = aclLists.find(({ name }) => name === acl)?.id ?? ""
  const networkid = networks.find(({ name }) => name === tier)?.id ?? ""
  yield* call("associateIpAddress", { vpcid: vpcs[0]?.id ?? "" })
  const address = (yield* world).addresses.find(({ sourceNat }) => !sourceNat)
  for (const { nodePort, port } of service.ports) {
    const name = providers["Apache v1.2"].rule({ uid: service.uid, name: "web", protocol: "tcp", port })
    yield* call("createLoadBalancerRule", {
      publicipid: address?.id ?? "",
      networkid,
      name,
      publicport: `${port}`,
      privateport: `${nodePort}`,
      algorithm: "roundrobin",
      protocol: "tcp",
      cidrlist: "0.0.0.0/0"
    })
    const rule = (yield* world).loadBalancerRules.find((one) => one.name === name)
    const nodes = machines.filter(({ name: node }) => /^n\d$/.test(node))
    yield* call("assignToLoadBalancerRule", {
      id: rule?.id ?? "",
      virtualmachineids: nodes.map(({ id }) => id).join(",")
    })
    yield* call("createNetworkACL", {
      aclid,
      protocol: "tcp",
      startport: `${port}`,
      endport: `${port}`,
      cidrlist: "0.0.0.0/0",
      traffictype: "Ingress",
      action: "Allow"
    })
  }
  const shown = [{ ip: address?.ip ?? "", ipMode: "VIP" }]
  yield* editService({ metadata: { finalizers: [finalizer] }, status: { loadBalancer: { ingress: shown } } })
})

/** A Service with its load balancer as the provider made it, ready to be taken over. */
export const leftBy = Effect.fnUntraced(function* (provider: ProviderName, left: Left = {}) {
  const { notes, protocol: sent, rule, sendsCidrs } = providers[provider]
  const name = left.name ?? "web"
  yield* applyService(left)
  const service = Option.getOrThrow(yield* Effect.flatMap(Services, (services) => services.find(`shop/${name}`)))
  const address = left.address ?? (yield* associate)
  const { machines, networks } = yield* world
  const sources = service.sourceRanges.length === 0 ? "0.0.0.0/0" : service.sourceRanges.join(",")
  for (const { nodePort, port } of service.ports) {
    const protocol = left.proxy === true ? "tcp-proxy" : "tcp"
    const ruleName = rule({ uid: service.uid, name, protocol, port })
    yield* call("createLoadBalancerRule", {
      publicipid: address.id,
      name: ruleName,
      publicport: `${port}`,
      privateport: `${nodePort}`,
      algorithm: "roundrobin",
      protocol: left.proxy === true ? protocol : sent(protocol),
      openfirewall: "false",
      ...(sendsCidrs ? { cidrlist: annotationOf(left, "source-cidrs") ?? "0.0.0.0/0" } : {})
    })
    const made = (yield* world).loadBalancerRules.find((one) => one.name === ruleName && one.address === address.ip)
    yield* call("assignToLoadBalancerRule", {
      id: made?.id ?? "",
      virtualmachineids: machines.map(({ id }) => id).join(",")
    })
    yield* call("createFirewallRule", {
      ipaddressid: address.id,
      protocol: "tcp",
      startport: `${port}`,
      endport: `${port}`,
      cidrlist: sources
    })
  }
  yield* editService(
    {
      metadata: {
        finalizers: [finalizer],
        ...(notes
          ? { annotations: { ...annotated("id", address.id), ...annotated("network-id", networks[0]?.id ?? "") } }
          : {})
      },
      status: { loadBalancer: { ingress: [{ ip: address.ip, ipMode: left.proxy === true ? "Proxy" : "VIP" }] } }
    },
    name
  )
  return { address, uid: service.uid }
})
