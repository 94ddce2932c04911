/** The cloud-node controller: new Nodes are initialised from their VMs, and all are kept as their VMs are. */
import { Duration, Effect, Option, Stream } from "effect"
import { CallPriority } from "../../cloudstack/Api.ts"
import type { ProviderIdFormat } from "../../domain/ProviderId.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import * as WorkQueue from "../../runtime/WorkQueue.ts"
import { initialise } from "./initialise.ts"
import type { Told } from "./notices.ts"
import { isUninitialised, needsSync, staleLabels } from "./plan.ts"
import { refresh } from "./refresh.ts"

export interface Options {
  /** Of new Nodes, unless the cloud config names another. */
  readonly providerIdFormat: ProviderIdFormat
  /** `--node-status-update-frequency`. */
  readonly nodeStatusUpdateFrequency: Duration.Duration
  /** `--concurrent-node-syncs`. */
  readonly concurrentNodeSyncs: number
  /** `--concurrent-node-status-updates`; 0 = as many as syncs. */
  readonly concurrentNodeStatusUpdates: number
}

/** Initialises a new Node, or brings the newer labels of any other in line with the older ones. */
export const reconcile = Effect.fn("node.reconcile")(
  function* (told: Told, name: string, format: ProviderIdFormat) {
    const nodes = yield* Nodes
    const found = yield* nodes.find(name)
    if (Option.isNone(found) || !needsSync(found.value)) return
    const node = found.value
    if (isUninitialised(node)) return yield* initialise(told, node, format)
    yield* nodes.write(node, { _tag: "Change", labels: staleLabels(node) })
  },
  (effect, _, name) => Effect.annotateLogs(effect, { node: name }),
  Effect.provideService(CallPriority, "membership")
)

const backoff = { first: Duration.millis(100), cap: Duration.minutes(1) }

/** Run it only while leading. */
export const run = Effect.fnUntraced(
  function* (options: Options) {
    const nodes = yield* Nodes
    yield* nodes.synced
    const told: Told = new Map()
    const queue = yield* WorkQueue.make({
      name: "Nodes",
      workers: options.concurrentNodeSyncs,
      priorities: ["node"],
      backoff,
      handle: (name: string) => Effect.as(reconcile(told, name, options.providerIdFormat), {}),
      onFailure: ({ key, cause, retryIn }) =>
        Effect.logWarning("node not synced", { node: key, retryIn: Duration.format(retryIn) }, cause)
    })
    const follow = Stream.runForEach(nodes.changes, ({ before, after }) => {
      if (after !== undefined) return needsSync(after) ? queue.add(after.name, "node") : Effect.void
      if (before !== undefined) told.delete(before.uid)
      return Effect.void
    })
    const refreshes = refresh(told, options.concurrentNodeStatusUpdates || options.concurrentNodeSyncs).pipe(
      Effect.provideService(CallPriority, "resync"),
      Effect.andThen(Effect.sleep(options.nodeStatusUpdateFrequency)),
      Effect.forever
    )
    return yield* Effect.all([queue.run, Effect.andThen(follow, Effect.never), refreshes], {
      concurrency: "unbounded",
      discard: true
    }).pipe(Effect.andThen(Effect.never))
  },
  Effect.scoped,
  Effect.annotateLogs({ controller: "cloud-node" })
)
