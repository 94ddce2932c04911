/** What would change, as log lines: the service controller's own decisions, with nobody to carry them out. */
import { Effect, Schedule } from "effect"
import { Inventory } from "../../cloudstack/Inventory.ts"
import { stepsOf } from "../../controllers/service/chains.ts"
import { type Decision, decide, isQuiet } from "../../controllers/service/decide.ts"
import { cachedHoldings } from "../../controllers/service/observe.ts"
import { currentSelection } from "../../controllers/service/options.ts"
import { isHandled, mayNeedCleanup, type Selection } from "../../controllers/service/selection.ts"
import { describe } from "../../controllers/service/steps.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { Services } from "../../kubernetes/Services.ts"
import type { Flags } from "../flags/Flags.ts"

/** One line per step; empty if all is well. */
export const wouldDo = (service: Service, decision: Decision): ReadonlyArray<string> => {
  const { acquire, leaving, plan, refusal, show } = decision
  if (isQuiet(service, decision) && refusal === undefined) return []
  return [
    ...(refusal === undefined ? [] : [`refuse: ${refusal.reason}: ${refusal.cause}`]),
    ...(acquire === undefined
      ? []
      : [`acquire address ${acquire.named?.ip ?? "(any)"} in network ${acquire.network.name}`]),
    ...stepsOf(plan).map(describe),
    ...leaving.flatMap(({ steps }) => steps.map(describe)),
    ...(show === undefined ? [] : [`publish ${show.address.ip}`])
  ]
}

const look = Effect.fnUntraced(
  function* (service: Service, selection: Selection) {
    if (mayNeedCleanup(service, selection)) {
      return yield* Effect.logInfo("dry run", { would: "remove its load balancer" })
    }
    const lines = wouldDo(service, yield* decide(service, yield* cachedHoldings(service), new Set()))
    if (lines.length === 0) return yield* Effect.logInfo("dry run: nothing to do")
    for (const would of lines) yield* Effect.logInfo("dry run", { would })
  },
  (effect, { key }) =>
    effect.pipe(
      Effect.catch((error) => Effect.logWarning("dry run: no decision", error)),
      Effect.annotateLogs({ service: key })
    )
)

/** All Services now and at each resync. */
export const dryRun = Effect.fnUntraced(function* (flags: Flags) {
  const services = yield* Services
  const nodes = yield* Nodes
  const inventory = yield* Inventory
  yield* Effect.all([services.synced, nodes.synced])
  const round = Effect.gen(function* () {
    yield* inventory.expire
    const selection = yield* currentSelection
    const handled = (yield* services.all).filter((service) => isHandled(service, selection))
    yield* Effect.forEach(handled, (service) => look(service, selection), { discard: true })
  })
  return yield* Effect.andThen(Effect.repeat(round, Schedule.spaced(flags["resync-period"])), Effect.never)
})
