/** Items of network ACLs: what opens and closes VPC tiers. */
import { Result } from "effect"
import { requireOwner, scope } from "../access.ts"
import { checkChange, ownerOfList, tiersOf, withList } from "../aclOwners.ts"
import { actionOf, changedItem, checkItem, checkNumber, directionOf, newItem } from "../aclRules.ts"
import { answered, type Handler, submitted, success } from "../command.ts"
import { broken, refuse } from "../errors.ts"
import { keywordMatcher, optional, paged, same, tagFilter } from "../lists.ts"
import type { AclItem } from "../records.ts"
import { drop, itemsOfList, mint, put, type State } from "../state.ts"
import { aclItemView } from "../views.ts"

const pushesOf = (state: State, list: string) =>
  tiersOf(state, list)
    .filter((network) => network.state === "Implemented")
    .map((network) => network.id)

const createNetworkACL: Handler = (call) =>
  Result.gen(function* () {
    const { args, caller } = call
    const { list, state } = yield* withList(call)
    const trafficType = yield* directionOf(args)
    if (list.builtIn) return yield* refuse("Default ACL cannot be modified")
    yield* checkChange(state, caller, list, "Only Root Admins can create rules for a global ACL.")
    const others = itemsOfList(state.aclItems, list.id)
    const number = args.int("number") ?? Math.max(0, ...others.map((item) => item.number)) + 1
    yield* checkNumber(number, others, list)
    const fields = newItem(args, trafficType, yield* actionOf(args))
    yield* checkItem(fields)
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
            return yield* refuse(`Unable to find ACL rule with ID [${id}]`)
          }
          if (list.builtIn) return yield* refuse("Default ACL cannot be modified")
          yield* checkChange(state, caller, list, "Only Root Admins can update global ACLs.")
          const number = args.int("number") ?? item.number
          const others = itemsOfList(state.aclItems, list.id).filter((other) => other.id !== id)
          if (number !== item.number && others.some((other) => other.number === number)) {
            return yield* refuse(`ACL item with number ${number} already exists in ACL: ${list.id}`)
          }
          const whole = args.flag("partialupgrade") === false
          const fields = whole
            ? newItem(args, yield* directionOf(args), yield* actionOf(args))
            : yield* changedItem(args, item)
          yield* checkItem(fields)
          // The router takes it anew, whatever had become of it.
          const changed: AclItem = { ...item, ...fields, number, state: "Active" }
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
        if (item === undefined || list === undefined) return refuse(`Unable to find ACL rule with ID [${id}]`)
        if (list.builtIn) return refuse("ACL Items in default ACL cannot be deleted")
        return Result.map(checkChange(state, caller, list, "Only Root Admin can delete global ACL rules."), () => ({
          state: { ...state, aclItems: drop(state.aclItems, id), tags: drop(state.tags, id) },
          result: success,
          pushes: pushesOf(state, list.id)
        }))
      }
    })
  )
}

const listNetworkACLs: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id")
    const network = state.networks.get(args.text("networkid") ?? "")
    if (network !== undefined && network.acl === undefined) return answered(state, {})
    // A list that is named is open or denied as a whole; only without one it counts who asks for how much.
    const wanted = state.aclLists.get(network?.acl ?? args.text("aclid") ?? "")
    if (wanted?.vpc !== undefined) yield* requireOwner(state, caller, ownerOfList(state, wanted))
    const visible = yield* scope(state, caller, args, id !== undefined)
    const tagged = yield* tagFilter(state, args)
    const matches = keywordMatcher(args.text("keyword"))
    const like = (name: string, actual: string) => {
      const sent = args.text(name)
      return sent === undefined || same(sent, actual)
    }
    const found = [...state.aclItems.values()].filter((item) => {
      const list = state.aclLists.get(item.list)
      const shown = list?.vpc === undefined || visible(ownerOfList(state, list))
      return (
        (wanted === undefined ? shown : wanted.id === item.list) &&
        optional(id, item.id) &&
        like("traffictype", item.trafficType) &&
        like("protocol", item.protocol) &&
        like("action", item.action) &&
        matches(item.protocol, item.reason) &&
        tagged(item.id)
      )
    })
    return answered(state, yield* paged(state, args, "networkacl", found.reverse(), (item) => aclItemView(state, item)))
  })

export const aclCommands: Readonly<Record<string, Handler>> = {
  createNetworkACL,
  updateNetworkACLItem,
  deleteNetworkACL,
  listNetworkACLs
}
