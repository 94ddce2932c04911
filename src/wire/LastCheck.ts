/**
 * The last check before a request leaves: made in the very moment in which it is written to its connection.
 *
 * Between being told to send a request and writing it, the HTTP client opens a connection or looks whether an idle one
 * still lives. A process that is frozen just then would write, when it wakes up, what it was allowed to long before.
 */
import { Cause, Context, Effect, Exit } from "effect"
import type { Dispatcher } from "undici"

/** What it fails with is why the request must not leave. Has to end at once: nothing can be waited for there. */
export const LastCheck = Context.Reference<Effect.Effect<void, Error> | undefined>("ccm/wire/LastCheck", {
  defaultValue: () => undefined
})

/** Of a request that was not sent; the message says why. */
export class Withheld extends Error {
  override readonly name = "Withheld"
}

/** The dispatcher for requests that have to pass the check which is in force where this runs, if one is. */
export const checked = (dispatcher: Dispatcher): Effect.Effect<Dispatcher> =>
  Effect.contextWith((context) => {
    const check = Context.get(context, LastCheck)
    if (check === undefined) return Effect.succeed(dispatcher)
    const ask = () => {
      const exit = Effect.runSyncExitWith(context)(check)
      if (Exit.isSuccess(exit)) return
      const cause = Cause.squash(exit.cause)
      throw new Withheld(cause instanceof Error ? cause.message : "the last check did not end at once")
    }
    return Effect.succeed(
      dispatcher.compose((dispatch) => (options, handler) => {
        const start = handler.onRequestStart?.bind(handler)
        // What is thrown here ends the request, and its connection stays for others.
        handler.onRequestStart = (controller, connection) => {
          ask()
          start?.(controller, connection)
        }
        return dispatch(options, handler)
      })
    )
  })
