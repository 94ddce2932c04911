/** Ports that CloudStack cannot serve, told before anything is created. Pure. */
import type { Network } from "../../domain/Cloud.ts"
import type { Refusal } from "../../domain/Refusal.ts"
import type { Service, ServicePort } from "../../kubernetes/objects.ts"

/** HAProxy's statistics on the virtual router (`network.loadbalancer.haproxy.stats.port`). */
const routerPort = 8081
const virtualRouters: ReadonlySet<string> = new Set(["VirtualRouter", "VpcVirtualRouter"])

const lbOf = (network: Network) => network.services.get("Lb")
const isVirtualRouter = (network: Network): boolean =>
  lbOf(network)?.providers.some((provider) => virtualRouters.has(provider)) ?? false

/** What the offering says; the virtual router lists udp but refuses it (since CloudStack 4.15). */
const speaksUdp = (network: Network): boolean => {
  const protocols = lbOf(network)?.capabilities.get("SupportedProtocols") ?? ""
  return !isVirtualRouter(network) && protocols.split(/[ ,]+/).includes("udp")
}

const refusePort = (port: ServicePort, index: number, network: Network): Refusal | undefined => {
  const field = `spec.ports[${index}]`
  if (port.protocol === "SCTP") {
    return {
      reason: "UnsupportedProtocol",
      field: `${field}.protocol`,
      cause: "CloudStack's load balancer knows no SCTP",
      remedy: "Use TCP, or serve this port by other means"
    }
  }
  if (port.protocol === "UDP" && !speaksUdp(network)) {
    return {
      reason: "UnsupportedProtocol",
      field: `${field}.protocol`,
      cause: `the load balancer of network ${network.name} refuses UDP`,
      remedy: "Use TCP, or a network whose load balancer provider balances UDP"
    }
  }
  if (port.nodePort === 0) {
    return {
      reason: "NodePortMissing",
      field: `${field}.nodePort`,
      cause: "no node port is allocated, so there is nothing on the nodes to send traffic to",
      remedy: "Set spec.allocateLoadBalancerNodePorts to true"
    }
  }
  if (port.port === routerPort && isVirtualRouter(network)) {
    return {
      reason: "PortReserved",
      field: `${field}.port`,
      cause: `port ${routerPort} is the virtual router's own`,
      remedy: "Use another port"
    }
  }
  return undefined
}

const refuseTwins = (ports: ReadonlyArray<ServicePort>): Refusal | undefined => {
  const twin = ports.findIndex((port, index) => ports.findIndex((other) => other.port === port.port) < index)
  const port = ports[twin]
  if (port === undefined) return undefined
  return {
    reason: "PortConflict",
    field: `spec.ports[${twin}].port`,
    cause: `port ${port.port} is there for TCP and for UDP, and CloudStack balances a port number of an address only once`,
    remedy: "Give each protocol a Service and an address of its own"
  }
}

export const refusePorts = ({ ports }: Service, network: Network): Refusal | undefined => {
  for (const [index, port] of ports.entries()) {
    const refusal = refusePort(port, index, network)
    if (refusal !== undefined) return refusal
  }
  return refuseTwins(ports)
}
