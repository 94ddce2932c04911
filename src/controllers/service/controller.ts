/** The service controller: what makes a Service due, in which order, and how its failures go on. */
import { Clock, Duration, Effect, Equal, Metric, Option, Random, Stream } from "effect"
import { CallPriority, CloudStackError, type Priority, type Reason } from "../../cloudstack/Api.ts"
import { Inventory } from "../../cloudstack/Inventory.ts"
import { Settings } from "../../config/Settings.ts"
import { prefix, rows } from "../../domain/Annotations.ts"
import { isCandidate } from "../../domain/Candidates.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import type { Node, Service } from "../../kubernetes/objects.ts"
import { type Change, Services } from "../../kubernetes/Services.ts"
import { timeToAddress } from "../../observability/metrics.ts"
import * as Coalesce from "../../runtime/Coalesce.ts"
import { supervise } from "../../runtime/Supervise.ts"
import * as WorkQueue from "../../runtime/WorkQueue.ts"
import { lookAfter, mayForward, recheckAfter } from "./failover.ts"
import { isWaiting, reasonOf, syncFailed, updateFailed, willRetry } from "./failureTexts.ts"
import { makeNodeSync } from "./nodeSync.ts"
import { currentSelection, ServiceOptions } from "./options.ts"
import { StillUnknown } from "./Predecessor.ts"
import { Reporter } from "./Reporter.ts"
import { type ReconcileResult, reconcileService } from "./reconcile.ts"
import { finalizer, isHandled, mayNeedCleanup, needsUpdate, type Selection, wants } from "./selection.ts"

const priorities = ["edit", "deletion", "membership", "resync"] as const satisfies ReadonlyArray<Priority>

/** Whether a change of a Service is work, and how urgent. Undefined = it is not. */
export const urgencyOf = (change: Change<Service>, selection: Selection): Priority | undefined => {
  const { after, before } = change
  // Without its finalizer nothing of it can be left; with it, it cannot vanish.
  if (after === undefined || !isHandled(after, selection)) return undefined
  if (mayNeedCleanup(after, selection)) return "deletion"
  if (before === undefined) return after.finalizers.includes(finalizer) ? "resync" : "edit"
  return needsUpdate(before, after, selection) ? "edit" : undefined
}

/** Whether a change of a Node can change the members of load balancers. */
export const concernsMembers = ({ after, before }: Change<Node>): boolean => {
  if (before === undefined || after === undefined) return true
  return isCandidate(before) !== isCandidate(after) || before.providerID !== after.providerID
}

/** Labels matter to Services that select nodes by them. */
const isRelabelled = ({ after, before }: Change<Node>): boolean =>
  before !== undefined && after !== undefined && !Equal.equals(before.labels, after.labels)
const selectsNodes = ({ annotations }: Service): boolean => annotations[prefix + rows.nodeSelector.suffix] !== undefined

/** Whoever comes back waits for the next probe, and is served as soon as one is answered. */
const outageDelay = Duration.seconds(5)
const outageTags: ReadonlySet<Reason["_tag"]> = new Set([
  "Unavailable",
  "Unreachable",
  "DeadlineExceeded",
  "Throttled"
] as const)

/** No failure of the Service: it waits for CloudStack to come back, not for a backoff that has grown meanwhile. */
const delayOf = (error: unknown): Option.Option<Duration.Duration> => {
  if (error instanceof StillUnknown) return Option.some(error.retryAfter)
  return error instanceof CloudStackError && outageTags.has(error.reason._tag)
    ? Option.some(outageDelay)
    : Option.none()
}

/** Runs as long as this process leads. Ends only with a defect. */
export const run = Effect.gen(function* () {
  const options = yield* ServiceOptions
  const services = yield* Services
  const nodes = yield* Nodes
  const inventory = yield* Inventory
  const reporter = yield* Reporter
  const settings = yield* Settings
  const handled = Effect.gen(function* () {
    const selection = yield* currentSelection
    return (yield* services.all).filter((service) => isHandled(service, selection))
  })

  /** When Services without an address were first seen, in milliseconds. */
  const waiting = new Map<string, number>()
  const served = Effect.fnUntraced(function* (key: string, result: ReconcileResult) {
    const since = waiting.get(key)
    if (since === undefined || result === "Refused") return
    waiting.delete(key)
    const now = yield* Clock.currentTimeMillis
    if (result === "Changed") yield* Metric.update(timeToAddress.of({}), (now - since) / 1_000)
  })

  /** A forward moves off a node that is not Ready when its patience ends, which no event tells. */
  const verdict = Effect.fnUntraced(function* (key: string) {
    const service = yield* services.find(key)
    if (Option.isNone(service) || !mayForward(service.value)) return {}
    const after = recheckAfter(yield* nodes.all, yield* Clock.currentTimeMillis)
    return after === undefined ? {} : { recheckAfter: after }
  })

  const nodeSync = makeNodeSync()
  /** Keys whose last run failed. */
  const failing = new Set<string>()
  const onFailure = Effect.fnUntraced(function* ({
    cause,
    key,
    priority,
    ...retry
  }: WorkQueue.Failure<string, Priority, unknown>) {
    const service = Option.getOrUndefined(yield* services.find(key))
    const doing = service !== undefined && wants(service, yield* currentSelection) ? "ensure" : "delete"
    const reason = reasonOf(cause, doing)
    // It waits, and nothing has gone wrong.
    if (isWaiting(cause)) return yield* Effect.logInfo(willRetry(key, reason, retry), { service: key })
    yield* Effect.logWarning(willRetry(key, reason, retry), { service: key })
    const first = !failing.has(key)
    failing.add(key)
    if (service === undefined) return void failing.delete(key)
    // Upstream updates the hosts of what is there, and leaves its further tries to a sync.
    if (priority === "membership" && first && service.ingress.length > 0) {
      const names = (yield* nodes.all).filter(isCandidate).map(({ name }) => name)
      return yield* reporter.say(service, "Warning", "UpdateLoadBalancerFailed", updateFailed(cause, names))
    }
    yield* reporter.say(service, "Warning", "SyncLoadBalancerFailed", syncFailed(reason))
  })

  const queue = yield* WorkQueue.make({
    name: "service",
    workers: options.workers,
    priorities,
    handle: (key: string, priority) =>
      nodeSync.measured(key, priority === "membership", reconcileService(key)).pipe(
        Effect.provideService(CallPriority, priority),
        Effect.tap((result) => served(key, result)),
        Effect.tap(() => Effect.sync(() => failing.delete(key))),
        Effect.andThen(verdict(key))
      ),
    retryAfter: delayOf,
    onFailure
  })

  const lookAtForwards = (after: Duration.Duration) =>
    Effect.flatMap(handled, (all) =>
      Effect.forEach(all.filter(mayForward), (service) => queue.addAfter(service.key, after, "membership"), {
        discard: true
      })
    )

  const addAll = (priority: Priority) =>
    Effect.flatMap(handled, (all) =>
      Effect.forEach(all, (service) => queue.add(service.key, priority), { discard: true })
    )

  const membership = yield* Coalesce.make({
    ...Coalesce.membershipTiming,
    fire: () =>
      Effect.flatMap(handled, (all) => Effect.andThen(nodeSync.begin(all.map(({ key }) => key)), addAll("membership")))
  })

  const followServices = Stream.runForEach(
    services.changes,
    Effect.fnUntraced(function* (change) {
      const { after, before } = change
      const urgency = urgencyOf(change, yield* currentSelection)
      if (after === undefined && before !== undefined) {
        waiting.delete(before.key)
        failing.delete(before.key)
        yield* nodeSync.settled(before.key)
        yield* reporter.forget(before.key)
      }
      if (urgency === undefined || after === undefined) return
      if (urgency === "edit" && after.ingress.length === 0 && !waiting.has(after.key)) {
        waiting.set(after.key, yield* Clock.currentTimeMillis)
      }
      yield* queue.add(after.key, urgency)
    })
  )

  const followNodes = Stream.runForEach(nodes.changes, (change) => {
    const after = lookAfter(change.before, change.after)
    return Effect.gen(function* () {
      if (after !== undefined) yield* lookAtForwards(after)
      const concerns = concernsMembers(change) || (isRelabelled(change) && (yield* services.all).some(selectsNodes))
      if (concerns) yield* membership.signal((change.after ?? change.before)?.name ?? "")
    })
  })

  // Which Services are ours, and what they may name, can be another thing now.
  const followSettings = Effect.andThen(
    Stream.runForEach(Stream.drop(settings.changes, 1), () => addAll("resync")),
    Effect.never
  )

  const resync = Effect.gen(function* () {
    const spread = yield* Random.nextBetween(0.9, 1.1)
    yield* Effect.sleep(Math.round(Duration.toMillis(options.resyncPeriod) * spread))
    yield* inventory.expire
    yield* addAll("resync")
  })

  // Work starts on complete caches: a Node not yet listed must not look like a Node that left.
  yield* Effect.all([services.synced, nodes.synced])
  return yield* supervise<never, Effect.Services<typeof queue.run | typeof membership.run>>({
    queue: queue.run,
    membership: membership.run,
    "follow Services": followServices,
    "follow Nodes": followNodes,
    "follow Settings": followSettings,
    resync: Effect.forever(resync)
  })
}).pipe(Effect.scoped, Effect.withLogSpan("service-controller"))
