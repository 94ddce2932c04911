/** `Tags` over the calls; a role that may not tag is no error. */
import { Effect, Layer, Option } from "effect"
import type { Tag } from "../../domain/Cloud.ts"
import type { CloudStackError } from "../Api.ts"
import { Jobs, type Pending } from "../Jobs.ts"
import { Lists } from "../Lists.ts"
import { bearers } from "../schemas/tags.ts"
import { tagParameters } from "../schemas/wire.ts"
import { type TaggedKind, Tags } from "../Tags.ts"
import { isForbiddenCommand } from "./absence.ts"

const noneIfForbidden = (
  submitted: Effect.Effect<Pending, CloudStackError>
): Effect.Effect<Option.Option<Pending>, CloudStackError> =>
  Effect.catchIf(Effect.asSome(submitted), isForbiddenCommand, () => Effect.succeed(Option.none<Pending>()))

export const layer: Layer.Layer<Tags, never, Jobs | Lists> = Layer.effect(
  Tags,
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const lists = yield* Lists

    const bearing = (kind: TaggedKind, { key, value }: Tag) =>
      Effect.map(lists.all("listTags", { resourcetype: kind, key, value }, bearers), (found) =>
        found.map(({ id }) => id)
      )

    return Tags.of({
      bearers: Effect.fn("Tags.bearers")(
        function* (kind, [first, ...more]) {
          if (first === undefined) return []
          let ids = yield* bearing(kind, first)
          for (const tag of more) {
            if (ids.length === 0) break
            const others = new Set(yield* bearing(kind, tag))
            ids = ids.filter((id) => others.has(id))
          }
          return ids
        },
        (found) => Effect.catchIf(found, isForbiddenCommand, () => Effect.succeed<ReadonlyArray<string>>([]))
      ),
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
