/** Fences of a process that has lost the lease, or is about to, and clients that take their time. */
import { Effect, Layer } from "effect"
import { Fence, LostLeadership } from "../../src/runtime/Fence.ts"
import { LastCheck } from "../../src/wire/LastCheck.ts"

const closed = Effect.fail(new LostLeadership({ why: "the lease ran out" }))

export const lost = Layer.succeed(Fence, { ensure: closed })

/** Passes every first question and none that comes after it: the lease runs out just after each look. */
export const brieflyOpen = () => {
  let asked = 0
  return Layer.succeed(Fence, { ensure: Effect.suspend(() => (asked++ % 2 === 0 ? Effect.void : closed)) })
}

/** As a client does that has to wait for its connection: the last check comes when all waiting is over. */
export const patiently = <E>(send: () => void, withheld: (why: string) => E) =>
  Effect.gen(function* () {
    const check = yield* LastCheck
    yield* Effect.yieldNow
    if (check !== undefined) yield* Effect.mapError(check, ({ message }) => withheld(message))
    send()
    return {}
  })
