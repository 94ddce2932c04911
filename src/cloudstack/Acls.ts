/** Network ACLs: the lists of VPC tiers and the items in them. */
import { Context, type Effect, type Option } from "effect"
import type { AclItem, AclItemId, AclList, AclListId, Network } from "../domain/Cloud.ts"
import type { CloudStackError } from "./Api.ts"
import type { Pending } from "./Jobs.ts"

/** An item that lets traffic in. */
export interface NewAclItem {
  readonly listId: AclListId
  /** Free ones, best first; one that this process has used a moment ago is passed over. Never empty. */
  readonly numbers: ReadonlyArray<number>
  readonly protocol: "tcp" | "udp"
  readonly port: number
  readonly cidrs: ReadonlyArray<string>
  readonly reason: string
}

/** What may be changed in place. */
export interface AclChange {
  readonly listId: AclListId
  readonly cidrs?: ReadonlyArray<string>
  /** As for a new one. */
  readonly numbers?: ReadonlyArray<number>
}

export class Acls extends Context.Service<
  Acls,
  {
    /** Every item that the account or project may see, of all lists, all pages. None if the role may not list them. */
    readonly items: Effect.Effect<Option.Option<ReadonlyArray<AclItem>>, CloudStackError>
    /** The list of a tier. None if it has none, or the role may not look at lists. Cached. */
    readonly listOf: (network: Network) => Effect.Effect<Option.Option<AclList>, CloudStackError>
    /** Items of these lists were refused: the list belongs to everybody. Remembered for a while. */
    readonly isClosed: (id: AclListId) => Effect.Effect<boolean>
    readonly create: (item: NewAclItem) => Effect.Effect<Pending, CloudStackError>
    readonly update: (id: AclItemId, change: AclChange) => Effect.Effect<Pending, CloudStackError>
    readonly remove: (id: AclItemId) => Effect.Effect<Pending, CloudStackError>
  }
>()("ccm/cloudstack/Acls") {}
