/** `spec.providerID` of a Node: every form in use for CloudStack, and who else may have written it. */
import { Data } from "effect"
import { VmId } from "./Cloud.ts"

/**
 * `Legacy` is the literal `external-cloudstack` that version 1.1 of the Apache provider wrote; providerID being
 * immutable, such Nodes are found by name for ever. `Foreign` is everything that names no CloudStack VM, including our
 * own schemes without a usable id.
 */
export type ProviderId = Data.TaggedEnum<{
  None: object
  Legacy: object
  Vm: { readonly id: VmId; readonly region?: string }
  Foreign: { readonly value: string }
}>
export const ProviderId = Data.taggedEnum<ProviderId>()

export type ProviderIdFormat = "external-cloudstack" | "cloudstack"

const legacy = "external-cloudstack"
const ours = /^(?:external-cloudstack|cloudstack):\/\/(?:([^/\s]*)\/)?([^/\s]+)$/

export const parseProviderId = (text: string): ProviderId => {
  if (text === "") return ProviderId.None()
  if (text === legacy) return ProviderId.Legacy()
  const match = ours.exec(text)
  const id = match?.[2]
  if (id === undefined) return ProviderId.Foreign({ value: text })
  const region = match?.[1]
  return ProviderId.Vm({ id: VmId.make(id), ...(region === undefined || region === "" ? {} : { region }) })
}

/** `external-cloudstack://<id>` as Apache's provider has it since 1.2, `cloudstack:///<id>` as Cluster API and Leaseweb. */
export const formatProviderId = (format: ProviderIdFormat, id: VmId): string =>
  format === "cloudstack" ? `cloudstack:///${id}` : `external-cloudstack://${id}`
