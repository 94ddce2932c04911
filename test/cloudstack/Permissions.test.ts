import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Forbidden } from "../../src/cloudstack/Api.ts"
import { layer as permissions } from "../../src/cloudstack/Permissions.ts"
import { Settings } from "../../src/config/Settings.ts"
import { onWallClock } from "../support/wallClock.ts"
import { type Asked, ask, scripted } from "./scripted.ts"
import { settingsOf } from "./settings.ts"

const ofRole = "The API [listAsyncJobs] does not exist or is not available for the account for user id [u]."
const ofProject = "The API [listAsyncJobs] does not exist or is not available for this account/user in project [p]."

const refusing = (text: string) => {
  const asked: Array<Asked> = []
  let settings = settingsOf()
  const layer = permissions.pipe(
    Layer.provide(scripted(() => new Forbidden({ what: "command", text }), asked)),
    Layer.provide(Layer.succeed(Settings, { current: Effect.sync(() => settings), changes: Stream.empty }))
  )
  const rotate = () => {
    settings = settingsOf({ credentials: { ...settings.credentials, apiKey: Redacted.make("another") } })
  }
  return { asked, layer, rotate }
}

describe("Permissions", () => {
  it.effect("does not send a command again for an hour that the role may not use", () => {
    const { asked, layer } = refusing(ofRole)
    return Effect.gen(function* () {
      for (let i = 0; i < 3; i++) {
        const error = yield* Effect.flip(ask("listAsyncJobs"))
        assert.strictEqual(error.reason._tag, "Forbidden")
      }
      yield* Effect.flip(ask("createTags"))
      assert.strictEqual(asked.length, 2)
      yield* TestClock.adjust("61 minutes")
      yield* Effect.flip(ask("listAsyncJobs"))
      assert.strictEqual(asked.length, 3)
    }).pipe(Effect.provide(layer))
  })

  it.effect("asks again after an hour, wherever the clock was set meanwhile", () => {
    const { asked, layer } = refusing(ofRole)
    return onWallClock((correct) =>
      Effect.gen(function* () {
        yield* Effect.flip(ask("listAsyncJobs"))
        correct(-86_400_000)
        yield* TestClock.adjust("61 minutes")
        yield* Effect.flip(ask("listAsyncJobs"))
        assert.strictEqual(asked.length, 2)
      }).pipe(Effect.provide(layer))
    )
  })

  it.effect("asks again with another key, and while membership of the project is missing", () => {
    const role = refusing(ofRole)
    const project = refusing(ofProject)
    const twice = (between: () => void) =>
      Effect.gen(function* () {
        yield* Effect.flip(ask("listAsyncJobs"))
        between()
        yield* Effect.flip(ask("listAsyncJobs"))
      })
    return Effect.gen(function* () {
      yield* twice(role.rotate).pipe(Effect.provide(role.layer))
      yield* twice(() => {}).pipe(Effect.provide(project.layer))
      assert.deepStrictEqual([role.asked.length, project.asked.length], [2, 2])
    })
  })
})
