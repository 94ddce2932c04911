/** Ports that CloudStack cannot serve by any means, told before anything is created. Pure. */
import type { Network } from "../../domain/Cloud.ts"
import type { Refusal } from "../../domain/Refusal.ts"
import type { Service, ServicePort } from "../../kubernetes/objects.ts"

/** HAProxy's statistics on the virtual router (`network.loadbalancer.haproxy.stats.port`). */
const routerPort = 8081
const virtualRouters: ReadonlySet<string> = new Set(["VirtualRouter", "VpcVirtualRouter"])

export const lbOf = (network: Network) => network.services.get("Lb")
export const isVirtualRouter = (network: Network): boolean =>
  lbOf(network)?.providers.some((provider) => virtualRouters.has(provider)) ?? false

const refusePort = (port: ServicePort, index: number, network: Network): Refusal | undefined => {
  const field = `spec.ports[${index}]`
  if (port.protocol === "SCTP") {
    return {
      reason: "UnsupportedProtocol",
      field: `${field}.protocol`,
      cause: "CloudStack's load balancer and port forwarding know no SCTP",
      remedy: "Use TCP, or serve this port by other means"
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
  if (port.port === routerPort && port.protocol === "TCP" && isVirtualRouter(network)) {
    return {
      reason: "PortReserved",
      field: `${field}.port`,
      cause: `port ${routerPort} is the virtual router's own`,
      remedy: "Use another port"
    }
  }
  return undefined
}

export const refusePorts = ({ ports }: Service, network: Network): Refusal | undefined => {
  for (const [index, port] of ports.entries()) {
    const refusal = refusePort(port, index, network)
    if (refusal !== undefined) return refusal
  }
  return undefined
}
