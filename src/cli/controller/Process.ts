/** The life of a controller process: everybody serves health and waits, the leader works. */
import { Effect, Layer } from "effect"
import type { Loaded, Source } from "../../config/load.ts"
import { sourceOf } from "../../kubernetes/live/Connection.ts"
import { HealthChecks } from "../../observability/HealthChecks.ts"
import { Fence, LostLeadership } from "../../runtime/Fence.ts"
import { LeaderElection } from "../../runtime/LeaderElection.ts"
import { supervise } from "../../runtime/Supervise.ts"
import type { Flags } from "../flags/Flags.ts"
import { runControllers } from "./controllers.ts"
import { leaderLayer, processLayer } from "./layers.ts"
import { readiness } from "./reachable.ts"

const work = (flags: Flags) => Effect.provide(runControllers(flags), leaderLayer(flags))

/** Nobody may change anything. */
const closed = Layer.succeed(Fence, { ensure: new LostLeadership({ why: "this is a dry run" }) })

const elected = Effect.fnUntraced(function* (flags: Flags) {
  if (flags["dry-run"]) return yield* Effect.provide(work(flags), closed)
  if (!flags["leader-elect"]) return yield* Effect.provide(work(flags), Fence.layerOpen)
  const election = yield* LeaderElection
  const checks = yield* HealthChecks
  const check = Effect.flatMap(election.healthy, (healthy) =>
    healthy ? Effect.void : Effect.fail("the lease has not been renewed for too long")
  )
  yield* checks.add({ name: "leaderElection", of: "health", check })
  return yield* election.lead(Effect.provide(work(flags), LeaderElection.layerFence))
}, Effect.scoped)

/** Ends only with a failure; interrupted, it finishes what it has begun and gives the Lease back. */
export const runProcess = (flags: Flags, source: Source, first: Loaded) => {
  const controllers = elected(flags)
  const waiting = Effect.andThen(readiness, Effect.never)
  const all = supervise<Effect.Error<typeof controllers>, Effect.Services<typeof controllers | typeof waiting>>({
    readiness: waiting,
    controllers
  }).pipe(Effect.scoped, Effect.provide(processLayer(flags, source, first)))
  // Credentials that can not be read are a mistake; an API server that does not answer is waited for.
  return Effect.andThen(Effect.flatten(sourceOf(flags)), all)
}
