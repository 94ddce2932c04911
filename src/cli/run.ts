/** The process: chooses the subcommand, loads only what that needs, and turns its outcome into an exit code. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Effect, Exit, Runtime } from "effect"
import { type Command, CommandError } from "./Command.ts"

const commands: Readonly<Record<string, () => Promise<{ readonly command: Command }>>> = {
  simulate: () => import("./simulate.ts"),
  demo: () => import("./demo.ts"),
  audit: () => import("./audit.ts"),
  plan: () => import("./plan.ts"),
  version: () => import("./version.ts")
}

const load = ([first, ...rest]: ReadonlyArray<string>) => {
  if (first === undefined || first.startsWith("-")) {
    const args = first === undefined ? [] : [first, ...rest]
    return Effect.map(
      Effect.promise(() => import("./controller.ts")),
      ({ command }) => command(args)
    )
  }
  const found = Object.hasOwn(commands, first) ? commands[first] : undefined
  if (found === undefined) {
    const known = Object.keys(commands).join(", ")
    const message = `unknown command ${JSON.stringify(first)}: without one it is the controller; others are ${known}`
    return new CommandError({ message, exitCode: 1 })
  }
  return Effect.map(Effect.promise(found), ({ command }) => command(rest))
}

const program = (args: ReadonlyArray<string>) =>
  load(args).pipe(
    Effect.flatten,
    Effect.tapError((error) =>
      error instanceof CommandError ? Effect.sync(() => process.stderr.write(`${error.message}\n`)) : Effect.void
    )
  )

/** SIGTERM is how the kubelet says goodbye, not an error. */
const teardown: Runtime.Teardown = (exit, done) => {
  if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return done(0)
  done(Runtime.getErrorExitCode(Cause.squash(exit.cause)))
}

export const run = (args: ReadonlyArray<string>): void => NodeRuntime.runMain(program(args), { teardown })
