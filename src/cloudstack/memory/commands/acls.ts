/** Network ACLs of VPC tiers: their lists and the items in them. */
import { Result } from "effect"
import { isRoot, owns, requireOwner, scope } from "../access.ts"
import { checkItem, itemFields, withList } from "../aclRules.ts"
import { answered, type Handler, submitted, success } from "../command.ts"
import { apiError, broken, deny, refuse } from "../errors.ts"
import { keywordMatcher, optional, paged, same, tagFilter } from "../lists.ts"
import type { AclItem, AclList } from "../records.ts"
import { drop, itemsOfList, mint, put, type State } from "../state.ts"
import { aclItemView, aclListView } from "../views.ts"

const ownerOf = (state: State, list: AclList): string | undefined => state.vpcs.get(list.vpc ?? "")?.owner

/** The networks that use a list, and so get a push when an item changes. */
const tiersOf = (state: State, list: string) => [...state.networks.values()].filter((network) => network.acl === list)

const pushesOf = (state: State, list: string) =>
  tiersOf(state, list)
    .filter((network) => network.state === "Implemented")
    .map((network) => network.id)

const createNetworkACL: Handler = (call) =>
  Result.gen(function* () {
    const { args, caller } = call
    const { list, state } = yield* withList(call)
    if (list.vpc === undefined) return yield* refuse("Default ACL cannot be modified")
    yield* requireOwner(state, caller, ownerOf(state, list))
    const fields = yield* itemFields(args, undefined)
    const others = itemsOfList(state.aclItems, list.id)
    const number = args.int("number") ?? Math.max(0, ...others.map((item) => item.number)) + 1
    yield* checkItem({ ...fields, number }, others, list)
    const [minted, row] = mint(state)
    const item: AclItem = { ...row, ...fields, list: list.id, number, state: "Add" }
    return submitted(
      { ...minted, aclItems: put(minted.aclItems, item) },
      {
        instanceType: "NetworkAclItem",
        undo: (state) => ({ ...state, aclItems: drop(state.aclItems, item.id) }),
        run: (state) => {
          const now = state.aclItems.get(item.id)
          if (now === undefined) return broken("Failed to create network ACL Item")
          const active = { ...now, state: "Active" as const }
          const done = { ...state, aclItems: put(state.aclItems, active) }
          const result = { networkacl: aclItemView(done, active) }
          return Result.succeed({ state: done, result, pushes: pushesOf(state, list.id) })
        }
      },
      item.id
    )
  })

const updateNetworkACLItem: Handler = ({ args, caller, state }) => {
  const id = args.text("id") ?? ""
  return Result.succeed(
    submitted(state, {
      instanceType: "NetworkAclItem",
      run: (state) =>
        Result.gen(function* () {
          const item = state.aclItems.get(id)
          const list = state.aclLists.get(item?.list ?? "")
          if (item === undefined || list === undefined) {
            return yield* refuse(`Unable to find network ACL item with ID [${id}].`)
          }
          if (list.vpc === undefined) return yield* refuse("Default ACL Items cannot be updated")
          if (!owns(state, caller, ownerOf(state, list))) return yield* deny()
          const fields = yield* itemFields(args, args.flag("partialupgrade") === false ? undefined : item)
          const number = args.int("number") ?? item.number
          const others = itemsOfList(state.aclItems, list.id).filter((other) => other.id !== id)
          yield* checkItem({ ...fields, number }, others, list)
          const changed: AclItem = { ...item, ...fields, number }
          const done = { ...state, aclItems: put(state.aclItems, changed) }
          const result = { networkacl: aclItemView(done, { ...changed, state: "Add" }) }
          return { state: done, result, pushes: pushesOf(state, list.id) }
        })
    })
  )
}

const deleteNetworkACL: Handler = ({ args, caller, state }) => {
  const id = args.text("id") ?? ""
  return Result.succeed(
    submitted(state, {
      instanceType: "NetworkAclItem",
      begin: (state) => {
        const item = state.aclItems.get(id)
        return item === undefined
          ? state
          : { ...state, aclItems: put(state.aclItems, { ...item, state: "Deleting" as const }) }
      },
      run: (state) => {
        const item = state.aclItems.get(id)
        const list = state.aclLists.get(item?.list ?? "")
        if (item === undefined || list === undefined) {
          return refuse(`Unable to find network ACL item with ID [${id}].`)
        }
        if (list.vpc === undefined) return refuse("ACL Items in default ACL cannot be deleted")
        if (!owns(state, caller, ownerOf(state, list))) return deny()
        return Result.succeed({
          state: { ...state, aclItems: drop(state.aclItems, id), tags: drop(state.tags, id) },
          result: success,
          pushes: pushesOf(state, list.id)
        })
      }
    })
  )
}

const listNetworkACLs: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id")
    const network = state.networks.get(args.text("networkid") ?? "")
    const named = state.aclLists.get(args.text("aclid") ?? "")
    if (named?.vpc !== undefined) yield* requireOwner(state, caller, ownerOf(state, named))
    if (network !== undefined && network.acl === undefined) return answered(state, {})
    const wanted = named?.id ?? network?.acl
    const visible = yield* scope(state, caller, args, id !== undefined)
    const tagged = yield* tagFilter(state, args)
    const matches = keywordMatcher(args.text("keyword"))
    const like = (name: string, actual: string) => {
      const sent = args.text(name)
      return sent === undefined || same(sent, actual)
    }
    const found = [...state.aclItems.values()].filter((item) => {
      const list = state.aclLists.get(item.list)
      const shown = list?.vpc === undefined || visible(ownerOf(state, list))
      return (
        shown &&
        optional(id, item.id) &&
        optional(wanted, item.list) &&
        like("traffictype", item.trafficType) &&
        like("protocol", item.protocol) &&
        like("action", item.action) &&
        matches(item.protocol, item.reason) &&
        tagged(item.id)
      )
    })
    return answered(state, yield* paged(state, args, "networkacl", found.reverse(), (item) => aclItemView(state, item)))
  })

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
        if (!owns(state, caller, ownerOf(state, list))) return deny()
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
          (vpc === undefined ? visible(ownerOf(state, list)) || isRoot(caller) : list.vpc === vpc.id)) &&
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

export const aclCommands: Readonly<Record<string, Handler>> = {
  createNetworkACL,
  updateNetworkACLItem,
  deleteNetworkACL,
  listNetworkACLs,
  createNetworkACLList,
  deleteNetworkACLList,
  listNetworkACLLists,
  replaceNetworkACLList
}
