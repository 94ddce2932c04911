/** What a Service asks of CloudStack, once its spec, annotations, nodes and network have been read. Values only. */
import type { RuleSources } from "../../cloudstack/Capabilities.ts"
import type { VmId } from "../../domain/Cloud.ts"
import type { Note, Refusal } from "../../domain/Refusal.ts"
import type { Stickiness } from "../../domain/Stickiness.ts"

/**
 * A setting, or undefined = keep what CloudStack shows: the demand for it could not be understood, and an existing load
 * balancer must not change by a typo.
 */
export type Kept<A> = A | undefined

export interface WantedPort {
  readonly port: number
  readonly nodePort: number
  /** A load balancer rule with many members, or a port forwarding rule to one node: then traffic is for `nodePort`. */
  readonly via: "rule" | "forward"
  readonly ipProtocol: "tcp" | "udp"
  readonly protocol: Kept<"tcp" | "udp" | "tcp-proxy">
  readonly algorithm: Kept<string>
  readonly stickiness: Kept<Stickiness | "none">
  /** Canonical IPv4 networks; never empty. */
  readonly sources: Kept<ReadonlyArray<string>>
}

/**
 * `Keep`: not one node could be told to be a VM, which proves nothing, so the members that exist stay. `Within`: how many
 * or which is not understood, so members that may serve stay, and others come only to a rule that would have none.
 */
export type WantedMembers =
  | { readonly _tag: "Exactly"; readonly vms: ReadonlyArray<VmId> }
  | { readonly _tag: "Within"; readonly vms: ReadonlyArray<VmId> }
  | { readonly _tag: "Keep" }

/** Which machines may have the Service's forwards. */
export interface ForwardTargets {
  /** A forward stays where it is if it is on one of these. */
  readonly fit: ReadonlyArray<VmId> | "any"
  /** Where a new one goes, and one that has to move; none = nowhere for now. */
  readonly pick: VmId | undefined
}

/** A port that cannot be served although others of the Service can: shown in the status, with its Event. */
export interface PortError {
  readonly port: number
  readonly protocol: "TCP" | "UDP"
  /** For `status.loadBalancer.ingress[].ports[].error`. */
  readonly error: string
  readonly refusal: Refusal
}

export type WantedAddress =
  | { readonly _tag: "Any" }
  | { readonly _tag: "Named"; readonly ip: string; readonly field: string }
  /** The annotation that names it is not understood. */
  | { readonly _tag: "Keep" }

/**
 * Where sources are enforced: by firewall rules of the network, or by the rule's own `cidrlist`. `acl`: by the rule too,
 * and the tier's ACL list says the same for whatever else looks at it.
 */
export type Border = "firewall" | "rule" | "acl"

export interface Wanted {
  readonly address: WantedAddress
  readonly ports: ReadonlyArray<WantedPort>
  readonly members: WantedMembers
  readonly targets: ForwardTargets
  /** Ports of the Service that are not among `ports`. */
  readonly portErrors: ReadonlyArray<PortError>
  /** The role may tag. */
  readonly mayTag: boolean
  /** The address shall outlive the Service; undefined = as CloudStack shows. */
  readonly keep: Kept<boolean>
  readonly border: Border
  /** Of all ports. */
  readonly sources: Kept<ReadonlyArray<string>>
  /** What the server makes of a rule's own list of sources. */
  readonly ruleSources: RuleSources
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
      /** What is revoked does not wait for what is refused. */
      readonly sources: Kept<ReadonlyArray<string>>
      readonly notes: ReadonlyArray<Note>
    }
