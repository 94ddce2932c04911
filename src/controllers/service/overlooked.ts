/**
 * Lists can be wrong for a while: behind the times, or empty without an error. What else remembers an address of the
 * Service is asked before anybody acts on not having found one.
 */
import { Effect, Option, Schema } from "effect"
import { Inventory } from "../../cloudstack/Inventory.ts"
import { addressIdAnnotation } from "../../domain/Annotations.ts"
import { AddressId, type Holding } from "../../domain/Cloud.ts"
import type { Service } from "../../kubernetes/objects.ts"

/** Passes by itself: the next look is made on new lists. */
export class Overlooked extends Schema.TaggedError<Overlooked>()("Overlooked", { ip: Schema.String }) {
  override get message(): string {
    return `CloudStack's lists did not show what the Service has on ${this.ip}; looking again`
  }
}

/** The address that the Service itself names as the one that serves it. A user can edit that, so it is no proof. */
const notedAddress = (service: Service): ReadonlyArray<AddressId> => {
  const id = service.annotations[addressIdAnnotation] ?? ""
  return id === "" ? [] : [AddressId.make(id)]
}

/** Fails if one of these addresses, or the one that the Service names, has `what` on it; `handled` ones do not count. */
export const failIfOverlooked = Effect.fn("service.failIfOverlooked")(function* <E, R>(
  service: Service,
  input: {
    readonly suspects?: ReadonlyArray<AddressId>
    readonly handled: ReadonlyArray<AddressId>
    readonly what: (holding: Holding) => Effect.Effect<boolean, E, R>
  }
) {
  const inventory = yield* Inventory
  const { handled, suspects = [], what } = input
  for (const id of new Set([...suspects, ...notedAddress(service)])) {
    if (handled.includes(id)) continue
    const holding = yield* inventory.fresh(id)
    if (Option.isSome(holding) && (yield* what(holding.value))) {
      yield* inventory.changed(id)
      return yield* new Overlooked({ ip: holding.value.address.ip })
    }
  }
})
