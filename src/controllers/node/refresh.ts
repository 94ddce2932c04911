/** Keeps the addresses of all Nodes as their VMs have them; one list serves all, and no change means no write. */
import { Effect } from "effect"
import { type MachineList, Machines } from "../../cloudstack/Machines.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import type { Node } from "../../kubernetes/objects.ts"
import { liveMachine } from "./locate.ts"
import { forget, type Memory } from "./Memory.ts"
import { ambiguous, badNodeIp, notFound, notifyOnce } from "./notices.ts"
import { addressWrite, isForeign, isUninitialised, sightWrite, wantedAddresses } from "./plan.ts"

/** Milliseconds: at start, new Nodes and the refresh want the list at the same moment. */
const shared = 1_000

/** Told when two refreshes in a row miss the VM of a Node that serves; of one that is not Ready the lifecycle tells. */
const miss = Effect.fnUntraced(function* (memory: Memory, node: Node, list: MachineList) {
  if (node.ready !== "True") return
  if (memory.missing.has(node.uid)) yield* notifyOnce(memory, node, notFound(node))
  memory.missing.set(node.uid, list.at)
})

const refreshNode = Effect.fnUntraced(
  function* (memory: Memory, node: Node, list: MachineList) {
    const found = liveMachine(node, list)
    if (found._tag === "Ambiguous") return yield* notifyOnce(memory, node, ambiguous(node, found.machines))
    if (found._tag === "Missing") return yield* miss(memory, node, list)
    if (found._tag === "Foreign") return
    const nodes = yield* Nodes
    const sight = sightWrite(node, found.machine)
    if (sight !== undefined) yield* nodes.write(node, sight)
    const addresses = wantedAddresses(node, found.machine)
    if (addresses._tag === "Failure") return yield* notifyOnce(memory, node, badNodeIp(addresses.failure))
    forget(memory, node.uid)
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

/** Nodes that still wait for the end of their initialisation, and other clouds', are left alone. */
export const refresh = Effect.fn("node.refresh")(
  function* (memory: Memory, concurrency: number) {
    const nodes = yield* Nodes
    const machines = yield* Machines
    const ours = (yield* nodes.all).filter(
      (node) => !node.deleting && !isUninitialised(node) && !memory.owed.has(node.uid) && !isForeign(node)
    )
    if (ours.length === 0) return
    const list = yield* machines.list(shared)
    if (ours.length > 1 && ours.every((node) => liveMachine(node, list)._tag === "Missing")) {
      // One line instead of an Event for each: the answer is about somebody else's VMs, or about none.
      return yield* Effect.logWarning("the VM of no Node is visible: check the API key and project-id", {
        nodes: ours.length
      })
    }
    yield* Effect.forEach(ours, (node) => refreshNode(memory, node, list), { concurrency, discard: true })
  },
  Effect.catchTag("CloudStackError", (error) => Effect.logWarning("nodes not refreshed", { error: error.message }))
)
