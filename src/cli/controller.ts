/** The controller process: without a subcommand, this is the program. */
import { Effect } from "effect"
import type { Command } from "./Command.ts"

export const command: Command = () => Effect.never
