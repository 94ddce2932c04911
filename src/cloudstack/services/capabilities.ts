/** `Capabilities` from what the server tells of itself, which it may hide and roles may forbid to ask. */
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

const regionIn = (answer: Answer): string | undefined => {
  const { region: regions } = answer
  if (!Array.isArray(regions) || regions.length !== 1) return undefined
  const [only] = regions
  const name = Predicate.isReadonlyObject(only) ? only["name"] : undefined
  return typeof name === "string" && name !== "" ? name : undefined
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
      (command: "listCapabilities" | "listRegions") =>
        Effect.catchReason(
          api.call(command, {}),
          "CloudStackError",
          "Forbidden",
          (): Effect.Effect<Answer> => Effect.succeed({})
        ),
      { capacity: 2, timeToLive: (exit) => (Exit.isSuccess(exit) ? goodFor : Duration.zero) }
    )
    const checkScope = yield* makeScopeGuard(Cache.invalidateAll(told))
    return Capabilities.of({
      ruleSources: checkScope.pipe(
        Effect.andThen(Cache.get(told, "listCapabilities")),
        Effect.map((answer) => ruleSourcesOf(versionIn(answer))),
        Effect.withSpan("Capabilities.ruleSources")
      ),
      region: checkScope.pipe(
        Effect.andThen(Cache.get(told, "listRegions")),
        Effect.map(regionIn),
        Effect.withSpan("Capabilities.region")
      )
    })
  })
)
