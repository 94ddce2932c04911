/** By which means each port of a Service is served, or why one cannot be although others can. Pure. */
import { nameOf, rows } from "../../domain/Annotations.ts"
import type { Network } from "../../domain/Cloud.ts"
import type { Refusal } from "../../domain/Refusal.ts"
import type { Service, ServicePort } from "../../kubernetes/objects.ts"
import { isVirtualRouter, lbOf } from "./refusePorts.ts"
import type { PortError, WantedPort } from "./wanted.ts"

/** What the role may do beyond the load balancer's own commands. */
export interface Abilities {
  /** Make, see and delete port forwarding rules. */
  readonly forward: boolean
  readonly tag: boolean
  readonly stick: boolean
}

export interface ServingInput {
  readonly service: Service
  readonly network: Network
  /** Port numbers that the user wants forwarded. */
  readonly forwardPorts: ReadonlySet<number>
  readonly abilities: Abilities
  /** Sources are restricted, and only a load balancer rule could hold them. */
  readonly onlyRulesRestrict: boolean
}

export interface Serving {
  readonly ports: ReadonlyArray<{ readonly port: ServicePort; readonly via: WantedPort["via"] }>
  readonly errors: ReadonlyArray<PortError>
}

/** What the offering says; the virtual router lists udp but refuses it (since CloudStack 4.15). */
const speaksUdp = (network: Network): boolean => {
  const protocols = lbOf(network)?.capabilities.get("SupportedProtocols") ?? ""
  return !isVirtualRouter(network) && protocols.split(/[ ,]+/).includes("udp")
}

/** Reason of the Event and, with our prefix, error of the port. */
const refuse = (
  { port, protocol }: ServicePort,
  reason: string,
  refusal: Pick<Refusal, "field" | "cause" | "remedy">
): PortError => ({
  port,
  protocol: protocol === "UDP" ? "UDP" : "TCP",
  error: `cloudstack-ccm/${reason}`,
  refusal: { reason, ...refusal }
})

const obstacle = (input: ServingInput, port: ServicePort, index: number): PortError | undefined => {
  const { abilities, network, service } = input
  const label = `port ${port.port}/${port.protocol}`
  const field = `spec.ports[${index}]`
  if (!network.services.has("PortForwarding")) {
    return refuse(port, "UnsupportedProtocol", {
      field: `${field}.protocol`,
      cause: `the load balancer of network ${network.name} does not serve ${label}, and its offering has no port forwarding`,
      remedy: "Use TCP, or a network whose offering has PortForwarding or balances UDP"
    })
  }
  if (!abilities.forward) {
    return refuse(port, "ForwardingForbidden", {
      field: `${field}.protocol`,
      cause: `${label} needs a port forwarding rule, which the key's role may not make`,
      remedy:
        "Allow createPortForwardingRule, listPortForwardingRules, deletePortForwardingRule and listApis to the role, or use TCP"
    })
  }
  if (input.onlyRulesRestrict) {
    return refuse(port, "SourceRangesUnsupported", {
      field: "spec.loadBalancerSourceRanges",
      cause: `${label} is served by port forwarding, and network ${network.name} has neither a firewall nor network ACLs to hold its sources`,
      remedy: "Remove the source ranges to let everybody in, or use a network that has one of them"
    })
  }
  if (service.externalTrafficPolicy === "Local") {
    return refuse(port, "ForwardingNotLocal", {
      field: "spec.externalTrafficPolicy",
      cause: `${label} is served by forwarding to one node, which may have no endpoint of its own`,
      remedy: "Set it to Cluster, or give the port a Service of its own, with Cluster"
    })
  }
  return undefined
}

const shared = (port: ServicePort, index: number): PortError =>
  refuse(port, "PortShared", {
    field: `spec.ports[${index}].port`,
    cause: `port ${port.port} is balanced for TCP, and on one address CloudStack cannot serve it for UDP besides`,
    remedy: `Have both forwarded to one node (annotation ${nameOf(rows.forwardPorts)}: "${port.port}"), or give UDP a Service and an address of its own`
  })

/** What would serve the port, whatever stands in the way. */
const viaOf = (input: ServingInput, port: ServicePort): WantedPort["via"] | "none" => {
  const { forwardPorts, network, service } = input
  if (forwardPorts.has(port.port)) return "forward"
  if (port.protocol === "TCP") return "rule"
  if (service.ports.some((other) => other.port === port.port && other.protocol === "TCP")) return "none"
  return speaksUdp(network) ? "rule" : "forward"
}

/**
 * A forward bears no mark but its tag. Where the role may not tag, it is known by its ports on an address of ours, and
 * that the address is ours only a load balancer rule can say then.
 */
const unprovable = (port: ServicePort, index: number): PortError =>
  refuse(port, "ForwardingForbidden", {
    field: `spec.ports[${index}].protocol`,
    cause: `port ${port.port}/${port.protocol} would be forwarded, and without tags nothing would say whose address and rule that is`,
    remedy: "Allow createTags and deleteTags to the key's role, or let the Service have a TCP port besides"
  })

export const serve = (input: ServingInput): Serving => {
  const plans = input.service.ports.map((port, index) => {
    const via = viaOf(input, port)
    if (via === "none") return { port, index, via, error: shared(port, index) }
    return { port, index, via, error: via === "forward" ? obstacle(input, port, index) : undefined }
  })
  const balanced = plans.some(({ via }) => via === "rule")
  const proven = plans.map((plan) =>
    plan.via === "forward" && plan.error === undefined && !input.abilities.tag && !balanced
      ? { ...plan, error: unprovable(plan.port, plan.index) }
      : plan
  )
  return {
    ports: proven.flatMap(({ error, port, via }) => (error !== undefined || via === "none" ? [] : [{ port, via }])),
    errors: proven.flatMap(({ error }) => error ?? [])
  }
}
