import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { TestConsole } from "effect/testing"
import { CommandError } from "../../src/cli/Command.ts"
import { command } from "../../src/cli/simulate.ts"

const failure = (...args: ReadonlyArray<string>) =>
  Effect.flip(command(args)).pipe(
    Effect.map((error) => (error instanceof CommandError ? [error.exitCode, error.message] : [0, String(error)]))
  )

const worldFile = Effect.fnUntraced(function* (text: string) {
  const fs = yield* FileSystem.FileSystem
  const file = `${yield* fs.makeTempDirectoryScoped()}/world.json`
  yield* fs.writeFileString(file, text)
  return file
})

describe("cloudstack-ccm simulate", () => {
  for (const port of ["99999", "-1", "abc"]) {
    it.effect(`refuses the port ${port}`, () =>
      Effect.gen(function* () {
        const file = yield* worldFile("{}")
        assert.isTrue((yield* Effect.exit(command([`--world=${file}`, `--port=${port}`])))._tag === "Failure")
        const said = (yield* TestConsole.errorLines).join("\n")
        assert.match(said, /--port: .*expected a whole number from 0 to 65535/)
      }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, TestConsole.layer]))
    )
  }

  it.effect("names the flag and the file that is not there", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* failure("--world=/nowhere/w.json"), [
        1,
        "--world: can not read /nowhere/w.json: there is no such file"
      ])
      assert.deepStrictEqual(yield* failure("--world=/"), [1, "--world: can not read /: it is not a file"])
    })
  )

  it.effect("names the file that is no world", () =>
    Effect.gen(function* () {
      const broken = yield* worldFile("{")
      assert.deepStrictEqual(yield* failure(`--world=${broken}`), [
        1,
        `--world ${broken}: the world file is not usable:\n  not a JSON text`
      ])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
