/** `Tags` over the calls; a role that may not tag is no error. */
import { Effect, Layer, Option } from "effect"
import type { CloudStackError } from "../Api.ts"
import { Jobs, type Pending } from "../Jobs.ts"
import { tagParameters } from "../schemas/wire.ts"
import { Tags } from "../Tags.ts"
import { isForbiddenCommand } from "./absence.ts"

const noneIfForbidden = (
  submitted: Effect.Effect<Pending, CloudStackError>
): Effect.Effect<Option.Option<Pending>, CloudStackError> =>
  Effect.catchIf(Effect.asSome(submitted), isForbiddenCommand, () => Effect.succeed(Option.none<Pending>()))

export const layer: Layer.Layer<Tags, never, Jobs> = Layer.effect(
  Tags,
  Effect.gen(function* () {
    const jobs = yield* Jobs
    return Tags.of({
      add: Effect.fn("Tags.add")((kind, ids, tags) =>
        noneIfForbidden(
          jobs.submit("createTags", { resourcetype: kind, resourceids: ids.join(","), ...tagParameters(tags) })
        )
      ),
      remove: Effect.fn("Tags.remove")((kind, ids, keys) =>
        noneIfForbidden(
          jobs.submit("deleteTags", {
            resourcetype: kind,
            resourceids: ids.join(","),
            ...tagParameters(keys.map((key) => ({ key })))
          })
        )
      )
    })
  })
)
