/** Which services use a public address, and whether one more may: what the server asks before any rule of an address. */
import { Result } from "effect"
import { type ApiError, refuse } from "./errors.ts"
import type { Address, Network } from "./records.ts"
import { firewallOfAddress, forwardingOfAddress, rulesOfAddress, type State } from "./state.ts"

export type AddressService = "Lb" | "PortForwarding" | "StaticNat" | "Firewall"

const usedBy = (state: State, address: Address, firewall: boolean): ReadonlyArray<string> => [
  ...(address.sourceNat ? ["SourceNat"] : []),
  ...(address.staticNat === undefined ? [] : ["StaticNat"]),
  ...(rulesOfAddress(state.rules, address.id).length > 0 ? ["Lb"] : []),
  ...(forwardingOfAddress(state.forwarding, address.id).length > 0 ? ["PortForwarding"] : []),
  ...(firewall && firewallOfAddress(state.firewall, address.id).length > 0 ? ["Firewall"] : [])
]

/**
 * An address that serves nothing yet passes; what its network does not offer is found out later, with another text. With
 * conserve mode off it may serve one thing only, firewall rules aside.
 */
export const checkService = (
  state: State,
  address: Address,
  network: Network,
  service: AddressService
): Result.Result<void, ApiError> => {
  if (network.kind !== "isolated" && network.kind !== "vpc-tier") return Result.succeed(undefined)
  if (usedBy(state, address, true).length > 0 && !network.services.includes(service)) {
    return refuse(`There is no new provider for IP ${address.ip} of service ${service}!`)
  }
  if (network.conserveMode) return Result.succeed(undefined)
  const [used, ...more] = usedBy(state, address, false)
  if (more.length > 0) return refuse(`There are multiple services used ip ${address.ip}.`)
  return used === undefined || used === service || service === "Firewall"
    ? Result.succeed(undefined)
    : refuse(`The IP ${address.ip} is already used as ${used} rather than ${service}`)
}
