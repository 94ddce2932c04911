import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, FileSystem, Redacted } from "effect"
import { loadCloudConfig } from "../../src/config/load.ts"

const least = "[Global]\napi-url = https://c.test/client/api\napi-key = a\nsecret-key = b\n"

/** Runs with files of a temporary directory. */
const withFiles = <A, E>(
  files: Readonly<Record<string, string>>,
  use: (directory: string) => Effect.Effect<A, E, FileSystem.FileSystem>
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    yield* Effect.forEach(Object.entries(files), ([name, text]) => fs.writeFileString(`${directory}/${name}`, text))
    return yield* use(directory)
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

describe("loading the cloud-config", () => {
  it.effect("takes everything from the environment if there is no file", () =>
    withFiles({}, () =>
      Effect.gen(function* () {
        const { settings } = yield* loadCloudConfig({
          env: {
            CLOUDSTACK_API_URL: " https://c.test/client/api ",
            CLOUDSTACK_API_KEY: "a",
            CLOUDSTACK_SECRET_KEY: "b",
            CLOUDSTACK_ZONE: ""
          }
        })
        assert.strictEqual(settings.apiUrl, "https://c.test/client/api")
        assert.notProperty(settings, "zone")
      })
    )
  )

  it.effect("knows the other spellings of a key there too, but only one at a time", () =>
    withFiles({ conf: least }, (directory) =>
      Effect.gen(function* () {
        const load = (env: Readonly<Record<string, string>>) => loadCloudConfig({ path: `${directory}/conf`, env })
        const { settings } = yield* load({ CLOUDSTACK_API_RATE_LIMIT_QPS: "7", CLOUDSTACK_ASYNC_JOB_TIMEOUT: "90s" })
        assert.strictEqual(settings.rateLimit.qps, 7)
        assert.strictEqual(Duration.toSeconds(settings.jobTimeout), 90)
        const both = { CLOUDSTACK_RATE_LIMIT_QPS: "5", CLOUDSTACK_API_RATE_LIMIT_QPS: "7" }
        const { problems } = yield* Effect.flip(load(both))
        assert.deepStrictEqual(problems, [
          "CLOUDSTACK_RATE_LIMIT_QPS and CLOUDSTACK_API_RATE_LIMIT_QPS are both set, and mean the same: one of them is enough"
        ])
      })
    )
  )

  it.effect("takes values from files that the environment names", () =>
    withFiles({ conf: least, key: "from-file\n" }, (directory) =>
      Effect.gen(function* () {
        const { settings } = yield* loadCloudConfig({
          path: `${directory}/conf`,
          env: { CLOUDSTACK_SECRET_KEY_FILE: `${directory}/key` }
        })
        assert.strictEqual(Redacted.value(settings.credentials.secretKey), "from-file")
        assert.strictEqual(Redacted.value(settings.credentials.apiKey), "a")
      })
    )
  )

  it.effect("reports what it can not read, and what is wrong beside it", () =>
    withFiles({ conf: `${least}vm-cache-ttl = x\nca-file = /nowhere/ca.pem\n` }, (directory) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          loadCloudConfig({
            path: `${directory}/conf`,
            env: { CLOUDSTACK_ZONE: "z", CLOUDSTACK_ZONE_FILE: "/z", CLOUDSTACK_API_KEY_FILE: `${directory}/none` }
          })
        )
        assert.strictEqual(
          error.message,
          `cloud-config ${directory}/conf can not be used:
  CLOUDSTACK_API_KEY_FILE: can not read ${directory}/none: there is no such file
  CLOUDSTACK_ZONE and CLOUDSTACK_ZONE_FILE are both set: one of them is enough
  line 5: vm-cache-ttl: expected a duration such as 15s, 1m30s or 300ms`
        )
      })
    )
  )

  it.effect("says that the file is not there, and nothing more", () =>
    withFiles({}, (directory) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(loadCloudConfig({ path: `${directory}/conf`, env: {} }))
        assert.deepStrictEqual(error.problems, [`can not read ${directory}/conf: there is no such file`])
      })
    )
  )

  it.effect("wants a ca-file to be there and to hold a certificate", () =>
    withFiles({ "ca.pem": "not PEM" }, (directory) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const load = (caFile: string) =>
          Effect.andThen(
            fs.writeFileString(`${directory}/conf`, `${least}ca-file = ${directory}/${caFile}\n`),
            loadCloudConfig({ path: `${directory}/conf`, env: {} })
          )
        const { problems } = yield* Effect.flip(load("ca.pem").pipe(Effect.catchTag("PlatformError", Effect.die)))
        assert.deepStrictEqual(problems, [`ca-file: no PEM certificate in ${directory}/ca.pem`])
        const missing = yield* Effect.flip(load("none").pipe(Effect.catchTag("PlatformError", Effect.die)))
        assert.deepStrictEqual(missing.problems, [`ca-file: can not read ${directory}/none: there is no such file`])
      })
    )
  )
})
