/** Nothing is begun in CloudStack before the Service cannot vanish any more, and nothing for what it no longer wants. */
import { Data, Effect, Option } from "effect"
import type { Service } from "../../kubernetes/objects.ts"
import { Services } from "../../kubernetes/Services.ts"
import { currentSelection } from "./options.ts"
import { Predecessor } from "./Predecessor.ts"
import { holdFinalizer } from "./publish.ts"
import { finalizer, needsUpdate, wants } from "./selection.ts"

/** The Service has gone, is to go, or has been edited since it was decided on. */
export class Superseded extends Data.TaggedError("Superseded")<{
  /** As it is by now; undefined if it wants no load balancer any more. */
  readonly by: Service | undefined
}> {}

/** With its finalizer, as it is now. */
export const hold = Effect.fn("service.hold")(function* (service: Service) {
  const selection = yield* currentSelection
  const known = Option.filter(yield* (yield* Services).find(service.key), ({ uid }) => uid === service.uid)
  const isHeld = Option.exists(known, ({ finalizers }) => finalizers.includes(finalizer))
  const held = isHeld ? known : yield* holdFinalizer(service)
  if (Option.isNone(held) || !wants(held.value, selection)) return yield* new Superseded({ by: undefined })
  if (!isHeld) yield* (yield* Predecessor).isOver(held.value)
  if (needsUpdate(service, held.value, selection)) return yield* new Superseded({ by: held.value })
  return held.value
})
