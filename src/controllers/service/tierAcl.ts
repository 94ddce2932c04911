/** The ACL list of a VPC tier as the planner has to know it. */
import { Effect, Option } from "effect"
import { Acls } from "../../cloudstack/Acls.ts"
import { Inventory } from "../../cloudstack/Inventory.ts"
import { Rights } from "../../cloudstack/Rights.ts"
import { Settings } from "../../config/Settings.ts"
import type { AclItem, Holding, Network } from "../../domain/Cloud.ts"
import type { TierAcl } from "./planAcl.ts"

/** Only where the account has a VPC: each has a source NAT address of its own. */
export const hasVpc = (holdings: ReadonlyArray<Holding>): boolean =>
  holdings.some(({ address }) => address.vpcId !== undefined)

/** Items of all lists; none where there is no VPC. */
export const aclItemsFor = Effect.fnUntraced(function* (holdings: ReadonlyArray<Holding>) {
  const inventory = yield* Inventory
  return hasVpc(holdings) ? yield* inventory.aclItems : Option.some<ReadonlyArray<AclItem>>([])
})

/** The server's own lists, where the role may not ask what kind of list it is. */
const builtIn = new Set(["default_allow", "default_deny"])

/** Undefined where the network has no ACL list. */
export const tierAclOf = Effect.fn("service.tierAclOf")(function* (network: Network, visible: boolean) {
  const { aclId, aclName } = network
  if (aclId === undefined) return undefined
  const acls = yield* Acls
  const { aclNumberStart } = yield* (yield* Settings).current
  const list = Option.getOrUndefined(yield* acls.listOf(network))
  const shared = list === undefined ? builtIn.has(aclName) : list.vpcId === undefined
  const closed = !visible ? "invisible" : shared ? "shared" : (yield* acls.isClosed(aclId)) ? "refused" : undefined
  const tier: TierAcl = {
    listId: aclId,
    listName: aclName,
    networkName: network.name,
    ...(closed === undefined ? {} : { closed }),
    editable: yield* (yield* Rights).may("updateNetworkACLItem"),
    ...(aclNumberStart === undefined ? {} : { numberStart: aclNumberStart })
  }
  return tier
})
