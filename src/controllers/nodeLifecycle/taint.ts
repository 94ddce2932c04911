/** The taint that tells schedulers and volume controllers that a Node's VM is off. */
import { Effect, Option } from "effect"
import type { KubeError } from "../../kubernetes/KubeError.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import type { Node, Taint } from "../../kubernetes/objects.ts"

const shutdownTaint: Taint = { key: "node.cloudprovider.kubernetes.io/shutdown", effect: "NoSchedule" }

const isShutdownTaint = ({ key, effect }: Taint) => key === shutdownTaint.key && effect === shutdownTaint.effect

export const hasShutdownTaint = (node: Node): boolean => node.taints.some(isShutdownTaint)

/** The whole list, or nothing if it is as it should be. */
const taintsWith = (node: Node, wanted: boolean): ReadonlyArray<Taint> | undefined => {
  if (hasShutdownTaint(node) === wanted) return undefined
  return wanted ? [...node.taints, shutdownTaint] : node.taints.filter((taint) => !isShutdownTaint(taint))
}

/** A Node that changed meanwhile is read and tried once more; after that the next period does it. */
export const setShutdownTaint = Effect.fn("nodeLifecycle.setShutdownTaint")(function* (node: Node, wanted: boolean) {
  const nodes = yield* Nodes
  const attempt = (current: Node): Effect.Effect<void, KubeError> => {
    const taints = taintsWith(current, wanted)
    return taints === undefined ? Effect.void : Effect.asVoid(nodes.write(current, { _tag: "Change", taints }))
  }
  yield* attempt(node).pipe(
    Effect.catchIf(
      (error) => error.conflict,
      () =>
        Effect.flatMap(nodes.fetch(node.name), (fresh) =>
          Option.isSome(fresh) && fresh.value.uid === node.uid ? attempt(fresh.value) : Effect.void
        )
    ),
    Effect.catch((error) => Effect.logWarning("shutdown taint not set", { wanted, error: error.message }))
  )
})
