/** Tags, where the role may use them. */
import { Context, type Effect, type Option } from "effect"
import type { Tag } from "../domain/Cloud.ts"
import type { CloudStackError } from "./Api.ts"
import type { Pending } from "./Jobs.ts"

export type TaggedKind = "PublicIpAddress" | "LoadBalancer" | "FirewallRule" | "PortForwardingRule"

export class Tags extends Context.Service<
  Tags,
  {
    /** Ids of what bears all of these tags, also when it is gone itself. None are known to a role that may not ask. */
    readonly bearers: (
      kind: TaggedKind,
      tags: ReadonlyArray<Tag>
    ) => Effect.Effect<ReadonlyArray<string>, CloudStackError>
    /** One call for many objects of a kind. None if the role may not tag (remembered). */
    readonly add: (
      kind: TaggedKind,
      ids: ReadonlyArray<string>,
      tags: ReadonlyArray<Tag>
    ) => Effect.Effect<Option.Option<Pending>, CloudStackError>
    /** By key. None if the role may not. */
    readonly remove: (
      kind: TaggedKind,
      ids: ReadonlyArray<string>,
      keys: ReadonlyArray<string>
    ) => Effect.Effect<Option.Option<Pending>, CloudStackError>
  }
>()("ccm/cloudstack/Tags") {}
