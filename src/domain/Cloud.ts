/** CloudStack's objects as the controllers reason about them: narrow, decoded, without wire quirks. */
import { Schema } from "effect"

export const VmId = Schema.NonEmptyString.pipe(Schema.brand("VmId"))
export type VmId = typeof VmId.Type
export const AddressId = Schema.NonEmptyString.pipe(Schema.brand("AddressId"))
export type AddressId = typeof AddressId.Type
export const RuleId = Schema.NonEmptyString.pipe(Schema.brand("RuleId"))
export type RuleId = typeof RuleId.Type
export const FirewallRuleId = Schema.NonEmptyString.pipe(Schema.brand("FirewallRuleId"))
export type FirewallRuleId = typeof FirewallRuleId.Type
export const AclItemId = Schema.NonEmptyString.pipe(Schema.brand("AclItemId"))
export type AclItemId = typeof AclItemId.Type
export const AclListId = Schema.NonEmptyString.pipe(Schema.brand("AclListId"))
export type AclListId = typeof AclListId.Type
export const ForwardId = Schema.NonEmptyString.pipe(Schema.brand("ForwardId"))
export type ForwardId = typeof ForwardId.Type
export const PolicyId = Schema.NonEmptyString.pipe(Schema.brand("PolicyId"))
export type PolicyId = typeof PolicyId.Type
export const NetworkId = Schema.NonEmptyString.pipe(Schema.brand("NetworkId"))
export type NetworkId = typeof NetworkId.Type

export interface Tag {
  readonly key: string
  readonly value: string
}

export interface Nic {
  readonly networkId: NetworkId
  readonly networkName: string
  readonly isDefault: boolean
  /** Absent on L2 networks. */
  readonly ipv4?: string
  readonly ipv6?: string
  readonly secondary: ReadonlyArray<string>
  /** Address of static NAT onto this NIC. */
  readonly publicIp?: string
}

/** A virtual machine. `owner` is the account, or `project:<id>`. */
export interface Machine {
  readonly id: VmId
  /** Host name: what the guest, and so the Node, is called. */
  readonly name: string
  readonly state: string
  readonly zone: string
  /** The config names another zone: such a VM is known by its id, and never by its name. */
  readonly elsewhere?: true
  readonly owner: string
  /** Only where the list was asked for offerings. */
  readonly instanceType?: string
  readonly nics: ReadonlyArray<Nic>
}

/** A public address in the caller's possession. */
export interface PublicAddress {
  readonly id: AddressId
  readonly ip: string
  readonly state: string
  /** Guest network it is associated with; in a VPC absent until a rule ties it to a tier. */
  readonly networkId?: NetworkId
  readonly vpcId?: string
  readonly isSourceNat: boolean
  readonly isStaticNat: boolean
  readonly isSystem: boolean
  /** Any rule: load balancer, firewall or port forwarding. Absent = the server does not say. */
  readonly hasRules?: boolean
  readonly owner: string
  readonly tags: ReadonlyArray<Tag>
  /** Milliseconds since the epoch, to the second. */
  readonly allocatedAt?: number
}

/** CloudStack's load balancer protocols; a rule made without one counts as tcp. */
export type RuleProtocol = "tcp" | "udp" | "tcp-proxy" | "ssl"

/** A load balancer rule as CloudStack holds it. */
export interface LoadBalancerRule {
  readonly id: RuleId
  readonly name: string
  readonly description: string
  readonly addressId: AddressId
  readonly networkId?: NetworkId
  readonly publicPort: number
  readonly privatePort: number
  readonly algorithm: string
  /** As sent by whoever made it; empty if none was. */
  readonly protocol: string
  /** Canonical, sorted; empty = no restriction. */
  readonly cidrs: ReadonlyArray<string>
  readonly state: string
  readonly tags: ReadonlyArray<Tag>
}

/** A stickiness policy of a load balancer rule. */
export interface StickinessPolicy {
  readonly id: PolicyId
  readonly method: string
  readonly params: Readonly<Record<string, string>>
}

/** A firewall rule (ingress) of one address. Without ports it admits all of its protocol. */
export interface FirewallRule {
  readonly id: FirewallRuleId
  readonly addressId: AddressId
  readonly protocol: string
  readonly startPort?: number
  readonly endPort?: number
  readonly cidrs: ReadonlyArray<string>
  readonly state: string
  readonly tags: ReadonlyArray<Tag>
}

/** One line of a network ACL list; lists are evaluated in ascending order of `number`. Without ports it is about all. */
export interface AclItem {
  readonly id: AclItemId
  readonly listId: AclListId
  readonly number: number
  /** As sent by whoever made it: `tcp`, `udp`, `icmp`, `all` or a number. */
  readonly protocol: string
  readonly startPort?: number
  readonly endPort?: number
  readonly cidrs: ReadonlyArray<string>
  readonly direction: "ingress" | "egress"
  readonly action: "allow" | "deny"
  readonly reason: string
  readonly state: string
}

/** A list of ACL items. One without a VPC is the server's (`default_allow`, `default_deny`) or shared by all VPCs. */
export interface AclList {
  readonly id: AclListId
  readonly name: string
  readonly vpcId?: string
}

/** A port forwarding rule: a public port, or a range of them, of an address to one machine. */
export interface Forward {
  readonly id: ForwardId
  readonly addressId: AddressId
  readonly protocol: string
  readonly publicPort: number
  readonly publicEndPort: number
  readonly privatePort: number
  readonly networkId?: NetworkId
  /** Absent if the machine is gone. */
  readonly vmId?: VmId
  readonly state: string
  readonly tags: ReadonlyArray<Tag>
}

/** What a guest network offers. Keys are CloudStack's service names (`Lb`, `Firewall`, …). */
export interface Network {
  readonly id: NetworkId
  readonly name: string
  readonly type: string
  readonly state: string
  readonly zoneId: string
  readonly vpcId?: string
  /** Of a VPC tier: the list that decides what else than load balancer traffic comes in. */
  readonly aclId?: AclListId
  readonly aclName: string
  /** In ROUTED mode (since 4.20): no address translation, no load balancing. */
  readonly isRouted: boolean
  readonly owner: string
  readonly services: ReadonlyMap<
    string,
    { readonly providers: ReadonlyArray<string>; readonly capabilities: ReadonlyMap<string, string> }
  >
}

/** All that CloudStack holds on one public address that matters to a load balancer. */
export interface Holding {
  readonly address: PublicAddress
  readonly rules: ReadonlyArray<
    LoadBalancerRule & {
      readonly members: ReadonlyArray<VmId>
      /** Absent = not asked for: nothing says that there are any. */
      readonly policies?: ReadonlyArray<StickinessPolicy>
    }
  >
  readonly firewall: ReadonlyArray<FirewallRule>
  /** Absent = unknown: the role may not list them. */
  readonly forwards?: ReadonlyArray<Forward>
}
