/** `cloudstack-ccm version`: name and version on stdout. */
import { Console } from "effect"
import manifest from "../../package.json" with { type: "json" }
import type { Command } from "./Command.ts"

export const version: string = manifest.version

export const command: Command = () => Console.log(`cloudstack-ccm ${version}`)
