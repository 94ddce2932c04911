/** The simulated CloudStack as its root administrator sees it over HTTP, and the log of what others asked of it. */
import { assert } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { CloudError, callerAt, decoded, Envelope, fetched, type Keys } from "./cloudClient.ts"
import { eventually } from "./eventually.ts"

/** What stands on one public address, by names instead of ids: made to be compared. */
export interface Balanced {
  readonly ip: string
  readonly rules: ReadonlyArray<Rule>
  /** `tcp 80-80 0.0.0.0/0`, sorted. */
  readonly firewall: ReadonlyArray<string>
}

export interface Rule {
  readonly id: string
  readonly name: string
  readonly protocol: string
  readonly algorithm: string
  readonly publicPort: number
  readonly privatePort: number
  /** Names of VMs, sorted. */
  readonly members: ReadonlyArray<string>
}

const Port = Schema.Union([Schema.Int, Schema.FiniteFromString])
const Addresses = Schema.Struct({
  id: Schema.String,
  ipaddress: Schema.String,
  issourcenat: Schema.Boolean,
  state: Schema.String
})
const Job = Schema.Struct({ associateipaddressresponse: Schema.Struct({ id: Schema.String }) })
const Rules = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  protocol: Schema.String,
  algorithm: Schema.String,
  publicport: Port,
  privateport: Port
})
const Machines = Schema.Struct({ id: Schema.String, name: Schema.String })
const Firewall = Schema.Struct({ protocol: Schema.String, startport: Port, endport: Port, cidrlist: Schema.String })
const Tags = Schema.Struct({ key: Schema.String, value: Schema.String, resourcetype: Schema.String })

const LogEntry = Schema.Struct({ account: Schema.String, command: Schema.String, status: Schema.Int })
export type Call = typeof LogEntry.Type

export interface CloudStack {
  /** Every public address but those of source NAT, ordered by address. */
  readonly balanced: Effect.Effect<ReadonlyArray<Balanced>, CloudError>
  readonly tags: Effect.Effect<ReadonlyArray<typeof Tags.Type>, CloudError>
  /** As the cluster's owner: a new address of the network of this name, and giving it back. */
  readonly acquire: (network: string) => Effect.Effect<string, unknown>
  readonly release: (ip: string) => Effect.Effect<void, unknown>
  readonly idOf: (machine: string) => Effect.Effect<string, CloudError>
  /** As root, a command about the VM of this name: `stopVirtualMachine` and the like. */
  readonly operate: (
    command: string,
    machine: string,
    parameters?: Record<string, string>
  ) => Effect.Effect<void, CloudError>
  /** What was asked by others than this client, oldest first. */
  readonly calls: Effect.Effect<ReadonlyArray<Call>, CloudError>
}

/** `origin` as `http://127.0.0.1:8080`; `admin` has the role Admin, `owner` owns the cluster. */
export const makeCloudStack = (origin: string, { admin, owner }: { admin: Keys; owner: Keys }): CloudStack => {
  const call = callerAt(origin)
  const list = Effect.fnUntraced(function* <A>(
    command: string,
    parameters: Record<string, string>,
    kind: string,
    item: Schema.Codec<A, unknown>
  ) {
    const answer = yield* decoded(Envelope, yield* call(admin, command, { listall: "true", ...parameters }))
    const items = Object.values(answer)[0]?.[kind] ?? []
    return yield* decoded(Schema.Array(item), items)
  })
  const rulesOf = Effect.fnUntraced(function* (publicipid: string) {
    const rules = yield* list("listLoadBalancerRules", { publicipid }, "loadbalancerrule", Rules)
    return yield* Effect.forEach(
      rules.toSorted((a, b) => a.publicport - b.publicport),
      (rule) =>
        Effect.map(
          list("listLoadBalancerRuleInstances", { id: rule.id }, "loadbalancerruleinstance", Machines),
          (members): Rule => ({
            id: rule.id,
            name: rule.name,
            protocol: rule.protocol,
            algorithm: rule.algorithm,
            publicPort: rule.publicport,
            privatePort: rule.privateport,
            members: members.map(({ name }) => name).toSorted()
          })
        )
    )
  })
  const firewallOf = (ipaddressid: string) =>
    Effect.map(list("listFirewallRules", { ipaddressid }, "firewallrule", Firewall), (rules) =>
      rules
        .map((of) => `${of.protocol} ${of.startport}-${of.endport} ${of.cidrlist.split(",").toSorted().join(",")}`)
        .toSorted()
    )
  const balanced = Effect.gen(function* () {
    const addresses = yield* list("listPublicIpAddresses", {}, "publicipaddress", Addresses)
    const own = addresses.filter((of) => !of.issourcenat).toSorted((a, b) => (a.ipaddress < b.ipaddress ? -1 : 1))
    return yield* Effect.forEach(own, ({ id, ipaddress }) =>
      Effect.map(Effect.all([rulesOf(id), firewallOf(id)]), ([rules, firewall]) => ({ ip: ipaddress, rules, firewall }))
    )
  })
  const addressOf = (wanted: { readonly ip: string } | { readonly id: string }) =>
    Effect.flatMap(list("listPublicIpAddresses", {}, "publicipaddress", Addresses), (all) => {
      const found = all.find((of) => ("ip" in wanted ? of.ipaddress === wanted.ip : of.id === wanted.id))
      return found?.state === "Allocated"
        ? Effect.succeed(found)
        : new CloudError({ message: "no such address, or not yet" })
    })
  const acquire = Effect.fnUntraced(function* (network: string) {
    const networks = yield* list("listNetworks", {}, "network", Machines)
    const networkid = networks.find(({ name }) => name === network)?.id ?? ""
    const { associateipaddressresponse: job } = yield* decoded(
      Job,
      yield* call(owner, "associateIpAddress", { networkid })
    )
    return (yield* eventually(addressOf(job), () => {})).ipaddress
  })
  const release = Effect.fnUntraced(function* (ip: string) {
    const { id } = yield* addressOf({ ip })
    yield* call(owner, "disassociateIpAddress", { id })
    yield* eventually(Effect.exit(addressOf({ ip })), ({ _tag }) => assert.strictEqual(_tag, "Failure"))
  })
  const idOf = Effect.fnUntraced(function* (machine: string) {
    const machines = yield* list("listVirtualMachines", {}, "virtualmachine", Machines)
    const id = machines.find(({ name }) => name === machine)?.id
    return id ?? (yield* new CloudError({ message: `no VM ${machine}` }))
  })
  const operate = Effect.fnUntraced(function* (command: string, machine: string, parameters = {}) {
    yield* call(admin, command, { ...parameters, id: yield* idOf(machine) })
  })
  return {
    balanced,
    idOf,
    operate,
    tags: list("listTags", {}, "tag", Tags),
    acquire,
    release,
    calls: Effect.map(
      Effect.flatMap(fetched(`${origin}/log`), (log) => decoded(Schema.Array(LogEntry), log)),
      (log) => log.filter(({ account }) => account !== "root" && account !== "admin")
    )
  }
}

/** Lists and questions about jobs, as opposed to what changes CloudStack. */
export const isRead = (command: string): boolean => /^(list|query|get)/i.test(command)

export const mutationsIn = (calls: ReadonlyArray<Call>) =>
  calls.map(({ command }) => command).filter((command) => !isRead(command))
