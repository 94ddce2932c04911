/** One GET as an Effect. */
import { Effect } from "effect"
import { ProcessError } from "./Process.ts"

/** The body of a good answer. */
export const httpText = (url: string): Effect.Effect<string, ProcessError> =>
  Effect.tryPromise({
    try: async (signal) => {
      const answer = await fetch(url, { signal })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${answer.status} ${text}`)
      return text
    },
    catch: (cause) =>
      new ProcessError({ program: url, message: cause instanceof Error ? cause.message : String(cause) })
  })
