/** The lists of network ACL items, and which tier uses which. */
import { Result } from "effect"
import { isRoot, owns, requireOwner, scope } from "../access.ts"
import { ownerOfList, tiersOf } from "../aclRules.ts"
import { answered, type Handler, submitted, success } from "../command.ts"
import { apiError, broken, deny, refuse } from "../errors.ts"
import { keywordMatcher, optional, paged, same } from "../lists.ts"
import type { AclList } from "../records.ts"
import { drop, itemsOfList, mint, put } from "../state.ts"
import { aclListView } from "../views.ts"

const createNetworkACLList: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const vpc = state.vpcs.get(args.text("vpcid") ?? "")
    if (vpc === undefined) return yield* apiError(531, "Only Root Admins can create rules for a global ACL.", 4365)
    yield* requireOwner(state, caller, vpc.owner)
    const name = args.text("name") ?? ""
    const [minted, row] = mint(state)
    const list: AclList = { ...row, name, description: args.text("description") ?? "", vpc: vpc.id }
    return submitted(
      { ...minted, aclLists: put(minted.aclLists, list) },
      {
        instanceType: "NetworkAcl",
        run: (state) => Result.succeed({ state, result: { networkacllist: aclListView(state, list) } })
      },
      list.id
    )
  })

const deleteNetworkACLList: Handler = ({ args, caller, state }) => {
  const id = args.text("id") ?? ""
  return Result.succeed(
    submitted(state, {
      instanceType: "NetworkAcl",
      run: (state) => {
        const list = state.aclLists.get(id)
        if (list === undefined) return refuse("Unable to find specified ACL")
        if (list.vpc === undefined) return refuse("Default ACL cannot be removed")
        if (!owns(state, caller, ownerOfList(state, list))) return deny()
        const tiers = tiersOf(state, id).length
        if (tiers > 0) return broken(`ACL is still associated with ${tiers} tier(s). Cannot delete network ACL: ${id}`)
        const items = itemsOfList(state.aclItems, id).map((item) => item.id)
        return Result.succeed({
          state: { ...state, aclLists: drop(state.aclLists, id), aclItems: drop(state.aclItems, ...items) },
          result: success
        })
      }
    })
  )
}

const updateNetworkACLList: Handler = ({ args, caller, state }) => {
  const id = args.text("id") ?? ""
  return Result.succeed(
    submitted(state, {
      instanceType: "NetworkAcl",
      run: (state) => {
        const list = state.aclLists.get(id)
        if (list === undefined) return refuse("Unable to find specified ACL")
        if (list.vpc === undefined) return refuse("Default ACL cannot be updated")
        if (!owns(state, caller, ownerOfList(state, list))) return deny()
        const name = args.text("name") ?? list.name
        const description = args.text("description") ?? list.description
        const aclLists = put(state.aclLists, { ...list, name, description })
        return Result.succeed({ state: { ...state, aclLists }, result: success })
      }
    })
  )
}

/** With `vpcid` the built-in lists, which belong to no VPC, come along. */
const listNetworkACLLists: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id")
    const vpc = state.vpcs.get(args.text("vpcid") ?? "")
    const network = state.networks.get(args.text("networkid") ?? "")
    if (vpc !== undefined) yield* requireOwner(state, caller, vpc.owner)
    const visible = yield* scope(state, caller, args, id !== undefined)
    const matches = keywordMatcher(args.text("keyword"))
    const name = args.text("name")
    const found = [...state.aclLists.values()].filter(
      (list) =>
        (list.vpc === undefined ||
          (vpc === undefined ? visible(ownerOfList(state, list)) || isRoot(caller) : list.vpc === vpc.id)) &&
        optional(id, list.id) &&
        (network === undefined || network.acl === list.id) &&
        (name === undefined || same(name, list.name)) &&
        matches(list.name, list.description)
    )
    return answered(
      state,
      yield* paged(state, args, "networkacllist", found.reverse(), (list) => aclListView(state, list))
    )
  })

const replaceNetworkACLList: Handler = ({ args, caller, state }) => {
  const aclId = args.text("aclid") ?? ""
  const networkId = args.text("networkid") ?? ""
  return Result.succeed(
    submitted(state, {
      run: (state) => {
        const network = state.networks.get(networkId)
        const list = state.aclLists.get(aclId)
        if (network === undefined || list === undefined) return refuse("Unable to find specified network ACL")
        if (network.vpc === undefined) return refuse(`Network is not part of a VPC: ${network.id}`)
        if (!owns(state, caller, network.owner)) return deny()
        if (list.vpc !== undefined && list.vpc !== network.vpc) {
          return refuse(`Network: ${network.id} and ACL: ${list.id} do not belong to the same VPC`)
        }
        const done = { ...state, networks: put(state.networks, { ...network, acl: list.id }) }
        const pushes = network.state === "Implemented" ? [network.id] : []
        return Result.succeed({ state: done, result: success, pushes })
      }
    })
  )
}

export const aclListCommands: Readonly<Record<string, Handler>> = {
  createNetworkACLList,
  updateNetworkACLList,
  deleteNetworkACLList,
  listNetworkACLLists,
  replaceNetworkACLList
}
