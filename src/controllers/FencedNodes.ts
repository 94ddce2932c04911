/** Nodes as only a leader sees them: everybody may read, only who holds enough of the lease may write or delete. */
import { Effect, Layer } from "effect"
import { KubeError } from "../kubernetes/KubeError.ts"
import { Nodes } from "../kubernetes/Nodes.ts"
import { Fence } from "../runtime/Fence.ts"

export const fenced = <A>(fence: Fence["Service"], operation: string, change: Effect.Effect<A, KubeError>) =>
  fence.ensure.pipe(
    Effect.mapError(({ why }) => new KubeError({ operation, status: 0, text: `not sent: ${why}` })),
    Effect.andThen(change)
  )

/**
 * A process that was frozen between its last look and its write would otherwise delete a Node on what was true before. A
 * refused write counts as never sent.
 */
export const layer: Layer.Layer<Nodes, never, Nodes | Fence> = Layer.effect(
  Nodes,
  Effect.gen(function* () {
    const nodes = yield* Nodes
    const fence = yield* Fence
    return Nodes.of({
      ...nodes,
      write: (node, write) => fenced(fence, `patch nodes ${node.name}`, nodes.write(node, write)),
      remove: (node) => fenced(fence, `delete nodes ${node.name}`, nodes.remove(node))
    })
  })
)
