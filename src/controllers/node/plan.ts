/** What a Node should carry because of its VM, and what of it is missing. Pure. */
import { Result } from "effect"
import type { Machine } from "../../domain/Cloud.ts"
import { machineAddresses, type NodeAddress, preferProvided, sameAddresses } from "../../domain/NodeAddresses.ts"
import { isLive } from "../../domain/NodeIdentity.ts"
import { placementLabels, reconciledLabels } from "../../domain/NodeLabels.ts"
import { formatProviderId, type ProviderIdFormat, parseProviderId } from "../../domain/ProviderId.ts"
import { encodeSeenVm, seenAnnotation } from "../../domain/SeenVm.ts"
import type { NodeWrite } from "../../kubernetes/Nodes.ts"
import type { Node } from "../../kubernetes/objects.ts"

const uninitialised = "node.cloudprovider.kubernetes.io/uninitialized"
const providedIp = "alpha.kubernetes.io/provided-node-ip"

export const isUninitialised = (node: Node): boolean => node.taints.some(({ key }) => key === uninitialised)

/** Another cloud's Node is not touched at all, not even its labels. */
export const isForeign = (node: Node): boolean => parseProviderId(node.providerID)._tag === "Foreign"

const hasId = (node: Node) => parseProviderId(node.providerID)._tag === "Vm"

export const staleLabels = (node: Node): Readonly<Record<string, string>> => reconciledLabels(node.labels)

/** Whether a sync of this Node would do anything; the kubelet's status updates alone would not. */
export const needsSync = (node: Node): boolean =>
  !node.deleting && !isForeign(node) && (isUninitialised(node) || Object.keys(staleLabels(node)).length > 0)

export interface Naming {
  readonly format: ProviderIdFormat
  readonly region: string | undefined
}

/** One write: providerID if there is none, labels, the sight of the VM, and the taint's removal, all or nothing. */
export const initialisation = (node: Node, machine: Machine, naming: Naming): NodeWrite => {
  const fresh = node.providerID === ""
  return {
    _tag: "Change",
    ...(fresh ? { providerID: formatProviderId(naming.format, machine.id) } : {}),
    labels: placementLabels({
      zone: machine.zone,
      ...(machine.instanceType === undefined ? {} : { instanceType: machine.instanceType }),
      ...(naming.region === undefined ? {} : { region: naming.region })
    }),
    annotations: fresh || hasId(node) ? { [seenAnnotation]: encodeSeenVm(machine) } : {},
    taints: node.taints.filter(({ key }) => key !== uninitialised)
  }
}

/**
 * The addresses to publish, after the kubelet's own choice if it made one. None = leave what is there: CloudStack knows
 * no address of the VM. Fails if the kubelet was told an address that the VM does not have.
 */
export const wantedAddresses = (node: Node, machine: Machine): Result.Result<ReadonlyArray<NodeAddress>, string> => {
  const addresses = machineAddresses(node.name, machine)
  const provided = node.annotations[providedIp]
  return addresses.length === 0 || provided === undefined
    ? Result.succeed(addresses)
    : Result.mapError(
        preferProvided(provided, addresses),
        (problem) => `provided node ip for node ${JSON.stringify(node.name)} is not valid: ${problem}`
      )
}

export const addressWrite = (node: Node, addresses: ReadonlyArray<NodeAddress>): NodeWrite | undefined =>
  addresses.length === 0 || sameAddresses(addresses, node.addresses) ? undefined : { _tag: "SetAddresses", addresses }

/** The sight of the VM, where it is not yet recorded as it is now. What was found by name only is no sight. */
export const sightWrite = (node: Node, machine: Machine): NodeWrite | undefined => {
  const seen = encodeSeenVm(machine)
  if (node.annotations[seenAnnotation] === seen || !isLive(machine) || !hasId(node)) return undefined
  return { _tag: "Change", annotations: { [seenAnnotation]: seen } }
}
