/** The whole state of the in-memory CloudStack as one immutable value, and the few ways to read and change it. */
import { HashMap, Option } from "effect"
import type {
  Account,
  AclItem,
  AclList,
  Address,
  FirewallRule,
  ForwardingRule,
  Job,
  Kind,
  LoadBalancerRule,
  Network,
  NetworkOffering,
  Nic,
  Project,
  Row,
  SecondaryIp,
  StickinessPolicy,
  Tag,
  Vm,
  Vpc,
  Zone
} from "./records.ts"

export type Table<A> = ReadonlyMap<string, A>

/** Calls counted for one account since its window began. */
export interface Window {
  readonly since: number
  readonly calls: number
}

export interface State {
  /** UUIDs are made of the seed and a counter, so that a run can be repeated. */
  readonly seed: number
  readonly counter: number
  readonly pageSize: number
  readonly throttling: { readonly interval: number; readonly max: number } | undefined
  readonly jobMillis: number
  readonly domains: { readonly root: Row; readonly main: Row }
  readonly offering: Row
  readonly managementServer: Row
  /** Where public addresses come from: it is what their `networkid` names. */
  readonly publicNetwork: Row
  readonly networkOfferings: Table<NetworkOffering>
  readonly zones: Table<Zone>
  readonly accounts: Table<Account>
  readonly projects: Table<Project>
  readonly vpcs: Table<Vpc>
  readonly aclLists: Table<AclList>
  readonly aclItems: Table<AclItem>
  readonly networks: Table<Network>
  readonly vms: Table<Vm>
  readonly addresses: Table<Address>
  readonly rules: Table<LoadBalancerRule>
  readonly firewall: Table<FirewallRule>
  readonly forwarding: Table<ForwardingRule>
  readonly policies: Table<StickinessPolicy>
  /** By the UUID of the tagged resource. */
  readonly tags: Table<ReadonlyArray<Tag>>
  /** All jobs of the last day; by far the largest table, so it is one that changes cheaply. */
  readonly jobs: HashMap.HashMap<string, Job>
  readonly pending: Table<Job>
  /** When expired jobs were last thrown away. */
  readonly swept: number
  readonly windows: Table<Window>
  /** Router pushes by network. */
  readonly pushes: Table<number>
}

export const put = <A extends Row>(table: Table<A>, row: A): Table<A> => new Map(table).set(row.id, row)

export const drop = <A>(table: Table<A>, ...ids: ReadonlyArray<string>): Table<A> => {
  const left = new Map(table)
  for (const id of ids) left.delete(id)
  return left
}

/** Finds the rows with one value in a column; remembered per version of the table. */
const indexed = <A>(column: (row: A) => string | undefined) => {
  const known = new WeakMap<Table<A>, Map<string, Array<A>>>()
  return (table: Table<A>, value: string): ReadonlyArray<A> => {
    let index = known.get(table)
    if (index === undefined) {
      index = new Map()
      for (const row of table.values()) {
        const key = column(row)
        if (key === undefined) continue
        const rows = index.get(key)
        if (rows === undefined) index.set(key, [row])
        else rows.push(row)
      }
      known.set(table, index)
    }
    return index.get(value) ?? []
  }
}

export const rulesOfAddress = indexed((row: LoadBalancerRule) => row.address)
export const firewallOfAddress = indexed((row: FirewallRule) => row.address)
export const forwardingOfAddress = indexed((row: ForwardingRule) => row.address)
export const natAddressesOfVm = indexed((row: Address) => row.staticNat?.vm)
export const policiesOfRule = indexed((row: StickinessPolicy) => row.rule)
export const itemsOfList = indexed((row: AclItem) => row.list)
const pendingByInstance = indexed((job: Job) => job.instance?.id)

export const jobOf = (state: State, id: string): Job | undefined => Option.getOrUndefined(HashMap.get(state.jobs, id))

export const pendingJob = (state: State, instance: string): Job | undefined =>
  pendingByInstance(state.pending, instance)[0]

export const nicOf = (state: State, id: string): { readonly vm: Vm; readonly nic: Nic } | undefined => {
  for (const vm of state.vms.values()) {
    const nic = vm.nics.find((candidate) => candidate.id === id)
    if (nic !== undefined) return { vm, nic }
  }
  return undefined
}

export const secondaryOf = (
  state: State,
  id: string
): { readonly vm: Vm; readonly nic: Nic; readonly secondary: SecondaryIp } | undefined => {
  for (const vm of state.vms.values()) {
    for (const nic of vm.nics) {
      const secondary = nic.secondary.find((candidate) => candidate.id === id)
      if (secondary !== undefined) return { vm, nic, secondary }
    }
  }
  return undefined
}

/** The row a UUID names, soft-deleted ones included, as the server's own look-up does it. */
export const rowOf = (state: State, kind: Kind, id: string): Row | undefined => {
  switch (kind) {
    case "zone":
      return state.zones.get(id)
    case "account":
      return state.accounts.get(id)
    case "user":
      return [...state.accounts.values()].find((account) => account.userId === id)
    case "domain":
      return Object.values(state.domains).find((domain) => domain.id === id)
    case "project":
      return state.projects.get(id)
    case "vpc":
      return state.vpcs.get(id)
    case "aclList":
      return state.aclLists.get(id)
    case "aclItem":
      return state.aclItems.get(id)
    case "network":
      return state.networks.get(id)
    case "vm":
      return state.vms.get(id)
    case "nic":
      return nicOf(state, id)?.nic
    case "secondaryIp":
      return secondaryOf(state, id)?.secondary
    case "address":
      return state.addresses.get(id)
    case "rule":
      return state.rules.get(id)
    case "firewall":
      return state.firewall.get(id)
    case "forwarding":
      return state.forwarding.get(id)
    case "policy":
      return state.policies.get(id)
    case "job":
      return jobOf(state, id)
    case "offering":
      return state.offering.id === id ? state.offering : undefined
    case "networkOffering":
      return state.networkOfferings.get(id)
  }
}

/** All rows of a kind that can be named by their internal number. */
export const rowByNumber = (state: State, kind: Kind, n: number): Row | undefined => {
  const tables: Partial<Record<Kind, Table<Row>>> = {
    zone: state.zones,
    project: state.projects,
    vpc: state.vpcs,
    aclList: state.aclLists,
    aclItem: state.aclItems,
    network: state.networks,
    vm: state.vms,
    address: state.addresses,
    rule: state.rules,
    firewall: state.firewall,
    forwarding: state.forwarding,
    policy: state.policies
  }
  for (const row of tables[kind]?.values() ?? []) if (row.n === n) return row
  return undefined
}

/** A new UUID and internal number. */
export const mint = (state: State): readonly [State, Row] => {
  const n = state.counter + 1
  return [
    { ...state, counter: n },
    { id: uuidOf(state.seed, n), n }
  ]
}

/** A version 4 UUID from two numbers: unique per counter, different for every seed. */
export const uuidOf = (seed: number, counter: number): string => {
  const words = [0, 1, 2, 3].map((word) => scramble(seed, counter, word).toString(16).padStart(8, "0"))
  const hex = words.join("")
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
}

const scramble = (seed: number, counter: number, word: number): number => {
  let x =
    (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) + Math.imul(counter, 0xc2b2ae35) + Math.imul(word, 0x27d4eb2f)) >>> 0
  for (const factor of [0x7feb352d, 0x846ca68b, 0x9e3779b1]) {
    x ^= x >>> 16
    x = Math.imul(x, factor) >>> 0
    x ^= x >>> 15
  }
  return (x ^ Math.imul(seed + word, 0x2c1b3c6d)) >>> 0
}
