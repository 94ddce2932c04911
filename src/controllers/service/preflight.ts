/** What stands in the way on the address itself, told with its name before anything is created. Pure. */
import { nameOf, rows } from "../../domain/Annotations.ts"
import type { Forward, Network, PublicAddress } from "../../domain/Cloud.ts"
import type { Refusal } from "../../domain/Refusal.ts"
import type { Claims } from "./claims.ts"
import type { Wanted, WantedPort } from "./wanted.ts"

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
      `Name an address of the network's own VPC, or name the network (network-id in the cloud-config, or the annotation ${nameOf(rows.network)})`
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

/** A forward of others leaves a port number to nobody but forwards of the other protocol. */
const blockingForward = ({ otherForwards }: Claims, { ipProtocol, port, via }: WantedPort): Forward | undefined =>
  otherForwards.find(
    ({ protocol, publicEndPort, publicPort }) =>
      publicPort <= port && port <= publicEndPort && (via === "rule" || protocol.toLowerCase() === ipProtocol)
  )

const refusePort = (own: Claims, want: WantedPort, network: Network): Refusal | undefined => {
  const { port, via } = want
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
  const forward = blockingForward(own, want)
  if (forward !== undefined) {
    return {
      reason: "PortTaken",
      field: `spec.ports, port ${port}`,
      cause: `port ${port} of ${ip} is taken by port forwarding rule ${forward.id}`,
      remedy: "Use another port or address, or remove that rule"
    }
  }
  if (port === 53 && via === "rule" && isSourceNat && network.services.has("Dns")) {
    return {
      reason: "PortReserved",
      field: `spec.ports, port ${port}`,
      cause: `${ip} is the source NAT address of network ${network.name}, whose router answers DNS on it`,
      remedy: "Use another address"
    }
  }
  return undefined
}

/** On an address of ours a forward is known by its ports; on the user's only by its tag. */
const refuseForwards = (own: Claims, { mayTag, ports }: Pick<Wanted, "mayTag" | "ports">): Refusal | undefined => {
  const forward = ports.find(({ via }) => via === "forward")
  if (forward === undefined || mayTag || own.ownership === "owned") return undefined
  return {
    reason: "ForwardingForbidden",
    field: `spec.ports, port ${forward.port}`,
    cause: `${own.address.ip} is not ours, so a port forwarding rule there has to be tagged as ours, and the key's role may not tag`,
    remedy: "Allow createTags and deleteTags to the key's role, or let the address be allocated"
  }
}

/** `field` names what made the Service use this address. */
export const preflight = (
  own: Claims,
  wanted: Pick<Wanted, "mayTag" | "ports">,
  network: Network,
  field: string
): Refusal | undefined => {
  const refusal = refuseAddress(own.address, network, field) ?? refuseForwards(own, wanted)
  if (refusal !== undefined) return refusal
  for (const port of wanted.ports) {
    const taken = refusePort(own, port, network)
    if (taken !== undefined) return taken
  }
  return undefined
}
