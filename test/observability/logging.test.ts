import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Redacted } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import { type Format, layer, levelOf } from "../../src/observability/logging.ts"

const lines = Effect.fnUntraced(function* (format: Format, log: Effect.Effect<void>, verbosity = 0) {
  yield* log.pipe(Effect.provide(layer({ format, verbosity })))
  return (yield* TestConsole.errorLines).map(String)
})

const change = Effect.logInfo("rule created", { port: 80, job: "j-1", took: "a while" }).pipe(
  Effect.annotateLogs({ service: "shop/web" })
)

describe("logging", () => {
  it.effect("writes text with fields", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_700_000_000_000)
      assert.deepStrictEqual(yield* lines("text", change), [
        '2023-11-14T22:13:20.000Z INFO  rule created service=shop/web port=80 job=j-1 took="a while"'
      ])
    })
  )

  it.effect("writes JSON with the same fields, which can not displace its own", () =>
    Effect.gen(function* () {
      const [line] = yield* lines("json", change.pipe(Effect.annotateLogs({ level: "none", msg: "other" })))
      assert.deepStrictEqual(JSON.parse(line ?? ""), {
        time: "1970-01-01T00:00:00.000Z",
        level: "info",
        msg: "rule created",
        service: "shop/web",
        port: 80,
        job: "j-1",
        took: "a while"
      })
    })
  )

  it.effect("keeps to one line whatever the message holds", () =>
    Effect.gen(function* () {
      const forged = 'done\n2026-01-01T00:00:00.000Z INFO  all is "well"'
      const written = yield* lines("text", Effect.logWarning(forged, { note: "a\nb" }))
      assert.lengthOf(written, 1)
      assert.notInclude(written[0], "\n")
    })
  )

  it.effect("gives expected failures as their message and bugs with their stack", () =>
    Effect.gen(function* () {
      const [failure, bug] = yield* lines(
        "json",
        Effect.andThen(
          Effect.logWarning("sync failed", Cause.fail(new Error("no answer"))),
          Effect.logError("a bug", Cause.die(new Error("undefined is not a function")))
        )
      )
      assert.strictEqual(JSON.parse(failure ?? "").error, "no answer")
      assert.match(JSON.parse(bug ?? "").error, /undefined is not a function[\s\S]*logging\.test\.ts/)
    })
  )

  it.effect("shows more the higher -v is", () =>
    Effect.gen(function* () {
      const all = Effect.andThen(Effect.logDebug("decision"), Effect.logTrace("call"))
      assert.lengthOf(yield* lines("text", all, 3), 0)
      assert.lengthOf(yield* lines("text", all, 4), 1)
      assert.lengthOf(yield* lines("text", all, 6), 3)
      assert.deepStrictEqual([0, 2, 4, 5, 6, 10].map(levelOf), ["Info", "Info", "Debug", "Debug", "Trace", "Trace"])
    })
  )

  for (const format of ["text", "json"] as const) {
    it.effect(`lets no secret through as ${format}`, () =>
      Effect.gen(function* () {
        const secret = "hx7PlZ4tQ-s3cr3t"
        const jwt = `eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjY20ifQ.${secret}`
        const url = `http://cloud.test/client/api?command=listZones&apiKey=${secret}&signature=${secret}%3D&response=json`
        const written = yield* lines(
          format,
          Effect.all([
            Effect.logInfo(`calling ${url}`),
            Effect.logInfo("call", { url, secretKey: secret, "api-key": secret, nested: { password: secret } }),
            Effect.logInfo("call", { key: Redacted.make(secret) }, Redacted.make(secret)),
            Effect.logInfo(`Authorization: Bearer ${secret}`),
            Effect.logInfo("token", { header: `Bearer ${secret}` }),
            Effect.logInfo(jwt),
            Effect.logError("failed", Cause.fail(new Error(`{"secretkey": "${secret}", "id": 1}`))),
            Effect.logError("died", Cause.die(new Error(`secret-key = ${secret}`))),
            Effect.logError("plain", new Error(`SecretKey='${secret}'`)),
            Effect.annotateLogs(Effect.logInfo("annotated"), { token: secret })
          ])
        )
        assert.lengthOf(written, 10)
        assert.deepStrictEqual(
          written.filter((line) => line.includes(secret)),
          []
        )
        // What is no secret stays readable.
        assert.include(written[0], "command=listZones")
      })
    )
  }
})
