/**
 * What the key's role may do, asked before something is begun that it could not finish. A role that may not even ask
 * (`listApis`) has only what the core needs.
 */
import { Cache, Context, Duration, Effect, Exit, Layer } from "effect"
import type { Settings } from "../config/Settings.ts"
import { type Answer, CloudStackApi, type CloudStackError } from "./Api.ts"
import { makeScopeGuard } from "./scope.ts"
import { readAgainIfEmpty } from "./services/absence.ts"

/** Roles are edited now and then. */
const goodFor = Duration.minutes(10)

export class Rights extends Context.Service<
  Rights,
  {
    /** Whether the role certainly allows the command. */
    readonly may: (command: string) => Effect.Effect<boolean, CloudStackError>
  }
>()("ccm/cloudstack/Rights") {}

/** The server refuses the question for a command that it does not know or does not allow. */
const saysNo = ({ reason }: CloudStackError): boolean => reason._tag === "Forbidden" || reason._tag === "Refused"

const commandsIn = ({ api }: Answer): ReadonlyArray<unknown> => (Array.isArray(api) ? api : [])

export const layer: Layer.Layer<Rights, never, CloudStackApi | Settings> = Layer.effect(
  Rights,
  Effect.gen(function* () {
    const api = yield* CloudStackApi
    const cache = yield* Cache.makeWith(
      (name: string) =>
        readAgainIfEmpty(Effect.map(api.call("listApis", { name }), commandsIn)).pipe(
          Effect.map((found) => found.length > 0),
          Effect.catchIf(saysNo, () => Effect.succeed(false))
        ),
      { capacity: 100, timeToLive: (exit) => (Exit.isSuccess(exit) ? goodFor : Duration.zero) }
    )
    const checkScope = yield* makeScopeGuard(Cache.invalidateAll(cache))
    return Rights.of({
      may: Effect.fn("Rights.may")((command) => Effect.andThen(checkScope, Cache.get(cache, command)))
    })
  })
)
