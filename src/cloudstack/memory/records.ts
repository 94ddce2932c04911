/** The rows of the in-memory CloudStack: immutable records, one type per table. */

/** What every row has: the public UUID and the internal number that some of the server's texts print. */
export interface Row {
  readonly id: string
  readonly n: number
}

export type Role = "User" | "Admin" | "DomainAdmin" | "ReadOnlyUser"

export interface Account extends Row {
  readonly ref: string
  readonly name: string
  readonly role: Role
  /** The only commands this account may call, if the world says so. */
  readonly allow: ReadonlySet<string> | undefined
  readonly apiKey: string
  readonly secretKey: string
  readonly userId: string
  readonly addressLimit: number
  /** An owner with a stated limit is never short of free addresses. */
  readonly endlessPool: boolean
}

export interface Project extends Row {
  readonly name: string
  readonly owner: string
  readonly members: ReadonlyArray<string>
  readonly addressLimit: number
  readonly endlessPool: boolean
}

export interface Zone extends Row {
  readonly name: string
}

export interface Vpc extends Row {
  readonly name: string
  readonly owner: string
  readonly zone: string
  readonly cidr: string
  readonly created: number
}

export interface AclList extends Row {
  readonly name: string
  readonly description: string | undefined
  /** Absent for lists that serve all VPCs. */
  readonly vpc: string | undefined
  /** `default_allow` and `default_deny`. */
  readonly builtIn: boolean
}

export interface AclItem extends Row {
  readonly list: string
  readonly number: number
  readonly protocol: string
  readonly startPort: number | undefined
  readonly endPort: number | undefined
  readonly cidrs: string
  readonly trafficType: "Ingress" | "Egress"
  readonly action: "Allow" | "Deny"
  readonly reason: string | undefined
  readonly icmpType: number | undefined
  readonly icmpCode: number | undefined
  readonly state: RuleState
}

export type NetworkKind = "isolated" | "vpc-tier" | "shared" | "l2"

export interface Network extends Row {
  readonly name: string
  readonly kind: NetworkKind
  /** Absent for shared networks: they belong to the domain. */
  readonly owner: string | undefined
  readonly zone: string
  readonly services: ReadonlyArray<string>
  readonly vpc: string | undefined
  readonly acl: string | undefined
  readonly gateway: string | undefined
  readonly netmask: string | undefined
  readonly state: "Allocated" | "Implemented" | "Setup"
  readonly conserveMode: boolean
  readonly created: number
  /** Balances load instead of the virtual router. */
  readonly lbProvider: string | undefined
}

export interface NetworkOffering extends Row {
  readonly name: string
  readonly guestType: "Isolated" | "Shared" | "L2"
  readonly forVpc: boolean
  readonly conserveMode: boolean
  readonly services: ReadonlyArray<string>
}

export interface SecondaryIp extends Row {
  readonly ip: string
}

export interface Nic extends Row {
  readonly network: string
  /** Absent on L2 networks. */
  readonly ip: string | undefined
  readonly isDefault: boolean
  readonly mac: string
  readonly secondary: ReadonlyArray<SecondaryIp>
}

export type VmState = "Running" | "Stopped" | "Starting" | "Stopping" | "Destroyed" | "Expunging"

export interface Vm extends Row {
  readonly name: string
  readonly displayName: string
  readonly owner: string
  readonly zone: string
  readonly state: VmState
  readonly nics: ReadonlyArray<Nic>
  /** Expunged: the row stays, so that its UUID is known for ever. */
  readonly removed: boolean
  readonly created: number
}

export type AddressState = "Free" | "Allocating" | "Allocated" | "Releasing"

/** A public address: a permanent row that changes hands. */
export interface Address extends Row {
  readonly ip: string
  readonly zone: string
  /** The account or project whose range it belongs to: nobody else can get it. */
  readonly pool: string
  readonly owner: string | undefined
  readonly state: AddressState
  readonly network: string | undefined
  readonly vpc: string | undefined
  readonly sourceNat: boolean
  readonly staticNat: { readonly vm: string; readonly ip: string } | undefined
  readonly allocated: number | undefined
}

export type RuleState = "Add" | "Active" | "Deleting"

export interface Member {
  readonly vm: string
  readonly ip: string
}

export interface LoadBalancerRule extends Row {
  readonly name: string
  readonly description: string | undefined
  readonly address: string
  readonly network: string
  readonly owner: string
  readonly publicPort: number
  readonly privatePort: number
  readonly algorithm: string
  readonly protocol: string | undefined
  /** Joined by blanks after create, by commas after update: as stored, as returned. */
  readonly cidrs: string | undefined
  readonly state: RuleState
  readonly members: ReadonlyArray<Member>
  /** The firewall rule that `openfirewall` made: it goes with the rule. */
  readonly opened: string | undefined
}

export interface FirewallRule extends Row {
  readonly address: string
  readonly network: string
  readonly owner: string
  readonly protocol: string
  readonly startPort: number | undefined
  readonly endPort: number | undefined
  readonly cidrs: ReadonlyArray<string>
  readonly icmpType: number | undefined
  readonly icmpCode: number | undefined
  readonly state: RuleState
}

export interface ForwardingRule extends Row {
  readonly address: string
  readonly network: string
  readonly owner: string
  readonly protocol: string
  readonly publicPort: number
  readonly publicEndPort: number
  readonly privatePort: number
  readonly privateEndPort: number
  readonly cidrs: ReadonlyArray<string>
  readonly vm: string
  readonly vmIp: string
  readonly state: RuleState
  readonly opened: string | undefined
}

export interface StickinessPolicy extends Row {
  readonly rule: string
  readonly name: string
  readonly description: string | undefined
  readonly method: string
  readonly params: Readonly<Record<string, string>>
}

export interface Tag {
  readonly n: number
  readonly key: string
  readonly value: string
  readonly type: string
  readonly resource: string
  readonly owner: string
}

/** The tables a UUID parameter can point into. */
export type Kind =
  | "zone"
  | "account"
  | "user"
  | "domain"
  | "project"
  | "vpc"
  | "aclList"
  | "aclItem"
  | "network"
  | "vm"
  | "nic"
  | "secondaryIp"
  | "address"
  | "rule"
  | "firewall"
  | "forwarding"
  | "policy"
  | "job"
  | "offering"
  | "networkOffering"

export interface Job extends Row {
  readonly command: string
  readonly account: string
  readonly user: string
  readonly instanceType: string | undefined
  /** The row the job is about; a hard-deleted one is no longer shown. */
  readonly instance: { readonly kind: Kind; readonly id: string } | undefined
  readonly strayInstance: string | undefined
  readonly status: 0 | 1 | 2
  readonly code: number
  readonly result: Readonly<Record<string, unknown>> | undefined
  readonly created: number
  readonly completed: number | undefined
}
