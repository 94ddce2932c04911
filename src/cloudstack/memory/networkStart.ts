/** What happens to a network when its first machine starts: the router comes, and with it what an offering promises. */
import { Result } from "effect"
import { takeFree } from "./addressPool.ts"
import type { ApiError } from "./errors.ts"
import type { Address, Network } from "./records.ts"
import { put, type State } from "./state.ts"

/** A tier without a list gets the built-in one that denies when it is brought up, not before. */
export const implemented = (state: State, network: Network): Network => {
  const denying = [...state.aclLists.values()].find((list) => list.builtIn)
  const acl = network.kind === "vpc-tier" ? (network.acl ?? denying?.id) : undefined
  return { ...network, acl, state: "Implemented" }
}

export const hasSourceNat = (state: State, network: string): boolean =>
  [...state.addresses.values()].some((address) => address.network === network && address.sourceNat)

export const needsSourceNat = (state: State, network: Network): boolean =>
  network.kind === "isolated" && network.services.includes("SourceNat") && !hasSourceNat(state, network.id)

/** The router of a running cloud takes its source NAT address from what is still free. */
export const startNetwork = (before: State, id: string, now: number): Result.Result<State, ApiError> =>
  Result.gen(function* () {
    const network = before.networks.get(id)
    if (network === undefined || network.state !== "Allocated") return before
    const state = { ...before, networks: put(before.networks, implemented(before, network)) }
    const { owner } = network
    if (owner === undefined || !needsSourceNat(state, network)) return state
    const [taken, free] = yield* takeFree(state, owner, network.zone, undefined)
    const nat: Address = { ...free, owner, state: "Allocated", allocated: now, network: id, sourceNat: true }
    return { ...taken, addresses: put(taken.addresses, nat) }
  })
