/** Without a subcommand the program is the controller: read the flags and the settings, run, end with the right code. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Cause, Console, Effect } from "effect"
import { loadCloudConfig, type Source } from "../config/load.ts"
import * as logging from "../observability/logging.ts"
import { type Command, CommandError } from "./Command.ts"
import type { Flags } from "./flags/Flags.ts"
import { helpText } from "./flags/help.ts"
import { parseFlags } from "./flags/parse.ts"
import * as version from "./version.ts"

const messageOf = (error: { readonly _tag: string; readonly message: string }): string =>
  error._tag === "LostLeadership" ? `leaderelection lost: ${error.message}` : error.message

/** What a start can not be made of, and the loss of the Lease; upstream's code for all else is 255. */
const plainFailures = new Set(["LostLeadership", "ListenError", "KubeError"])

const exitCodeOf = (error: { readonly _tag: string }): number => (plainFailures.has(error._tag) ? 1 : 255)

const start = Effect.fnUntraced(
  function* (flags: Flags, source: Source) {
    const first = yield* loadCloudConfig(source).pipe(
      Effect.provide(NodeFileSystem.layer),
      Effect.mapError(({ message }) => new CommandError({ message, exitCode: 1 }))
    )
    yield* Effect.logInfo(`cloudstack-ccm ${version.version}`, { node: process.version })
    yield* Effect.logDebug("flags", flags)
    for (const warning of first.warnings) yield* Effect.logWarning(warning)
    const { runProcess } = yield* Effect.promise(() => import("./controller/Process.ts"))
    return yield* runProcess(flags, source, first).pipe(
      Effect.mapError((error) => new CommandError({ message: messageOf(error), exitCode: exitCodeOf(error) })),
      Effect.catchDefect((defect) =>
        Effect.andThen(
          Effect.logFatal("a defect ended the process", Cause.die(defect)),
          new CommandError({ message: "a defect ended the process", exitCode: 255 })
        )
      )
    )
  },
  (effect, flags) => Effect.provide(effect, logging.layer({ format: flags["logging-format"], verbosity: flags.v }))
)

const sourceOf = (flags: Flags): Source => ({
  env: process.env,
  ...(flags["cloud-config"] === "" ? {} : { path: flags["cloud-config"] })
})

export const command: Command = (args) => {
  const parsed = parseFlags(args)
  switch (parsed._tag) {
    case "Help":
      return Console.log(helpText())
    case "Version":
      return version.command([])
    case "Problems": {
      const message = [...parsed.problems, "See cloudstack-ccm --help."].join("\n")
      return Effect.fail(new CommandError({ message, exitCode: 1 }))
    }
    case "Run":
      return start(parsed.flags, sourceOf(parsed.flags))
  }
}
