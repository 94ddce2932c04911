/** What a Service asks of CloudStack, once its spec, annotations, nodes and network have been read. Values only. */
import type { VmId } from "../../domain/Cloud.ts"
import type { Note, Refusal } from "../../domain/Refusal.ts"

/**
 * A setting, or undefined = keep what CloudStack shows: the demand for it could not be understood, and an existing load
 * balancer must not change by a typo.
 */
export type Kept<A> = A | undefined

export interface WantedPort {
  readonly port: number
  readonly nodePort: number
  readonly ipProtocol: "tcp" | "udp"
  readonly protocol: Kept<"tcp" | "udp" | "tcp-proxy">
  readonly algorithm: Kept<string>
  /** Canonical IPv4 networks; never empty. */
  readonly sources: Kept<ReadonlyArray<string>>
}

/** `Keep`: not one node could be told to be a VM, which proves nothing, so the members that exist stay. */
export type WantedMembers = { readonly _tag: "Exactly"; readonly vms: ReadonlyArray<VmId> } | { readonly _tag: "Keep" }

export type WantedAddress =
  | { readonly _tag: "Any" }
  | { readonly _tag: "Named"; readonly ip: string; readonly field: string }
  /** The annotation that names it is not understood. */
  | { readonly _tag: "Keep" }

/** Where sources are enforced: by firewall rules of the network, or by the rule's own `cidrlist`. */
export type Border = "firewall" | "rule"

export interface Wanted {
  readonly address: WantedAddress
  readonly ports: ReadonlyArray<WantedPort>
  readonly members: WantedMembers
  readonly border: Border
  /** `Keep` = what the status shows. */
  readonly hostname:
    | { readonly _tag: "None" }
    | { readonly _tag: "Name"; readonly name: string }
    | { readonly _tag: "Keep" }
  /** Settings that a load balancer not yet made has to wait for. */
  readonly waitsFor: ReadonlyArray<Refusal>
}

export type Desired =
  | { readonly _tag: "Wanted"; readonly wanted: Wanted; readonly notes: ReadonlyArray<Note> }
  /** Nothing is created; what exists gets its members all the same. */
  | {
      readonly _tag: "Refused"
      readonly refusal: Refusal
      readonly members: WantedMembers
      readonly notes: ReadonlyArray<Note>
    }
