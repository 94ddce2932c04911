/** Remembers the commands that the role may not use, so that a narrow key does not ask for them over and over. */
import { Effect, Layer } from "effect"
import type { Settings } from "../config/Settings.ts"
import { monotonicMillis } from "../wire/monotonic.ts"
import { CloudStackApi, type CloudStackError } from "./Api.ts"
import { makeScopeGuard } from "./scope.ts"

const rememberMillis = 60 * 60_000

/**
 * A 432 for lack of membership in a project comes for every command and is mended by adding the member: that one is
 * asked again.
 */
const isOfRole = ({ reason }: CloudStackError): boolean =>
  reason._tag === "Forbidden" && reason.what === "command" && !reason.text.includes("in project")

export const layer: Layer.Layer<CloudStackApi, never, CloudStackApi | Settings> = Layer.effect(
  CloudStackApi,
  Effect.gen(function* () {
    const below = yield* CloudStackApi
    const refused = new Map<string, { readonly error: CloudStackError; readonly until: number }>()
    // Another key is another role.
    const checkScope = yield* makeScopeGuard(Effect.sync(() => refused.clear()))

    return CloudStackApi.of({
      call: Effect.fnUntraced(function* (command, parameters) {
        yield* checkScope
        const known = refused.get(command)
        if (known !== undefined && (yield* monotonicMillis) < known.until) return yield* known.error
        return yield* Effect.tapError(below.call(command, parameters), (error) =>
          isOfRole(error)
            ? Effect.map(monotonicMillis, (now) => {
                refused.set(command, { error, until: now + rememberMillis })
              })
            : Effect.void
        )
      })
    })
  })
)
