/** Removes all that a Service has in CloudStack, then lets it go. The finalizer is the last word. */
import { Effect, Option } from "effect"
import type { AddressId, Holding } from "../../domain/Cloud.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { ClusterId } from "../ClusterIdentity.ts"
import { releaseLeftovers } from "./acquire.ts"
import { change } from "./change.ts"
import { designRemoval } from "./design.ts"
import { failing, nextOf } from "./failure.ts"
import { cachedHoldings, claimantFor, freshHoldings } from "./observe.ts"
import { ServiceOptions } from "./options.ts"
import { dropFinalizer, pendingWrites, publish } from "./publish.ts"
import { Reporter } from "./Reporter.ts"
import { isElsewhere } from "./selection.ts"
import { aclItemsFor } from "./tierAcl.ts"

/** Until a fresh look shows that nothing of the Service is left. */
const removeAll = Effect.fnUntraced(function* (service: Service) {
  const reporter = yield* Reporter
  const cluster = yield* ClusterId
  const claimant = yield* claimantFor(service)
  const cached = yield* cachedHoldings(service)
  const removalFrom = Effect.fnUntraced(function* (holdings: ReadonlyArray<Holding>) {
    const items = yield* aclItemsFor(holdings)
    return designRemoval(
      holdings,
      claimant,
      Option.getOrElse(items, () => [])
    )
  })
  let concerned: ReadonlyArray<AddressId> = (yield* removalFrom(cached)).leaving.map(({ address }) => address.id)
  for (let looks = 1; ; looks++) {
    const removal = yield* removalFrom(yield* freshHoldings(service, cached, concerned))
    yield* reporter.tell(service, removal.notes)
    if (removal.plan.cleanup.length === 0) return
    if (looks === 1) yield* reporter.say(service, "Normal", "DeletingLoadBalancer", "Deleting load balancer")
    concerned = removal.leaving.map(({ address }) => address.id)
    const failures = yield* change({
      cluster,
      service,
      plan: removal.plan,
      leaving: [],
      concerned,
      network: removal.leaving.flatMap(({ address }) => address.networkId ?? [])[0] ?? "",
      publish: Effect.succeedSome(service)
    })
    const next = nextOf(failures, looks)
    if (next._tag === "Done") return
    // What cannot be removed keeps the finalizer, and the queue's backoff tries again.
    if (next._tag !== "LookAgain") return yield* failing(failures)
  }
})

export const cleanup = Effect.fn("service.cleanup")(function* (service: Service) {
  const reporter = yield* Reporter
  const { loadBalancerClass } = yield* ServiceOptions
  yield* removeAll(service)
  yield* releaseLeftovers(service.uid)
  // Another controller serves it now and needs the finalizer, which is the same for all of them.
  if (isElsewhere(service, loadBalancerClass)) return "NotOurs" as const
  if (!service.deleting) yield* publish(service, pendingWrites(service, [], undefined))
  yield* dropFinalizer(service)
  yield* reporter.say(service, "Normal", "DeletedLoadBalancer", "Deleted load balancer")
  yield* reporter.forget(service.key)
  return "Removed" as const
})
