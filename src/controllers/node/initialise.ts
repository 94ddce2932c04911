/** Gives a new Node what its VM says about it, and lets the scheduler have it. */
import { Clock, Effect, Metric, Option, Random, Schema } from "effect"
import { Capabilities } from "../../cloudstack/Capabilities.ts"
import { Settings } from "../../config/Settings.ts"
import type { Machine } from "../../domain/Cloud.ts"
import type { NodeAddress } from "../../domain/NodeAddresses.ts"
import type { ProviderIdFormat } from "../../domain/ProviderId.ts"
import type { KubeError } from "../../kubernetes/KubeError.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import type { Node } from "../../kubernetes/objects.ts"
import { initialNodeSyncDelay, taintRemovalDelay } from "../../observability/metrics.ts"
import { locate } from "./locate.ts"
import { forget, type Memory } from "./Memory.ts"
import { ambiguous, badNodeIp, type Notice, notFound, notify, notifyOnce, synced } from "./notices.ts"
import { addressWrite, initialisation, isUninitialised, type Naming, wantedAddresses } from "./plan.ts"

/** The Node cannot be initialised as things are; it is tried again later. */
export class NotYet extends Schema.TaggedError<NotYet>()("NotYet", { why: Schema.String }) {
  override get message(): string {
    return this.why
  }
}

const conflictRetries = 20

/**
 * Written on the newest copy, with the resourceVersion read: a taint that somebody adds meanwhile is not lost. None =
 * the Node is gone.
 */
const untaint = Effect.fnUntraced(function* (
  first: Node,
  machine: Machine,
  naming: Naming
): Effect.fn.Return<Option.Option<Node>, KubeError, Nodes> {
  const nodes = yield* Nodes
  let node = first
  for (let tries = 0; isUninitialised(node); tries++) {
    const written = yield* Effect.result(nodes.write(node, initialisation(node, machine, naming)))
    if (written._tag === "Success") return written.success
    if (!written.failure.conflict || tries === conflictRetries) return yield* written.failure
    yield* Effect.sleep(50 + (yield* Random.nextBetween(0, 50)))
    const fresh = yield* nodes.fetch(node.name)
    if (Option.isNone(fresh) || fresh.value.uid !== first.uid) return Option.none()
    node = fresh.value
  }
  return Option.some(node)
})

const publish = Effect.fnUntraced(function* (node: Node, addresses: ReadonlyArray<NodeAddress>) {
  const nodes = yield* Nodes
  const change = addressWrite(node, addresses)
  if (change !== undefined) yield* nodes.write(node, change)
})

const delaySince = (node: Node) =>
  Effect.map(Clock.currentTimeMillis, (now) => Math.max(0, now - node.createdAt) / 1_000)

/** Also goes on where an earlier attempt, or one whose answer was lost, has left off. */
export const initialise = Effect.fn("node.initialise")(function* (
  memory: Memory,
  node: Node,
  format: ProviderIdFormat
) {
  const giveUp = Effect.fnUntraced(function* (notice: Notice) {
    yield* notifyOnce(memory, node, notice)
    return yield* new NotYet({ why: notice.message })
  })
  const found = yield* locate(memory, node)
  if (found._tag === "Foreign") return
  if (found._tag === "Missing") return yield* giveUp(notFound(node))
  if (found._tag === "Ambiguous") return yield* giveUp(ambiguous(node, found.machines))
  const { machine } = found
  const addresses = wantedAddresses(node, machine)
  if (addresses._tag === "Failure") return yield* giveUp(badNodeIp(addresses.failure))

  const settings = yield* (yield* Settings).current
  const region = settings.region ?? (yield* (yield* Capabilities).region)
  const naming = { format: settings.providerIdFormat ?? format, region }
  if (isUninitialised(node)) memory.owed.set(node.uid, "taint")
  const written = yield* untaint(node, machine, naming)
  if (Option.isNone(written)) return forget(memory, node.uid)
  if (memory.owed.get(node.uid) === "taint") {
    yield* Metric.update(taintRemovalDelay.of({}), yield* delaySince(node))
    memory.owed.set(node.uid, "addresses")
  }
  yield* publish(written.value, addresses.success)
  yield* notify(node, synced)
  yield* Metric.update(initialNodeSyncDelay.of({}), yield* delaySince(node))
  forget(memory, node.uid)
  yield* Effect.logInfo("node initialised", { providerID: written.value.providerID })
})
