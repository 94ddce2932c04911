/** Removes all that a Service has in CloudStack, then lets it go. The finalizer is the last word. */
import { Effect, Option } from "effect"
import { Inventory } from "../../cloudstack/Inventory.ts"
import { Tags } from "../../cloudstack/Tags.ts"
import { decodeAnnotations } from "../../domain/Annotations.ts"
import { type AclItem, type AddressId, type Holding, RuleId } from "../../domain/Cloud.ts"
import { isOurReason, tags } from "../../domain/Ownership.ts"
import type { Note } from "../../domain/Refusal.ts"
import { selectionAnnotation } from "../../domain/SelectionFlag.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { ClusterId } from "../ClusterIdentity.ts"
import { apply } from "./apply.ts"
import { chain, isEmpty, type Plan, stepsOf } from "./chains.ts"
import { change } from "./change.ts"
import type { Claims } from "./claims.ts"
import { designRemoval } from "./design.ts"
import { namedAddress } from "./desired.ts"
import { failing, mostLooks, nextOf, SyncFailed } from "./failure.ts"
import { releaseLeftovers } from "./leftovers.ts"
import { MadeObjects } from "./MadeObjects.ts"
import { cachedHoldings, claimantFor, freshHoldings } from "./observe.ts"
import { failIfOverlooked } from "./overlooked.ts"
import { Predecessor } from "./Predecessor.ts"
import { dropFinalizer, pendingWrites, publish } from "./publish.ts"
import { Reporter } from "./Reporter.ts"
import { hasEnded, type Selection, wasOurs } from "./selection.ts"
import { takingTurns } from "./sharing.ts"
import { Step } from "./steps.ts"
import { aclItemsFor, hasVpc } from "./tierAcl.ts"
import type { Kept } from "./wanted.ts"

/** What the Service says of its address; undefined = not understood, so as the address is tagged. */
const keepOf = (service: Service): Kept<boolean> => {
  const { keepIp } = decodeAnnotations(service.annotations, service.ports)
  if (keepIp._tag === "Invalid") return undefined
  return keepIp._tag === "Given" && keepIp.value
}

const removalFrom = Effect.fnUntraced(function* (service: Service, holdings: ReadonlyArray<Holding>) {
  const claimant = yield* claimantFor(service)
  const items = yield* aclItemsFor(holdings)
  const aclItems = Option.getOrElse(items, () => [])
  return designRemoval(holdings, claimant, aclItems, keepOf(service))
})

const stillThere = new SyncFailed({ message: "it is still there after it was removed" })

/** Releasing an address takes all that is on it along, seen or not. */
const releasedBy = (plan: Plan): ReadonlyArray<AddressId> =>
  stepsOf(plan).flatMap((step) => (step._tag === "ReleaseAddress" ? [step.id] : []))

/** Whether a look at the lists of VPC tiers, or the next one, shows an item of the Service: one list can be wrong. */
const hasAclItems = Effect.fnUntraced(function* ({ uid }: Service) {
  const cluster = yield* ClusterId
  const inventory = yield* Inventory
  const isOurs = ({ reason }: AclItem) => isOurReason(cluster, uid, reason)
  for (let look = 1; look <= 2; look++) {
    const items = yield* inventory.freshAclItems
    if (Option.isSome(items) && items.value.some(isOurs)) return true
  }
  return false
})

/** What keeps an address is only believed, and told, if a second look shows it as well: a list can be wrong. */
const believed = Effect.fnUntraced(function* <E, R>(
  service: Service,
  look: Effect.Effect<ReadonlyArray<Holding>, E, R>
) {
  const holdings = yield* look
  const removal = yield* removalFrom(service, holdings)
  if (!removal.notes.some(({ type }) => type === "Warning")) return { holdings, removal }
  const again = yield* look
  return { holdings: again, removal: yield* removalFrom(service, again) }
})

/** Until a look shows that nothing of the Service is left. Returns the addresses that were released. */
const removeAll = Effect.fnUntraced(function* (
  service: Service,
  cached: ReadonlyArray<Holding>,
  known: ReadonlyArray<AddressId>
) {
  const reporter = yield* Reporter
  const cluster = yield* ClusterId
  let concerned = known
  const released: Array<AddressId> = []
  let announced = false
  let inVpc = hasVpc(cached)
  for (let looks = 1; ; looks++) {
    const { holdings, removal } = yield* believed(service, freshHoldings(service, cached, concerned))
    inVpc ||= hasVpc(holdings)
    yield* reporter.tell(service, removal.notes)
    if (removal.plan.cleanup.length === 0) {
      if (announced || concerned.length === 0) {
        if (!inVpc || !(yield* hasAclItems(service))) return released
        if (looks > mostLooks) return yield* stillThere
        concerned = []
        continue
      }
      // It was known to be there, and one look at it says that it is not: that is asked of all lists before it is so.
      concerned = []
      continue
    }
    if (!announced) yield* reporter.say(service, "Normal", "DeletingLoadBalancer", "Deleting load balancer")
    announced = true
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
    if (next._tag === "Done") {
      released.push(...releasedBy(removal.plan))
      concerned = concerned.filter((id) => !released.includes(id))
      if (concerned.length === 0 && !(inVpc && (yield* hasAclItems(service)))) return released
      // What was removed one by one is what that look has shown.
      if (looks > mostLooks) return yield* stillThere
      continue
    }
    // What cannot be removed keeps the finalizer, and the queue's backoff tries again.
    if (next._tag !== "LookAgain") return yield* failing(failures)
  }
})

const remove = Effect.fnUntraced(function* (service: Service) {
  const cached = yield* cachedHoldings(service)
  const leaving = (yield* removalFrom(service, cached)).leaving.map(({ address }) => address)
  const ids = leaving.map(({ id }) => id)
  const named = namedAddress(service)
  const ips = [...(named === undefined ? [] : [named]), ...leaving.map(({ ip }) => ip)]
  return yield* takingTurns(ips, removeAll(service, cached, ids))
})

/**
 * The tags of a rule outlive it: what was cut off between the two has left some. A server fault is no proof that they are
 * gone; where they stay all the same they do no harm, and the Service must not wait for them.
 */
const untagGone = Effect.fnUntraced(function* (service: Service) {
  const cluster = yield* ClusterId
  for (let looks = 0; looks < mostLooks; looks++) {
    const found = yield* (yield* Tags).bearers("LoadBalancer", [...tags(cluster, service)].reverse())
    if (found.length === 0) return
    const step = Step.UntagRules({ ids: found.map((id) => RuleId.make(id)) })
    const { failures } = yield* apply(chain("untag", [step]), "")
    if (failures.size > 0) return yield* failing([...failures.values()])
  }
})

/** The operator leaves it to somebody else: what is published stays, and only what was never published goes. */
const isLeftAlone = ({ ingress }: Service, claimed: ReadonlyArray<Claims>): boolean =>
  claimed.length > 0 &&
  ingress.some(({ hostname, ip }) => hostname !== undefined || claimed.some(({ address }) => address.ip === ip))

const leftAlone = (claimed: ReadonlyArray<Claims>): Note => ({
  type: "Warning",
  reason: "LeftAlone",
  message: `service-policy or --load-balancer-class leave the Service to others now: its load balancer on ${claimed.map(({ address }) => address.ip).join(", ")} stays, but is not kept up to date any more. The annotation ${selectionAnnotation} says whether it shall be ("true") or be removed ("false")`
})

/** It has nothing, or not where it wanted to have it: it may have been cut off while it was to get it. */
const mayGetAddress = (service: Service, claimed: ReadonlyArray<Claims>): boolean => {
  const named = namedAddress(service)
  if (named !== undefined) return !claimed.some(({ address }) => address.ip === named)
  return claimed.length === 0 && service.ingress.length === 0
}

export const cleanup = Effect.fn("service.cleanup")(function* (service: Service, selection: Selection) {
  const reporter = yield* Reporter
  const claimed = (yield* removalFrom(service, yield* cachedHoldings(service))).leaving
  const ended = hasEnded(service)
  if (!ended && claimed.length === 0) return "NotOurs" as const
  if (!ended && isLeftAlone(service, claimed)) {
    yield* reporter.tell(service, [leftAlone(claimed)])
    return "NotOurs" as const
  }
  const handled = yield* remove(service)
  yield* untagGone(service)
  const suspects = yield* releaseLeftovers(service.uid, handled)
  const what = (holding: Holding) => Effect.map(removalFrom(service, [holding]), ({ plan }) => !isEmpty(plan))
  yield* failIfOverlooked(service, { suspects, handled, what })
  // Another controller serves it and needs the finalizer, which is the same for all of them, and its status.
  if (!ended || (claimed.length === 0 && !wasOurs(service, selection))) {
    yield* publish(service, pendingWrites(service, service.ingress, undefined))
    return "NotOurs" as const
  }
  if (mayGetAddress(service, claimed)) yield* (yield* Predecessor).awaitSilence(service)
  if (!service.deleting) yield* publish(service, pendingWrites(service, [], undefined))
  yield* dropFinalizer(service)
  yield* (yield* MadeObjects).forget(service.uid)
  yield* reporter.say(service, "Normal", "DeletedLoadBalancer", "Deleted load balancer")
  yield* reporter.forget(service.key)
  return "Removed" as const
})
