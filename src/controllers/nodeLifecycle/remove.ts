/** The deletion of a Node whose VM is proved to be gone. */
import { Effect, Option } from "effect"
import { Nodes } from "../../kubernetes/Nodes.ts"
import type { Node } from "../../kubernetes/objects.ts"
import { deleting, deletionFailed } from "./explain.ts"
import { takeBack } from "./ledger.ts"
import { clear, type Memory } from "./Memory.ts"

/** The cache may lag: the Node is read once more, and must still be the one that was judged. */
const stillSo = (node: Node, fresh: Node) =>
  fresh.uid === node.uid && fresh.providerID === node.providerID && fresh.ready !== "True" && !fresh.deleting

export const removeNode = Effect.fn("nodeLifecycle.removeNode")(
  function* (memory: Memory, node: Node) {
    const nodes = yield* Nodes
    const fresh = yield* nodes.fetch(node.name)
    if (Option.isNone(fresh) || !stillSo(node, fresh.value)) {
      takeBack(memory, node.uid)
      return clear(memory, node.uid)
    }
    yield* deleting(memory, node)
    // Only as it was just read: a kubelet that reports at this moment keeps its Node.
    yield* nodes.remove(fresh.value)
    clear(memory, node.uid)
    yield* Effect.logInfo("node deleted", { providerID: node.providerID })
  },
  (effect, memory, node) =>
    effect.pipe(
      Effect.catchTag("KubeError", (error) => {
        // Anything but a clear no may have been done all the same.
        if (error.status >= 400 && error.status < 500) takeBack(memory, node.uid)
        else memory.unsure.set(node.uid, node.name)
        return Effect.andThen(
          Effect.logWarning("node not deleted", { error: error.message }),
          error.conflict ? Effect.void : deletionFailed(memory, node, error)
        )
      }),
      Effect.annotateLogs({ node: node.name })
    )
)
