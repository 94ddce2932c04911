/** The network of a Service's load balancer, found in CloudStack, or why it cannot be. */
import { Effect, Option } from "effect"
import { Networks } from "../../cloudstack/Networks.ts"
import { fieldOf, rows, type Setting } from "../../domain/Annotations.ts"
import type { Network } from "../../domain/Cloud.ts"
import type { Note, Refusal } from "../../domain/Refusal.ts"
import { chooseNetwork, type NetworkInput, networkOfAddress } from "./network.ts"

export type FoundNetwork =
  | { readonly _tag: "Found"; readonly network: Network; readonly notes: ReadonlyArray<Note> }
  | { readonly _tag: "Refused"; readonly refusal: Refusal }

const unknown = (field: string, cause: string, remedy: string): FoundNetwork => ({
  _tag: "Refused",
  refusal: { reason: "NetworkUnknown", field, cause, remedy }
})

const annotation = fieldOf(rows.network)

const refuseName = (name: string, found: ReadonlyArray<Network>): FoundNetwork =>
  found.length === 0
    ? unknown(annotation, `no network "${name}" is visible with this key and project`, "Name one that is, or its id")
    : unknown(annotation, `${found.length} networks are called "${name}"`, "Name the id of the one that is meant")

const elsewhereNote = (name: string, network: Network): Note => ({
  type: "Warning",
  reason: "NetworkFixed",
  message: `The load balancer is in network ${network.name}, where its address is, not in "${name}" as ${annotation} says. Make the Service anew, or name an address of that network, to move it`
})

/** An address that is there always wins; then the annotation, the cloud-config, and where most nodes are. */
export const findNetwork = Effect.fn("service.findNetwork")(function* (
  input: NetworkInput,
  annotated: Setting<string>
) {
  const networks = yield* Networks
  const ofAddress = networkOfAddress(input)
  const named = annotated._tag === "Given" ? yield* networks.named(annotated.value) : []
  if (annotated._tag === "Given" && ofAddress === undefined && named.length !== 1) {
    return refuseName(annotated.value, named)
  }
  const id = chooseNetwork({ ...input, configured: named[0]?.id ?? input.configured })
  if (id === undefined) {
    return unknown(
      "network",
      "no candidate node can be told to be a VM with a network, and network-id is not set",
      "Set network-id in the cloud-config, or see to it that the nodes' VMs are visible with this key"
    )
  }
  const network = Option.getOrUndefined(yield* networks.find(id))
  if (network === undefined) {
    return unknown(
      id === input.configured ? "network-id of the cloud-config" : "network",
      `network ${id} is not visible with this key and project`,
      "Set network-id in the cloud-config, or see to it that the network is visible with this key"
    )
  }
  const moved = annotated._tag === "Given" && !named.some((one) => one.id === network.id)
  const notes = moved ? [elsewhereNote(annotated.value, network)] : []
  return { _tag: "Found", network, notes } satisfies FoundNetwork
})
