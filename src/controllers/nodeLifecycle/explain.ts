/** Events of the lifecycle controller: why a Node goes, and why it stays. */
import { Effect } from "effect"
import { Doubt } from "../../domain/Absence.ts"
import { Events } from "../../kubernetes/Events.ts"
import type { KubeError } from "../../kubernetes/KubeError.ts"
import { type Node, nodeRef } from "../../kubernetes/objects.ts"
import { drop, type Memory, monotonicNow } from "./Memory.ts"
import { confirmAnnotation } from "./sight.ts"

const component = "cloud-node-lifecycle-controller"

interface Said {
  readonly type: "Normal" | "Warning"
  readonly reason: string
  readonly message: string
}

const byHand = "If the VM is really gone, delete the Node by hand (kubectl delete node)."

export const doubtText = (name: string): ((doubt: Doubt) => string) =>
  Doubt.$match({
    NoProviderId: () =>
      `Node ${name} is kept: no single VM of its name is visible and spec.providerID names none; a name alone does not prove that a VM is gone. ${byHand}`,
    NeverSeen: ({ vm }) =>
      `Node ${name} is kept: VM ${vm} is not visible, but was never seen by this controller either. Check that the API key may see the account or project of the VM. ${byHand}`,
    OnlyNode: () =>
      `Node ${name} is kept: it is the only Node, so no other VM can show that CloudStack's answers are about this cluster. ${byHand}`,
    NoSibling: ({ owner }) =>
      `Node ${name} is kept: no other Node has a known VM of owner ${owner}, which would show that this owner's VMs are visible. ${byHand}`,
    EmptyList: () =>
      `Node ${name} is kept: CloudStack lists no VM at all. Check the API key, project-id and zone in the cloud config.`,
    NoWitness: ({ owner }) =>
      `Node ${name} is kept: its VM is not visible, but neither is any other known VM of owner ${owner} that should be. Check the API key, project-id and zone in the cloud config. ${byHand}`,
    Contradicted: ({ vm }) => `Node ${name} is kept: the list of VMs lacks VM ${vm}, but a direct look-up shows it.`,
    Unclear: ({ error }) =>
      `Node ${name} is kept: CloudStack does not say clearly whether its VM is there (${error}). It is asked again until it does.`,
    AccessChanged: () =>
      `Node ${name} is kept for now: endpoint or credentials changed while its VM was looked for; the proof begins anew.`
  })

/** Once per kind for as long as the Node is not Ready. */
const once = Effect.fnUntraced(function* (memory: Memory, node: Node, kind: string, { message, reason, type }: Said) {
  const kinds = memory.reported.get(node.uid) ?? new Set()
  if (kinds.has(kind)) return
  memory.reported.set(node.uid, kinds.add(kind))
  const events = yield* Events
  yield* events.record({ about: nodeRef(node), type, reason, message, component })
})

/** The Node stays, and what was believed against it is dropped. */
export const refuse = Effect.fnUntraced(function* (memory: Memory, node: Node, doubt: Doubt) {
  drop(memory, node.uid)
  memory.doubted.set(node.uid, yield* monotonicNow)
  const message = doubtText(node.name)(doubt)
  yield* once(memory, node, doubt._tag, { type: "Warning", reason: "NodeDeletionRefused", message })
})

export const pause = (memory: Memory, node: Node, missing: number) => {
  drop(memory, node.uid)
  const limit = "at most one Node, or a tenth of them, is deleted within ten minutes"
  const message = `Node ${node.name} is kept for now: the VMs of ${missing} Nodes are not visible, and ${limit}. To let this Node go without waiting: kubectl annotate node ${node.name} ${confirmAnnotation}=true`
  return once(memory, node, "Paused", { type: "Warning", reason: "NodeDeletionPaused", message })
}

export const deleting = (memory: Memory, node: Node) => {
  const message = `Deleting node ${node.name} because it does not exist in the cloud provider`
  return once(memory, node, "Deleting", { type: "Normal", reason: "DeletingNode", message })
}

export const deletionFailed = (memory: Memory, node: Node, error: KubeError) => {
  const message = `Failed deleting node ${node.name}: ${error.message}`
  return once(memory, node, "Failed", { type: "Warning", reason: "DeletingNodeFailed", message })
}
