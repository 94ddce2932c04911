/** Runs a test against a CloudStack of its own. */
import { Effect } from "effect"
import { layer } from "../../../../src/cloudstack/memory/layer.ts"
import { everything } from "./world.ts"

export const simulatedAs = (world: unknown) => Effect.provide(layer(world))
export const simulated = simulatedAs(everything)
