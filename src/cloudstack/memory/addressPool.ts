/** The ranges of public addresses: who may take how many, and which one is next. */
import { Result } from "effect"
import { type ApiError, apiError } from "./errors.ts"
import type { Address } from "./records.ts"
import { mint, put, type State } from "./state.ts"

const noCapacity = () => apiError(533, "Insufficient address capacity")

const holderOf = (state: State, owner: string) => state.accounts.get(owner) ?? state.projects.get(owner)

export const checkLimit = (state: State, owner: string): Result.Result<void, ApiError> => {
  const holder = holderOf(state, owner)
  const held = [...state.addresses.values()].filter((address) => address.owner === owner).length
  if (holder === undefined || held < holder.addressLimit) return Result.succeed(undefined)
  // A project's objects belong to an account that is made for it.
  const name = state.accounts.has(owner) ? holder.name : `PrjAcct-${holder.name}-${state.domains.main.n}`
  return apiError(532, `Maximum number of public IP addresses for account: ${name} has been exceeded.`, 4280)
}

/** A free address of the owner's own range; an owner with a stated limit gets a new one when the range is used up. */
export const takeFree = (
  state: State,
  owner: string,
  zone: string,
  wanted: string | undefined
): Result.Result<readonly [State, Address], ApiError> => {
  const free = [...state.addresses.values()].filter((address) => address.pool === owner && address.state === "Free")
  const found = wanted === undefined ? free[0] : free.find((address) => address.ip === wanted)
  if (found !== undefined) return Result.succeed([state, found])
  if (wanted !== undefined || holderOf(state, owner)?.endlessPool !== true) return noCapacity()
  return Result.succeed(newAddress(state, owner, zone))
}

const mintAddress = (state: State, index: number, pool: string, zone: string): readonly [State, Address] => {
  const [minted, row] = mint(state)
  const address: Address = {
    ...row,
    ip: ipOf(index),
    zone,
    pool,
    owner: undefined,
    state: "Free",
    network: undefined,
    vpc: undefined,
    sourceNat: false,
    staticNat: undefined,
    allocated: undefined
  }
  return [minted, address]
}

/** Adds a free address behind all others: the table is in order of address. */
export const newAddress = (state: State, pool: string, zone: string): readonly [State, Address] => {
  const [minted, address] = mintAddress(state, state.addresses.size, pool, zone)
  return [{ ...minted, addresses: put(minted.addresses, address) }, address]
}

/** Adds that many, in a time that grows with their number only. */
export const withAddresses = (state: State, count: number, pool: string, zone: string): State => {
  const addresses = new Map(state.addresses)
  let last = state
  for (let made = 0; made < count; made++) {
    const [minted, address] = mintAddress(last, addresses.size, pool, zone)
    addresses.set(address.id, address)
    last = minted
  }
  return { ...last, addresses }
}

/** Octets of three digits only, so that the order of the numbers is also that of the texts. */
const ipOf = (index: number): string => `198.118.${100 + Math.floor(index / 150)}.${100 + (index % 150)}`
