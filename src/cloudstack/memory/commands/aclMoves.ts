/** Moving an ACL item between two others: its number changes, and those in its way move up. */
import { createHash } from "node:crypto"
import { Result } from "effect"
import { checkChange } from "../aclOwners.ts"
import { type Handler, type JobDone, submitted } from "../command.ts"
import { type ApiError, refuse } from "../errors.ts"
import type { Account, AclItem } from "../records.ts"
import { itemsOfList, put, type State } from "../state.ts"
import { aclItemView } from "../views.ts"

interface Move {
  readonly id: string
  readonly previous: string
  readonly next: string
  /** MD5 of the ids of the whole list in their order, if the caller wants it to be as it was seen. */
  readonly hash: string
}

const neighbour = (state: State, id: string): Result.Result<AclItem | undefined, ApiError> => {
  if (id.trim() === "") return Result.succeed(undefined)
  const item = state.aclItems.get(id)
  return item === undefined ? refuse(`Could not find rule with ID [${id}]`) : Result.succeed(item)
}

/** The numbers after `item` got `number`: whoever has it already gets the next one, and so on. */
const shifted = (items: ReadonlyArray<AclItem>, item: AclItem, number: number): ReadonlyMap<string, number> => {
  const numbers = new Map([[item.id, number]])
  let wanted = number
  for (const other of items) {
    if (other.id === item.id || other.number < number) continue
    if (other.number !== wanted) break
    wanted += 1
    numbers.set(other.id, wanted)
  }
  return numbers
}

const numbersAfter = (
  items: ReadonlyArray<AclItem>,
  item: AclItem,
  previous: AclItem | undefined,
  next: AclItem | undefined
): Result.Result<ReadonlyMap<string, number>, ApiError> => {
  if (previous === undefined) return Result.succeed(shifted(items, item, 1))
  if (next === undefined) return Result.succeed(new Map([[item.id, (items.at(-1)?.number ?? 0) + 1]]))
  const number = previous.number + 1
  return number !== next.number && items.some((other) => other.number === number)
    ? refuse(
        "There are some inconsistencies with the data you sent. The new position calculated already has a ACL rule on it."
      )
    : Result.succeed(shifted(items, item, number))
}

const move = (state: State, caller: Account, { hash, id, next, previous }: Move): Result.Result<JobDone, ApiError> =>
  Result.gen(function* () {
    if (previous.trim() === "" && next.trim() === "") {
      return yield* refuse("Both previous and next ACL rule IDs cannot be blank.")
    }
    const item = state.aclItems.get(id)
    const list = state.aclLists.get(item?.list ?? "")
    if (item === undefined || list === undefined) return yield* refuse(`Could not find a rule with ID[${id}]`)
    const [before, after] = [yield* neighbour(state, previous), yield* neighbour(state, next)]
    if ([before, after].some((other) => other !== undefined && other.list !== item.list)) {
      return yield* refuse("Cannot use ACL rules from differentiating ACLs. Rule being moved.")
    }
    if (list.builtIn) return yield* refuse("Default ACL rules cannot be moved.")
    yield* checkChange(state, caller, list, "Must be Root Admin to move global ACL rules.")
    const items = itemsOfList(state.aclItems, list.id).toSorted((a, b) => a.number - b.number)
    const seen = createHash("md5")
      .update(items.map((other) => other.id).join(""))
      .digest("hex")
    if (hash.trim() !== "" && hash !== seen) {
      return yield* refuse(
        "It seems that the access control list in the database is not in the state that you used to apply the changed. Could you try it again?"
      )
    }
    const numbers = yield* numbersAfter(items, item, before, after)
    let aclItems = state.aclItems
    for (const other of items) {
      const number = numbers.get(other.id)
      if (number !== undefined) aclItems = put(aclItems, { ...other, number })
    }
    const done = { ...state, aclItems }
    const moved = { ...item, number: numbers.get(id) ?? item.number }
    return { state: done, result: { networkacl: aclItemView(done, moved) } }
  })

const moveNetworkAclItem: Handler = ({ args, caller, state }) => {
  const text = (name: string) => args.text(name) ?? ""
  const wanted = { id: text("id"), previous: text("previousaclruleid"), next: text("nextaclruleid") }
  const hash = text("aclconsistencyhash")
  return Result.succeed(submitted(state, { run: (state) => move(state, caller, { ...wanted, hash }) }))
}

export const aclMoveCommands: Readonly<Record<string, Handler>> = { moveNetworkAclItem }
