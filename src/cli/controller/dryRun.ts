/** What would change, as log lines: what `plan` shows, again and again. */
import { Effect, Schedule } from "effect"
import { currentSelection } from "../../controllers/service/options.ts"
import { type Preview, preview, layer as previewLayer } from "../../controllers/service/preview.ts"
import { isHandled } from "../../controllers/service/selection.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import { Services } from "../../kubernetes/Services.ts"
import type { Flags } from "../flags/Flags.ts"
import { parametersOf } from "../plan/parameters.ts"

/** One line each; none if all is well. */
export const wouldDo = ({ calls, error, notes, writes }: Preview): ReadonlyArray<string> => [
  ...notes.filter(({ type }) => type === "Warning").map(({ message, reason }) => `say ${reason}: ${message}`),
  ...calls.map(({ command, parameters, router }) =>
    [router ? "call (router)" : "call", command, parametersOf(parameters)].join(" ")
  ),
  ...writes.map((patch) => `patch services/status ${JSON.stringify(patch)}`),
  ...(error === undefined ? [] : [`fail: ${error}`])
]

/**
 * All Services now and at each resync. Each round is a rehearsal of its own: what an earlier one believes to have changed
 * and told is neither done nor told.
 */
export const dryRun = Effect.fnUntraced(function* (flags: Flags) {
  const services = yield* Services
  const nodes = yield* Nodes
  yield* Effect.all([services.synced, nodes.synced])
  const round = Effect.gen(function* () {
    const selection = yield* currentSelection
    const handled = (yield* services.all).filter((service) => isHandled(service, selection))
    for (const service of handled) {
      const lines = wouldDo(yield* preview(service))
      const log = (message: string, fields: object) =>
        Effect.annotateLogs(Effect.logInfo(message, fields), { service: service.key })
      if (lines.length === 0) yield* log("dry run: nothing to do", {})
      for (const would of lines) yield* log("dry run", { would })
    }
  })
  const rounds = Effect.repeat(Effect.provide(round, previewLayer), Schedule.spaced(flags["resync-period"]))
  return yield* Effect.andThen(rounds, Effect.never)
})
