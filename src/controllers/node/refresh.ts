/** Keeps the addresses of all Nodes as their VMs have them; one list serves all, and no change means no write. */
import { Effect } from "effect"
import { Machines } from "../../cloudstack/Machines.ts"
import type { Resolution } from "../../domain/NodeIdentity.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import type { Node } from "../../kubernetes/objects.ts"
import { liveMachine } from "./locate.ts"
import { ambiguous, badNodeIp, notifyOnce, type Told } from "./notices.ts"
import { addressWrite, isForeign, isUninitialised, sightWrite, wantedAddresses } from "./plan.ts"

/** Milliseconds: at start, new Nodes and the refresh want the list at the same moment. */
const shared = 1_000

const refreshNode = Effect.fnUntraced(
  function* (told: Told, node: Node, found: Resolution) {
    if (found._tag === "Ambiguous") return yield* notifyOnce(told, node, ambiguous(node, found.machines))
    if (found._tag !== "Found") return
    const nodes = yield* Nodes
    const sight = sightWrite(node, found.machine)
    if (sight !== undefined) yield* nodes.write(node, sight)
    const addresses = wantedAddresses(node, found.machine)
    if (addresses._tag === "Failure") return yield* notifyOnce(told, node, badNodeIp(addresses.failure))
    told.delete(node.uid)
    const change = addressWrite(node, addresses.success)
    if (change === undefined) return
    yield* nodes.write(node, change)
    yield* Effect.logInfo("addresses changed", { addresses: addresses.success.map(({ address }) => address) })
  },
  (effect, _, node) =>
    effect.pipe(
      Effect.catch((error) => Effect.logWarning("node not refreshed", { error: error.message })),
      Effect.annotateLogs({ node: node.name })
    )
)

/** Nodes that still wait for their initialisation, and other clouds', are left alone. */
export const refresh = Effect.fn("node.refresh")(
  function* (told: Told, concurrency: number) {
    const nodes = yield* Nodes
    const machines = yield* Machines
    const ours = (yield* nodes.all).filter((node) => !node.deleting && !isUninitialised(node) && !isForeign(node))
    if (ours.length === 0) return
    const list = yield* machines.list(shared)
    yield* Effect.forEach(ours, (node) => refreshNode(told, node, liveMachine(node, list)), {
      concurrency,
      discard: true
    })
  },
  Effect.catchTag("CloudStackError", (error) => Effect.logWarning("nodes not refreshed", { error: error.message }))
)
