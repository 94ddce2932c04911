/** Networks that cannot carry a load balancer, told before anything is created. Pure. */
import { nameOf, rows } from "../../domain/Annotations.ts"
import type { Network } from "../../domain/Cloud.ts"
import type { Refusal } from "../../domain/Refusal.ts"

const causeOf = (network: Network): string | undefined => {
  const { services, type } = network
  const lb = services.get("Lb")
  if (network.isRouted) return "it is routed (ROUTED mode), and CloudStack balances no load there"
  if (lb !== undefined) {
    const schemes = lb.capabilities.get("LbSchemes") ?? "Public"
    return schemes.split(/[ ,]+/).includes("Public") ? undefined : "its load balancer is internal only"
  }
  switch (type.toLowerCase()) {
    case "shared":
      return "it is a shared network whose offering has no load balancer service (Lb)"
    case "l2":
      return "it is an L2 network, which has no router and no load balancer service (Lb)"
    default:
      return "its offering has no load balancer service (Lb)"
  }
}

export const refuseNetwork = (network: Network): Refusal | undefined => {
  const cause = causeOf(network)
  if (cause === undefined) return undefined
  return {
    reason: "NetworkUnsupported",
    field: `network ${network.name}`,
    cause,
    remedy: `Give the nodes a NIC in an isolated network or VPC tier that has it and name it (network-id in the cloud-config, or the annotation ${nameOf(rows.network)}), or leave the Service to another controller by loadBalancerClass`
  }
}
