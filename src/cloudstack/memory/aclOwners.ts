/** Lists of ACL items: whose they are, who may change them, who uses them, and which one a call is about. */
import { Result } from "effect"
import { isRoot, owns } from "./access.ts"
import type { Call } from "./command.ts"
import { type ApiError, deny, refuse } from "./errors.ts"
import type { Account, AclList } from "./records.ts"
import { mint, put, type State } from "./state.ts"

export const ownerOfList = (state: State, list: AclList): string | undefined => state.vpcs.get(list.vpc ?? "")?.owner

/** The networks that use a list, and so get a push when an item changes. */
export const tiersOf = (state: State, list: string) =>
  [...state.networks.values()].filter((network) => network.acl === list)

/** A list of a VPC is its owner's; what serves all VPCs only root may change, and everybody else is told so. */
export const checkChange = (
  state: State,
  caller: Account,
  list: AclList,
  text: string
): Result.Result<void, ApiError> => {
  if (list.vpc === undefined) return isRoot(caller) ? Result.succeed(undefined) : deny(text)
  return owns(state, caller, ownerOfList(state, list)) ? Result.succeed(undefined) : deny()
}

/** The list that `aclid` or `networkid` means; a tier without one gets a new one. */
export const withList = ({
  args,
  caller,
  state
}: Call): Result.Result<{ readonly state: State; readonly list: AclList }, ApiError> =>
  Result.gen(function* () {
    const given = state.aclLists.get(args.text("aclid") ?? "")
    if (given !== undefined) return { state, list: given }
    const network = state.networks.get(args.text("networkid") ?? "")
    if (network === undefined) {
      return yield* refuse("Cannot create Network ACL Item. ACL Id or network Id is required")
    }
    if (network.vpc === undefined) return yield* refuse(`Network: ${network.id} does not belong to VPC`)
    const used = state.aclLists.get(network.acl ?? "")
    if (used !== undefined) return { state, list: used }
    if (!owns(state, caller, network.owner)) return yield* deny()
    if (!network.services.includes("NetworkACL")) {
      return yield* refuse("Network Offering does not support NetworkACL service")
    }
    const [minted, row] = mint(state)
    const name = `VPC_${state.vpcs.get(network.vpc)?.name}_Tier_${network.name}_ACL_${network.id}`
    const list: AclList = { ...row, name, description: `ACL for ${name}`, vpc: network.vpc, builtIn: false }
    return {
      list,
      state: {
        ...minted,
        aclLists: put(minted.aclLists, list),
        networks: put(minted.networks, { ...network, acl: list.id })
      }
    }
  })
