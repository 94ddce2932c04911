/** Guest networks: the one that a zone stands for, addresses inside them, and the MACs that go with NICs. */
import { Result } from "effect"
import { type ApiError, refuse } from "./errors.ts"
import { toIp, toNumber } from "./net.ts"
import type { Network } from "./records.ts"
import type { State } from "./state.ts"
import { mainDomain } from "./views.ts"

/** A zone instead of a network means the owner's only isolated network there; tiers of VPCs are such networks too. */
export const onlyNetwork = (
  state: State,
  owner: string,
  zone: string,
  accountName?: string
): Result.Result<Network, ApiError> => {
  const [first, second] = [...state.networks.values()].filter(
    ({ kind, ...network }) =>
      (kind === "isolated" || kind === "vpc-tier") && network.owner === owner && network.zone === zone
  )
  if (second !== undefined) return refuse("Account has more than one isolated network in the zone")
  const where = `domain=${mainDomain} doesn't have virtual networks in zone=${state.zones.get(zone)?.name}`
  return first === undefined ? refuse(`Account name=${accountName ?? null} ${where}`) : Result.succeed(first)
}

const usedIn = (state: State, network: string): ReadonlySet<number> => {
  const used = new Set<number>()
  for (const vm of state.vms.values()) {
    for (const nic of vm.nics) {
      if (nic.network !== network) continue
      if (nic.ip !== undefined) used.add(toNumber(nic.ip))
      for (const { ip } of nic.secondary) used.add(toNumber(ip))
    }
  }
  return used
}

/** The network's own address, the gateway and the broadcast address are nobody's. */
export const firstFree = (network: Network, used: ReadonlySet<number>, wanted?: string): string | undefined => {
  if (network.gateway === undefined || network.netmask === undefined) return undefined
  const size = 2 ** 32 - toNumber(network.netmask)
  const gateway = toNumber(network.gateway)
  const base = gateway - (gateway % size)
  const isFree = (value: number) => value > base && value < base + size - 1 && value !== gateway && !used.has(value)
  if (wanted !== undefined) return isFree(toNumber(wanted)) ? wanted : undefined
  for (let value = base + 1; value < base + size - 1; value++) if (isFree(value)) return toIp(value)
  return undefined
}

export const freeGuestIp = (state: State, network: Network, wanted?: string): string | undefined =>
  firstFree(network, usedIn(state, network.id), wanted)

export const macOf = (n: number): string => {
  const hex = n.toString(16).padStart(8, "0")
  return `02:01:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}:${hex.slice(6, 8)}`
}
