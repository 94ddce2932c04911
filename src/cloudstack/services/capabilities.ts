/** `Capabilities` from the version that `listCapabilities` tells; servers may hide it and roles may forbid to ask. */
import { Cache, Duration, Effect, Exit, Layer, Predicate } from "effect"
import type { Settings } from "../../config/Settings.ts"
import { type Answer, CloudStackApi } from "../Api.ts"
import { Capabilities, type RuleSources } from "../Capabilities.ts"
import { makeScopeGuard } from "../scope.ts"

/** A server is upgraded while we run, now and then. */
const goodFor = Duration.hours(1)

/** `4.22.0.0-SNAPSHOT` as 4022; undefined if it is no version. */
const versionIn = (answer: Answer): number | undefined => {
  const { capability } = answer
  const text = Predicate.isReadonlyObject(capability) ? capability["cloudstackversion"] : undefined
  const parts = typeof text === "string" ? /^\s*v?(\d+)\.(\d+)/.exec(text) : null
  return parts === null ? undefined : Number(parts[1]) * 1_000 + Number(parts[2])
}

const ruleSourcesOf = (version: number | undefined): RuleSources => {
  if (version === undefined) return "unknown"
  if (version >= 4_022) return "update"
  return version >= 4_018 ? "create" : "none"
}

export const layer: Layer.Layer<Capabilities, never, CloudStackApi | Settings> = Layer.effect(
  Capabilities,
  Effect.gen(function* () {
    const api = yield* CloudStackApi
    const told = yield* Cache.makeWith(
      (_: "version") =>
        api.call("listCapabilities", {}).pipe(
          Effect.map(versionIn),
          Effect.catchReason("CloudStackError", "Forbidden", () => Effect.undefined)
        ),
      { capacity: 1, timeToLive: (exit) => (Exit.isSuccess(exit) ? goodFor : Duration.zero) }
    )
    const checkScope = yield* makeScopeGuard(Cache.invalidateAll(told))
    return Capabilities.of({
      ruleSources: checkScope.pipe(
        Effect.andThen(Cache.get(told, "version")),
        Effect.map(ruleSourcesOf),
        Effect.withSpan("Capabilities.ruleSources")
      )
    })
  })
)
