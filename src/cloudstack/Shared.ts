/** One read serves everybody who asked before it began, and later ones who can live with its age. */
import { Clock, Effect, Semaphore } from "effect"

export interface Dated<A> {
  readonly value: A
  /** Milliseconds of the Clock when the read began. */
  readonly at: number
}

export interface Shared<A, E> {
  /** At most `maxAge` milliseconds old when asked for; 0 = a read that begins from now on. */
  readonly get: (maxAge: number) => Effect.Effect<Dated<A>, E>
  readonly forget: Effect.Effect<void>
}

export const makeShared = <A, E>(read: Effect.Effect<A, E>): Shared<A, E> => {
  const one = Semaphore.makeUnsafe(1)
  // Counts reads and requests: the Clock may stand still between two of them.
  let ticks = 0
  let last: (Dated<A> & { readonly began: number }) | undefined
  let forgottenAt = 0

  const anew = Effect.gen(function* () {
    const began = ++ticks
    const at = yield* Clock.currentTimeMillis
    const value = yield* read
    const fresh = { value, at, began }
    // What was forgotten meanwhile serves whoever waited for it, and nobody else.
    if (began > forgottenAt) last = fresh
    return fresh
  })

  return {
    get: Effect.fnUntraced(function* (maxAge) {
      const asked = ++ticks
      const now = yield* Clock.currentTimeMillis
      return yield* one.withPermit(
        Effect.suspend(() => {
          // A clock that was set back says nothing about an age.
          const young = (it: Dated<A>) => maxAge > 0 && now >= it.at && now - it.at <= maxAge
          return last !== undefined && (last.began > asked || young(last)) ? Effect.succeed(last) : anew
        })
      )
    }),
    forget: Effect.sync(() => {
      forgottenAt = ++ticks
      last = undefined
    })
  }
}
