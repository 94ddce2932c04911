/** The deletion of a Node whose VM is proved to be gone. */
import { Effect, Option } from "effect"
import { Nodes } from "../../kubernetes/Nodes.ts"
import type { Node } from "../../kubernetes/objects.ts"
import { record } from "./explain.ts"
import { clear, type Memory, monotonicNow } from "./Memory.ts"

/** The cache may lag: the Node is read once more, and must still be the one that was judged. */
const stillSo = (node: Node, fresh: Option.Option<Node>) =>
  Option.isSome(fresh) &&
  fresh.value.uid === node.uid &&
  fresh.value.providerID === node.providerID &&
  fresh.value.ready !== "True" &&
  !fresh.value.deleting

export const removeNode = Effect.fn("nodeLifecycle.removeNode")(
  function* (memory: Memory, node: Node) {
    const nodes = yield* Nodes
    if (!stillSo(node, yield* nodes.fetch(node.name))) return clear(memory, node.uid)
    const message = `Deleting node ${node.name} because it does not exist in the cloud provider`
    yield* record(node, "Normal", "DeletingNode", message)
    // Counted before it is known to be done: an answer that is lost must not widen the quota.
    const now = yield* monotonicNow
    const before = memory.deletions
    memory.deletions = [...before, now]
    yield* nodes.remove(node).pipe(
      Effect.tapError((error) =>
        Effect.sync(() => {
          if (error.status >= 400 && error.status < 500) memory.deletions = before
        })
      )
    )
    clear(memory, node.uid)
    yield* Effect.logInfo("node deleted", { providerID: node.providerID })
  },
  (effect, _, node) =>
    effect.pipe(
      Effect.catchTag("KubeError", (error) =>
        Effect.andThen(
          Effect.logWarning("node not deleted", { error: error.message }),
          record(node, "Warning", "DeletingNodeFailed", `Failed deleting node ${node.name}: ${error.message}`)
        )
      ),
      Effect.annotateLogs({ node: node.name })
    )
)
