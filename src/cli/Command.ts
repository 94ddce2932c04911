/** What a subcommand is to the process: a function of its arguments, and an error that says how the process ends. */
import { type Effect, Runtime, Schema } from "effect"

/** Each `src/cli/<name>.ts` exports one as `command`; it gets the arguments after its own name. */
export type Command = (args: ReadonlyArray<string>) => Effect.Effect<void, unknown>

/** Ends the process with `exitCode`; `message` goes to stderr as it is, without a stack. */
export class CommandError extends Schema.TaggedError<CommandError>()("CommandError", {
  message: Schema.String,
  exitCode: Schema.Int
}) {
  override readonly [Runtime.errorExitCode] = this.exitCode
  /** `main` has written the message already. */
  override readonly [Runtime.errorReported] = false
}
