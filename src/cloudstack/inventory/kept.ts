/** One list that is read whole and kept until it changes: a read that began before a change is not kept. */
import { Effect } from "effect"
import { makeShared } from "../Shared.ts"

export interface Kept<A, E> {
  /** As kept; read if nothing is. */
  readonly known: Effect.Effect<A, E>
  /** A read that begins from now on. */
  readonly fresh: Effect.Effect<A, E>
  readonly changed: Effect.Effect<void>
}

export const makeKept = <A, E>(read: Effect.Effect<A, E>): Kept<A, E> => {
  const shared = makeShared(read)
  let changes = 0
  let kept: { readonly value: A } | undefined

  const fresh = Effect.gen(function* () {
    const before = changes
    const { value } = yield* shared.get(0)
    if (before === changes) kept = { value }
    return value
  })

  return {
    known: Effect.suspend(() => (kept === undefined ? fresh : Effect.succeed(kept.value))),
    fresh,
    changed: Effect.sync(() => {
      changes += 1
      kept = undefined
    })
  }
}
