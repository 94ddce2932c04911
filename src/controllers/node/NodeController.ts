/** The cloud-node controller: new Nodes are initialised from their VMs, and all are kept as their VMs are. */
import { Duration, Effect, Option, Stream } from "effect"
import { CallPriority } from "../../cloudstack/Api.ts"
import type { ProviderIdFormat } from "../../domain/ProviderId.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import * as WorkQueue from "../../runtime/WorkQueue.ts"
import { initialise } from "./initialise.ts"
import { forget, type Memory, makeMemory } from "./Memory.ts"
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
  function* (memory: Memory, name: string, format: ProviderIdFormat) {
    const nodes = yield* Nodes
    const found = yield* nodes.find(name)
    if (Option.isNone(found)) return
    const node = found.value
    if (isUninitialised(node) ? needsSync(node) : memory.owed.has(node.uid)) {
      return yield* initialise(memory, node, format)
    }
    if (needsSync(node)) yield* nodes.write(node, { _tag: "Change", labels: staleLabels(node) })
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
    const memory = makeMemory()
    const queue = yield* WorkQueue.make({
      name: "Nodes",
      workers: options.concurrentNodeSyncs,
      priorities: ["node"],
      backoff,
      handle: (name: string) => Effect.as(reconcile(memory, name, options.providerIdFormat), {}),
      onFailure: ({ key, cause, retryIn }) =>
        Effect.logWarning("node not synced", { node: key, retryIn: Duration.format(retryIn) }, cause)
    })
    const follow = Stream.runForEach(nodes.changes, ({ before, after }) => {
      if (before !== undefined && before.uid !== after?.uid) forget(memory, before.uid)
      return after !== undefined && needsSync(after) ? queue.add(after.name, "node") : Effect.void
    })
    const refreshes = refresh(memory, options.concurrentNodeStatusUpdates || options.concurrentNodeSyncs).pipe(
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
