/** What stands in the way on the address itself, told with its name before anything is created. Pure. */
import type { Network, PublicAddress } from "../../domain/Cloud.ts"
import type { Refusal } from "../../domain/Refusal.ts"
import type { Claims } from "./claims.ts"
import type { WantedPort } from "./wanted.ts"

const refuseAddress = (address: PublicAddress, network: Network, field: string): Refusal | undefined => {
  const refusal = (cause: string, remedy: string): Refusal => ({ reason: "AddressUnusable", field, cause, remedy })
  if (address.isStaticNat) {
    return refusal(`${address.ip} is a static NAT address`, "Disable static NAT on it, or name another address")
  }
  if (address.isSystem) return refusal(`${address.ip} is a system address of CloudStack`, "Name another address")
  if (address.state !== "Allocated") {
    return refusal(`${address.ip} is in state ${address.state}`, "Wait until it is Allocated, or name another address")
  }
  if (address.vpcId !== network.vpcId) {
    return refusal(
      address.vpcId === undefined
        ? `${address.ip} belongs to no VPC, but network ${network.name} is a tier of one`
        : `${address.ip} belongs to a VPC that network ${network.name} is no tier of`,
      "Name an address of the network's own VPC, or name the network (network-id in the cloud-config, or the annotation …-network)"
    )
  }
  if (address.networkId !== undefined && address.networkId !== network.id) {
    return refusal(
      `${address.ip} belongs to another network than ${network.name}`,
      "Name an address of the cluster's network, or set network-id in the cloud-config"
    )
  }
  return undefined
}

const refusePort = (own: Claims, { port }: WantedPort, network: Network): Refusal | undefined => {
  const { ip, isSourceNat } = own.address
  const rule = own.otherRules.find(({ publicPort }) => publicPort === port)
  if (rule !== undefined) {
    return {
      reason: "PortTaken",
      field: `spec.ports, port ${port}`,
      cause: `port ${port} of ${ip} is taken by load balancer rule ${rule.name} (${rule.id})`,
      remedy: "Use another port or address, or remove that rule"
    }
  }
  if (port === 53 && isSourceNat && network.services.has("Dns")) {
    return {
      reason: "PortReserved",
      field: `spec.ports, port ${port}`,
      cause: `${ip} is the source NAT address of network ${network.name}, whose router answers DNS on it`,
      remedy: "Use another address"
    }
  }
  return undefined
}

/** `field` names what made the Service use this address. */
export const preflight = (
  own: Claims,
  ports: ReadonlyArray<WantedPort>,
  network: Network,
  field: string
): Refusal | undefined => {
  const refusal = refuseAddress(own.address, network, field)
  if (refusal !== undefined) return refusal
  for (const port of ports) {
    const taken = refusePort(own, port, network)
    if (taken !== undefined) return taken
  }
  return undefined
}
