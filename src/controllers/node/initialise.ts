/** Gives a new Node what its VM says about it, and lets the scheduler have it. */
import { Clock, Effect, Metric, Option, Random, Schema } from "effect"
import { Settings } from "../../config/Settings.ts"
import type { Machine } from "../../domain/Cloud.ts"
import type { NodeAddress } from "../../domain/NodeAddresses.ts"
import type { ProviderIdFormat } from "../../domain/ProviderId.ts"
import type { KubeError } from "../../kubernetes/KubeError.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import type { Node } from "../../kubernetes/objects.ts"
import { initialNodeSyncDelay, taintRemovalDelay } from "../../observability/metrics.ts"
import { locate } from "./locate.ts"
import { ambiguous, badNodeIp, type Notice, notFound, notify, notifyOnce, synced, type Told } from "./notices.ts"
import { addressWrite, initialisation, isUninitialised, type Naming, wantedAddresses } from "./plan.ts"

/** The Node cannot be initialised as things are; it is tried again later. */
export class NotYet extends Schema.TaggedError<NotYet>()("NotYet", { why: Schema.String }) {
  override get message(): string {
    return this.why
  }
}

const conflictRetries = 20

/** Written on the newest copy, with the resourceVersion read: a taint that somebody adds meanwhile is not lost. */
const write = Effect.fnUntraced(function* (
  first: Node,
  machine: Machine,
  naming: Naming
): Effect.fn.Return<Option.Option<Node>, KubeError, Nodes> {
  const nodes = yield* Nodes
  let node = first
  for (let tries = 0; ; tries++) {
    const written = yield* Effect.result(nodes.write(node, initialisation(node, machine, naming)))
    if (written._tag === "Success") return written.success
    if (!written.failure.conflict || tries === conflictRetries) return yield* written.failure
    yield* Effect.sleep(50 + (yield* Random.nextBetween(0, 50)))
    const fresh = yield* nodes.fetch(node.name)
    if (Option.isNone(fresh) || fresh.value.uid !== first.uid || !isUninitialised(fresh.value)) return Option.none()
    node = fresh.value
  }
})

/** Failing here is only logged: the refresh puts it right. */
const publish = Effect.fnUntraced(function* (node: Node, addresses: ReadonlyArray<NodeAddress>) {
  const nodes = yield* Nodes
  const change = addressWrite(node, addresses)
  if (change === undefined) return
  yield* nodes
    .write(node, change)
    .pipe(Effect.catch((error) => Effect.logWarning("addresses not set", { error: error.message })))
})

const delaySince = (node: Node) =>
  Effect.map(Clock.currentTimeMillis, (now) => Math.max(0, now - node.createdAt) / 1_000)

export const initialise = Effect.fn("node.initialise")(function* (told: Told, node: Node, format: ProviderIdFormat) {
  const giveUp = Effect.fnUntraced(function* (notice: Notice) {
    yield* notifyOnce(told, node, notice)
    return yield* new NotYet({ why: notice.message })
  })
  const found = yield* locate(node)
  if (found._tag === "Foreign") return
  if (found._tag === "Missing") return yield* giveUp(notFound(node))
  if (found._tag === "Ambiguous") return yield* giveUp(ambiguous(node, found.machines))
  const { machine } = found
  const addresses = wantedAddresses(node, machine)
  if (addresses._tag === "Failure") return yield* giveUp(badNodeIp(addresses.failure))

  const settings = yield* (yield* Settings).current
  const naming = { format: settings.providerIdFormat ?? format, region: settings.region }
  const written = yield* write(node, machine, naming)
  if (Option.isNone(written)) return
  yield* Metric.update(taintRemovalDelay.of({}), yield* delaySince(node))
  yield* publish(written.value, addresses.success)
  yield* notify(node, synced)
  yield* Metric.update(initialNodeSyncDelay.of({}), yield* delaySince(node))
  told.delete(node.uid)
  yield* Effect.logInfo("node initialised", { providerID: written.value.providerID })
})
