/** Nodes as the controllers see them: a cache that follows the API server, and the writes they need. */
import { Context, type Effect, type Option, type Stream } from "effect"
import type { KubeError } from "./KubeError.ts"
import type { Node, NodeAddress, Taint } from "./objects.ts"
import type { Change } from "./Services.ts"

export type NodeWrite =
  /** Labels and annotations are merged; `null` removes. `precondition` sends the resourceVersion read (409 on mismatch). */
  | {
      readonly _tag: "Change"
      readonly labels?: Readonly<Record<string, string | null>>
      readonly annotations?: Readonly<Record<string, string | null>>
      /** Replaces the whole list; always sent with the resourceVersion read. */
      readonly taints?: ReadonlyArray<Taint>
      readonly providerID?: string
    }
  /** On `nodes/status`; replaces the whole list, in order. */
  | { readonly _tag: "SetAddresses"; readonly addresses: ReadonlyArray<NodeAddress> }

export class Nodes extends Context.Service<
  Nodes,
  {
    readonly synced: Effect.Effect<void>
    readonly find: (name: string) => Effect.Effect<Option.Option<Node>>
    readonly all: Effect.Effect<ReadonlyArray<Node>>
    readonly changes: Stream.Stream<Change<Node>>
    /** A fresh read from the API server. */
    readonly fetch: (name: string) => Effect.Effect<Option.Option<Node>, KubeError>
    readonly write: (node: Node, write: NodeWrite) => Effect.Effect<Option.Option<Node>, KubeError>
    /** Only as it was read: with UID and resourceVersion as preconditions. Already gone is success. */
    readonly remove: (node: Node) => Effect.Effect<void, KubeError>
  }
>()("ccm/kubernetes/Nodes") {}
