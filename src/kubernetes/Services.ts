/** Services as the service controller sees them: a cache that follows the API server, and the three writes it needs. */
import { Context, type Effect, type Option, type Stream } from "effect"
import type { KubeError } from "./KubeError.ts"
import type { Ingress, Service } from "./objects.ts"

/** `before` absent = added (or first seen); `after` absent = gone. */
export interface Change<A> {
  readonly before?: A
  readonly after?: A
}

/** Each goes to `services/status` as a strategic merge patch without resourceVersion, as upstream does. */
export type ServiceWrite =
  | { readonly _tag: "AddFinalizer"; readonly finalizer: string }
  | { readonly _tag: "RemoveFinalizer"; readonly finalizer: string }
  /** Replaces the whole list; empty clears it. */
  | { readonly _tag: "SetIngress"; readonly ingress: ReadonlyArray<Ingress> }
  /** `null` removes the annotation. */
  | { readonly _tag: "Annotate"; readonly annotations: Readonly<Record<string, string | null>> }

export class Services extends Context.Service<
  Services,
  {
    /** Waits until the first list is in the cache. */
    readonly synced: Effect.Effect<void>
    /** From the cache. */
    readonly find: (key: string) => Effect.Effect<Option.Option<Service>>
    /** From the cache. */
    readonly all: Effect.Effect<ReadonlyArray<Service>>
    /** Everything in the cache as additions, then each change; a relist shows what it missed. */
    readonly changes: Stream.Stream<Change<Service>>
    /** The object after the write, or none if it is gone (404). The cache knows the result when this returns. */
    readonly write: (service: Service, write: ServiceWrite) => Effect.Effect<Option.Option<Service>, KubeError>
  }
>()("ccm/kubernetes/Services") {}
