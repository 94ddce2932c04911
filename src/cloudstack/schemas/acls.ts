/** `listNetworkACLs` and `listNetworkACLLists`. */
import { Schema } from "effect"
import { type AclItem, AclItemId, type AclList, AclListId } from "../../domain/Cloud.ts"
import { cidrs, listOf, port, text } from "./wire.ts"

const Item = Schema.Struct({
  id: AclItemId,
  listId: AclListId,
  number: port,
  protocol: text,
  startPort: Schema.optionalKey(port),
  endPort: Schema.optionalKey(port),
  cidrs,
  traffictype: text,
  action: text,
  reason: text,
  state: text
}).pipe(Schema.encodeKeys({ listId: "aclid", startPort: "startport", endPort: "endport", cidrs: "cidrlist" }))

export const aclItems = listOf(
  "networkacl",
  Item,
  ({ action, traffictype, ...item }): AclItem => ({
    ...item,
    direction: traffictype.toLowerCase() === "egress" ? "egress" : "ingress",
    action: action.toLowerCase() === "deny" ? "deny" : "allow"
  })
)

const List = Schema.Struct({ id: AclListId, name: text, vpcId: Schema.optionalKey(Schema.NonEmptyString) }).pipe(
  Schema.encodeKeys({ vpcId: "vpcid" })
)

export const aclLists = listOf("networkacllist", List, (one): AclList => one)
