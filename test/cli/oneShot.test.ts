import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { command as audit } from "../../src/cli/audit.ts"
import { type Command, CommandError } from "../../src/cli/Command.ts"
import { command as plan } from "../../src/cli/plan.ts"

const mistakes: ReadonlyArray<readonly [name: string, command: Command, args: ReadonlyArray<string>, cause: string]> = [
  ["plan", plan, ["nope"], '"nope" is no Service: name it as <namespace>/<name>'],
  ["plan", plan, ["--v=2", "a/b/c"], '"a/b/c" is no Service: name it as <namespace>/<name>'],
  ["plan", plan, ["a", "b"], 'one Service at most can be named, not "a", "b"'],
  ["plan", plan, ["--leader-elect", "false"], 'unexpected argument "false": write --leader-elect=false'],
  ["plan", plan, ["--output"], "--output is table or json"],
  ["audit", audit, ["foo"], 'unexpected argument "foo": only flags are taken'],
  ["audit", audit, ["--fix=maybe"], '--fix is true or false, not "maybe"'],
  ["audit", audit, ["--cluster-id"], "--cluster-id needs the id of a cluster"],
  ["audit", audit, ["--cluster-id", "--fix"], "--cluster-id needs the id of a cluster"]
]

describe("a command that is not understood", () => {
  for (const [name, command, args, cause] of mistakes) {
    it.effect(`says why: ${name} ${args.join(" ")}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(command(args))
        assert.isTrue(error instanceof CommandError && error.message.startsWith(`${cause}\nUsage:`), String(error))
      })
    )
  }
})
