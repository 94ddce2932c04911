/**
 * Brings the load balancer of one Service in line with its spec. Safe to run at any time, any number of times, and to
 * be cut off at any step; holds no state between runs.
 */
import { Effect, Option } from "effect"
import { Services } from "../../kubernetes/Services.ts"
import { cleanup } from "./cleanup.ts"
import { ensure } from "./ensure.ts"
import { currentSelection } from "./options.ts"
import { Reporter } from "./Reporter.ts"
import { mayNeedCleanup, refuseFlag, wants } from "./selection.ts"

/** What a run did: nothing was to do, something was changed, a person has to help, or all is removed. */
export type ReconcileResult = "Converged" | "Changed" | "Refused" | "Removed" | "NotOurs"

export const reconcileService = Effect.fn("service.reconcile")(
  function* (key: string) {
    const services = yield* Services
    const selection = yield* currentSelection
    const found = yield* services.find(key)
    if (Option.isNone(found)) {
      yield* (yield* Reporter).forget(key)
      return "NotOurs" as const
    }
    const service = found.value
    if (wants(service, selection)) return yield* ensure(service)
    if (mayNeedCleanup(service, selection)) return yield* cleanup(service, selection)
    const refusal = refuseFlag(service, selection)
    if (refusal !== undefined) {
      yield* (yield* Reporter).tell(service, [], refusal)
      return "Refused" as const
    }
    return "NotOurs" as const
  },
  (effect, key) => Effect.annotateLogs(effect, { service: key })
)
