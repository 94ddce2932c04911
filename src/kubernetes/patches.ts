/** The bodies of our writes. Nothing to change means no patch, and so no request. */
import { Equal } from "effect"
import type { Json, JsonObject } from "./json.ts"
import type { NodeWrite } from "./Nodes.ts"
import type { Ingress, Node, NodeAddress, Service, Taint } from "./objects.ts"
import type { ServiceWrite } from "./Services.ts"

const ingressJson = ({ ip, hostname, ipMode, ports }: Ingress): JsonObject => ({
  ...(ip === undefined ? {} : { ip }),
  ...(hostname === undefined ? {} : { hostname }),
  ...(ipMode === undefined ? {} : { ipMode }),
  ...(ports === undefined || ports.length === 0
    ? {}
    : {
        ports: ports.map(({ port, protocol, error }) => ({ port, protocol, ...(error === undefined ? {} : { error }) }))
      })
})

/** Entries that differ from what the object has. */
const differing = (
  current: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string | null>> | undefined
): Readonly<Record<string, string | null>> =>
  Object.fromEntries(Object.entries(wanted ?? {}).filter(([key, value]) => (current[key] ?? null) !== value))

const isEmpty = (record: object) => Object.keys(record).length === 0

/** For `services/status`; it takes metadata and status, never spec. */
export const servicePatch = (service: Service, write: ServiceWrite): JsonObject | undefined => {
  switch (write._tag) {
    case "AddFinalizer": {
      if (service.finalizers.includes(write.finalizer)) return undefined
      const order = [...service.finalizers, write.finalizer]
      const finalizers = [write.finalizer]
      return {
        metadata: order.length === 1 ? { finalizers } : { "$setElementOrder/finalizers": order, finalizers }
      }
    }
    case "RemoveFinalizer": {
      if (!service.finalizers.includes(write.finalizer)) return undefined
      const order = service.finalizers.filter((finalizer) => finalizer !== write.finalizer)
      // Never `finalizers: null`, which would wipe one that somebody adds at this moment.
      const gone = { "$deleteFromPrimitiveList/finalizers": [write.finalizer] }
      return { metadata: order.length === 0 ? gone : { ...gone, "$setElementOrder/finalizers": order } }
    }
    case "SetIngress": {
      const wanted = write.ingress.map(ingressJson)
      if (Equal.equals(wanted, service.ingress.map(ingressJson))) return undefined
      return { status: { loadBalancer: { ingress: wanted.length === 0 ? null : wanted } } }
    }
    case "Annotate": {
      const annotations = differing(service.annotations, write.annotations)
      return isEmpty(annotations) ? undefined : { metadata: { annotations } }
    }
  }
}

const taintJson = ({ key, value, effect, timeAdded }: Taint): JsonObject => ({
  key,
  ...(value === undefined ? {} : { value }),
  effect,
  ...(timeAdded === undefined ? {} : { timeAdded })
})

const addressJson = ({ type, address }: NodeAddress): JsonObject => ({ type, address })

type NodeChange = Extract<NodeWrite, { _tag: "Change" }>

const nodeChange = (node: Node, write: NodeChange): JsonObject | undefined => {
  const labels = differing(node.labels, write.labels)
  const annotations = differing(node.annotations, write.annotations)
  const taints = write.taints?.map(taintJson)
  const retaint = taints !== undefined && !Equal.equals(taints, node.taints.map(taintJson))
  const metadata: JsonObject = {
    // Taints are replaced as a whole: a taint that appeared since we read must be a conflict, not a loss.
    ...(retaint ? { resourceVersion: node.resourceVersion } : {}),
    ...(isEmpty(labels) ? {} : { labels }),
    ...(isEmpty(annotations) ? {} : { annotations })
  }
  const spec: JsonObject = {
    ...(write.providerID === undefined || write.providerID === node.providerID ? {} : { providerID: write.providerID }),
    ...(retaint ? { taints: taints.length === 0 ? null : taints } : {})
  }
  if (isEmpty(metadata) && isEmpty(spec)) return undefined
  return { ...(isEmpty(metadata) ? {} : { metadata }), ...(isEmpty(spec) ? {} : { spec }) }
}

/** `Change` is for `nodes`, `SetAddresses` for `nodes/status`. */
export const nodePatch = (node: Node, write: NodeWrite): JsonObject | undefined => {
  if (write._tag === "Change") return nodeChange(node, write)
  const wanted = write.addresses.map(addressJson)
  if (Equal.equals(wanted, node.addresses.map(addressJson))) return undefined
  // The list merges by type, which can neither hold two of a type nor keep an order: replace it.
  const addresses: ReadonlyArray<Json> = node.addresses.length === 0 ? wanted : [...wanted, { $patch: "replace" }]
  return { status: { addresses } }
}
