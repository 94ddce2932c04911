/** What the steps of an ACL plan do to the items of lists, with the rules CloudStack enforces there. */
import type { Chain } from "../../src/controllers/service/chains.ts"
import type { Step } from "../../src/controllers/service/steps.ts"
import { canonicalText } from "../../src/domain/Cidr.ts"
import { type AclItem, AclItemId } from "../../src/domain/Cloud.ts"

export class ModelConflict extends Error {}

let nextId = 0

/** Numbers are unique in a list; whoever makes or moves an item takes the first that is free. */
const pick = (items: ReadonlyArray<AclItem>, listId: string, numbers: ReadonlyArray<number>): number => {
  const taken = new Set(items.filter((item) => item.listId === listId).map(({ number }) => number))
  const number = numbers.find((one) => !taken.has(one))
  if (number === undefined || number < 1) throw new ModelConflict(`no number of ${numbers.join(", ")} is free`)
  return number
}

const applyStep = (items: ReadonlyArray<AclItem>, step: Step): ReadonlyArray<AclItem> => {
  switch (step._tag) {
    case "OpenAcl": {
      const { cidrs, listId, numbers, port, protocol, reason } = step.item
      const added: AclItem = {
        id: AclItemId.make(`item-new-${++nextId}`),
        listId,
        number: pick(items, listId, numbers),
        protocol,
        startPort: port,
        endPort: port,
        cidrs: canonicalText(cidrs),
        direction: "ingress",
        action: "allow",
        reason,
        state: "Active"
      }
      return [...items, added]
    }
    case "UpdateAcl": {
      if (!items.some(({ id }) => id === step.id)) throw new ModelConflict(`item ${step.id} is gone`)
      const { cidrs, numbers } = step.change
      return items.map((item) =>
        item.id !== step.id
          ? item
          : {
              ...item,
              ...(cidrs === undefined ? {} : { cidrs: canonicalText(cidrs) }),
              ...(numbers === undefined ? {} : { number: pick(items, item.listId, numbers) })
            }
      )
    }
    case "CloseAcl":
      return items.filter(({ id }) => id !== step.id)
    default:
      throw new ModelConflict(`${step._tag} is no step on ACL items`)
  }
}

export const applyAcl = (items: ReadonlyArray<AclItem>, chains: ReadonlyArray<Chain>): ReadonlyArray<AclItem> =>
  chains.flatMap((chain) => [...chain.steps, ...chain.always]).reduce(applyStep, items)
