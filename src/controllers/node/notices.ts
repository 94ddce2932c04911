/** Events of the node controller, each once for as long as a Node stays as it is. */
import { Effect } from "effect"
import type { Machine } from "../../domain/Cloud.ts"
import { Events } from "../../kubernetes/Events.ts"
import { type Node, nodeRef } from "../../kubernetes/objects.ts"
import type { Memory } from "./Memory.ts"

export interface Notice {
  readonly type: "Normal" | "Warning"
  /** UpperCamelCase. */
  readonly reason: string
  readonly message: string
}

export const synced: Notice = { type: "Normal", reason: "Synced", message: "Node synced successfully" }

export const notFound = (node: Node): Notice => ({
  type: "Warning",
  reason: "VirtualMachineNotFound",
  message:
    node.providerID === "" || node.providerID === "external-cloudstack"
      ? `no VM named ${node.name} is visible in CloudStack. Check the API key, project-id and zone in the cloud config, or start the kubelet with --provider-id`
      : `the VM of providerID ${node.providerID} is not visible in CloudStack. Check the API key and project-id in the cloud config; if another VM has taken its place, delete the Node and restart the kubelet`
})

export const ambiguous = (node: Node, machines: ReadonlyArray<Machine>): Notice => ({
  type: "Warning",
  reason: "AmbiguousVirtualMachine",
  message: `several VMs are named ${node.name}: ${machines.map(({ id }) => id).join(", ")}. Rename or remove all but one, or start the kubelet with --provider-id`
})

export const badNodeIp = (message: string): Notice => ({ type: "Warning", reason: "InvalidNodeIP", message })

export const notify = Effect.fnUntraced(function* (node: Node, { type, reason, message }: Notice) {
  const events = yield* Events
  yield* events.record({ about: nodeRef(node), type, reason, message, component: "cloud-node-controller" })
})

export const notifyOnce = Effect.fnUntraced(function* ({ told }: Memory, node: Node, notice: Notice) {
  const reasons = told.get(node.uid) ?? new Set()
  if (reasons.has(notice.reason)) return
  told.set(node.uid, reasons.add(notice.reason))
  yield* notify(node, notice)
})
