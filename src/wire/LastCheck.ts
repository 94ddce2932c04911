/**
 * The last check before a request leaves, and what a request fails with that it has not let pass.
 *
 * Between being told to send a request and writing it, the HTTP client opens a connection or looks whether an idle one
 * still lives. A process that is frozen just then would write, when it wakes up, what it was allowed to long before.
 */
import { Context, type Effect } from "effect"

/** What it fails with is why the request must not leave. Has to end at once: nothing can be waited for there. */
export type Check = Effect.Effect<void, Error>

export const LastCheck = Context.Reference<Check | undefined>("ccm/wire/LastCheck", {
  defaultValue: () => undefined
})

/** Of a request that was not sent; the message says why. */
export class Withheld extends Error {
  override readonly name = "Withheld"
}
