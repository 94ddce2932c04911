/** When to look at the forwards of a Service again because of how its nodes are. Pure. */
import { Duration } from "effect"
import { prefix, rows } from "../../domain/Annotations.ts"
import { isCandidate } from "../../domain/Candidates.ts"
import type { Node, Service } from "../../kubernetes/objects.ts"
import { patience } from "./members.ts"

/** It may have ports that one node serves; whether it has the network decides. */
export const mayForward = (service: Service): boolean =>
  service.ports.some(({ protocol }) => protocol === "UDP") ||
  service.annotations[prefix + rows.forwardPorts.suffix] !== undefined

/** Times are to the second, and those of a Node are another machine's. */
const margin = 1_000

/** The first moment at which a node's patience ends, from now on. */
export const recheckAfter = (nodes: ReadonlyArray<Node>, now: number): Duration.Duration | undefined => {
  const waits = nodes.flatMap((node) => {
    if (!isCandidate(node) || node.ready === "True" || node.readySince === undefined) return []
    const wait = node.readySince + patience - now
    return wait > 0 ? [wait] : []
  })
  return waits.length === 0 ? undefined : Duration.millis(Math.min(...waits) + margin)
}

/** After a node became Ready, or ceased to be; undefined if it did neither. */
export const lookAfter = (before: Node | undefined, after: Node | undefined): Duration.Duration | undefined => {
  if (before === undefined || after === undefined || before.ready === after.ready) return undefined
  return Duration.millis(after.ready === "True" ? margin : patience + margin)
}
