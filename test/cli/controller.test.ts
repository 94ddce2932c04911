import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { TestConsole } from "effect/testing"
import { CommandError } from "../../src/cli/Command.ts"
import { command } from "../../src/cli/controller.ts"

const failure = (...args: ReadonlyArray<string>) =>
  Effect.flip(command(args)).pipe(
    Effect.map((error) => (error instanceof CommandError ? [error.exitCode, error.message] : [0, String(error)]))
  )

describe("starting the controller", () => {
  it.effect("says all that is wrong with the flags, and ends with 1", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* failure("--leader-elct", "--controllers=foo"), [
        1,
        `unknown flag: --leader-elct (did you mean --leader-elect?)
--cloud-provider cannot be empty: external-cloudstack or cloudstack
--controllers: "foo" is not in the list of known controllers: cloud-node-controller, cloud-node-lifecycle-controller, node-route-controller, service-lb-controller
See cloudstack-ccm --help.`
      ])
    })
  )

  it.effect("says all that is wrong with the cloud-config, without its secrets, and ends with 1", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const file = `${directory}/cloud-config`
      const text = "[Global]\napi-url = nowhere\napi-key = theKey\nsecret-key = theSecret\nvm-cache-ttl = theSecret\n"
      yield* fs.writeFileString(file, text)
      assert.deepStrictEqual(yield* failure("--cloud-provider=cloudstack", `--cloud-config=${file}`), [
        1,
        `cloud-config ${file} can not be used:
  line 2: api-url: expected an http or https URL such as https://cloud.example.org/client/api
  line 5: vm-cache-ttl: expected a duration such as 15s, 1m30s or 300ms`
      ])
      const said = [...(yield* TestConsole.logLines), ...(yield* TestConsole.errorLines)].join("\n")
      assert.notInclude(said, "theSecret")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("without any settings names what is missing, and where it could be", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* failure("--cloud-provider=cloudstack"), [
        1,
        `the cloud's settings can not be used:
  api-url is missing: section [Global] or environment variable CLOUDSTACK_API_URL
  api-key is missing: section [Global] or environment variable CLOUDSTACK_API_KEY
  secret-key is missing: section [Global] or environment variable CLOUDSTACK_SECRET_KEY`
      ])
    })
  )

  it.effect("prints help and version to stdout", () =>
    Effect.gen(function* () {
      yield* command(["--help"])
      yield* command(["--version"])
      const [help, version] = yield* TestConsole.logLines
      assert.match(String(help), /^Usage: cloudstack-ccm/)
      assert.match(String(version), /^cloudstack-ccm \d+\.\d+\.\d+$/)
    })
  )
})
