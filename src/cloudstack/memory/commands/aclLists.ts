/** The lists of network ACL items, and which tier uses which. */
import { Result } from "effect"
import { isRoot, owns, requireOwner, scope } from "../access.ts"
import { checkChange, ownerOfList, tiersOf } from "../aclOwners.ts"
import { answered, type Handler, submitted, success } from "../command.ts"
import { apiError, broken, deny, refuse } from "../errors.ts"
import { keywordMatcher, optional, paged, same } from "../lists.ts"
import type { AclList } from "../records.ts"
import { aclListText, networkText } from "../ruleViews.ts"
import { drop, itemsOfList, mint, put } from "../state.ts"
import { aclListView } from "../views.ts"

const createNetworkACLList: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const vpc = state.vpcs.get(args.text("vpcid") ?? "")
    if (vpc === undefined && !isRoot(caller)) return yield* deny("Only Root Admin can create global ACLs.")
    if (vpc !== undefined) yield* requireOwner(state, caller, vpc.owner)
    const name = args.text("name") ?? ""
    const [minted, row] = mint(state)
    const list: AclList = { ...row, name, description: args.text("description"), vpc: vpc?.id, builtIn: false }
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
      run: (state) =>
        Result.gen(function* () {
          const list = state.aclLists.get(id)
          if (list === undefined) return yield* refuse("Unable to find specified ACL")
          if (list.builtIn) return yield* refuse("Default ACL cannot be removed")
          yield* checkChange(state, caller, list, "Only Root Admin can delete global ACLs.")
          const tiers = tiersOf(state, id).length
          if (tiers > 0) {
            return yield* broken(`ACL is still associated with ${tiers} tier(s). Cannot delete network ACL: ${id}`)
          }
          const items = itemsOfList(state.aclItems, id).map((item) => item.id)
          return {
            state: {
              ...state,
              aclLists: drop(state.aclLists, id),
              aclItems: drop(state.aclItems, ...items),
              tags: drop(state.tags, ...items)
            },
            result: success
          }
        })
    })
  )
}

/** The built-in lists count as lists for all VPCs here: root may rename them. */
const updateNetworkACLList: Handler = ({ args, caller, state }) => {
  const id = args.text("id") ?? ""
  const filled = (name: string) => (args.text(name)?.trim() === "" ? undefined : args.text(name))
  return Result.succeed(
    submitted(state, {
      instanceType: "NetworkAcl",
      run: (state) =>
        Result.gen(function* () {
          const list = state.aclLists.get(id)
          if (list === undefined) return yield* refuse("Unable to find specified ACL")
          yield* checkChange(state, caller, list, "Must be Root Admin to update a global ACL.")
          const description = filled("description") ?? list.description
          const changed = { ...list, name: filled("name") ?? list.name, description }
          const done = { ...state, aclLists: put(state.aclLists, changed) }
          return { state: done, result: { networkacllist: aclListView(done, changed) } }
        })
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
        (list.vpc === undefined || (vpc === undefined ? visible(ownerOfList(state, list)) : list.vpc === vpc.id)) &&
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
  const networkId = args.text("networkid")
  return Result.succeed(
    submitted(state, {
      run: (state) =>
        Result.gen(function* () {
          if (networkId === undefined) {
            return yield* apiError(530, "Network ID and private gateway can't be null at the same time")
          }
          const network = state.networks.get(networkId)
          if (network === undefined) return yield* refuse("Unable to find specified Network")
          const list = state.aclLists.get(args.text("aclid") ?? "")
          if (list === undefined) return yield* refuse("Unable to find specified NetworkACL")
          if (network.vpc === undefined) return yield* refuse(`Network is not part of a VPC: ${network.id}`)
          const held = list.vpc === undefined ? network.owner : ownerOfList(state, list)
          if (!owns(state, caller, held)) return yield* deny()
          if (list.vpc !== undefined && list.vpc !== network.vpc) {
            const shown = `Network: ${networkText(network)} and ACL: ${aclListText(state, list)}`
            return yield* refuse(`${shown} do not belong to the same VPC`)
          }
          if (!network.services.includes("NetworkACL")) {
            return yield* refuse("Cannot apply NetworkACL. Network Offering does not support NetworkACL service")
          }
          const done = { ...state, networks: put(state.networks, { ...network, acl: list.id }) }
          return { state: done, result: success, pushes: network.state === "Implemented" ? [network.id] : [] }
        })
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
