import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CommandError } from "../../src/cli/Command.ts"
import { command } from "../../src/cli/demo.ts"

describe("cloudstack-ccm demo", () => {
  it.live("ends where the kubeconfig is not there, as the controller does", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(command(["--kubeconfig=/nowhere/config"]))
      assert.isTrue(error instanceof CommandError && error.exitCode === 1)
      assert.match(String(error), /credentials: kubeconfig \/nowhere\/config cannot be read: ENOENT/)
    })
  )
})
