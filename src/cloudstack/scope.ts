/** Whose objects we see. What was learned as one caller says nothing about another. */
import { Effect, Equal } from "effect"
import { Settings } from "../config/Settings.ts"

/** Runs `forget` when server, key or project are no longer those of the last time. */
export const makeScopeGuard = Effect.fnUntraced(function* (forget: Effect.Effect<void>) {
  const settings = yield* Settings
  let last: ReadonlyArray<unknown> | undefined
  return Effect.suspend(() =>
    Effect.flatMap(settings.current, ({ apiUrl, credentials, projectId }) => {
      const scope = [apiUrl, credentials.apiKey, projectId]
      const same = last === undefined || Equal.equals(last, scope)
      last = scope
      return same ? Effect.void : forget
    })
  )
})
