/** World files: the initial state of an in-memory CloudStack, decoded strictly and with every default filled in. */
import { Effect, Result, Schema, SchemaIssue } from "effect"
import { referenceProblems } from "./worldReferences.ts"

/** Everything that is wrong with a world file, one readable line each. */
export class WorldError extends Schema.TaggedError<WorldError>()("WorldError", {
  problems: Schema.Array(Schema.String)
}) {
  override get message() {
    return `the world file is not usable:\n${this.problems.map((problem) => `  ${problem}`).join("\n")}`
  }
}

const Ref = Schema.NonEmptyString
const Name = Schema.NonEmptyString
const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
/** Each address is made at the start, and the range that they come from has an end. */
const mostFree = 10_000
const FreeAddresses = Schema.Record(
  Schema.String,
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: mostFree }))
).check(
  Schema.makeFilter(
    (free) => Object.values(free).reduce((a, b) => a + b, 0) <= mostFree || `more than ${mostFree} addresses in all`
  )
)
const AtLeastOne = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
const addressPattern = /^((25[0-5]|2[0-4]\d|1?\d?\d)(\.|$)){4}$/
const Ipv4 = Schema.String.check(Schema.isPattern(addressPattern, { expected: "an IPv4 address" }))
const Cidr = Schema.String.check(
  Schema.isPattern(/^\d{1,3}(\.\d{1,3}){3}\/([12]?\d|3[0-2])$/, { expected: "a CIDR such as 10.40.0.0/16" })
)
const list = <S extends Schema.Constraint>(item: S) =>
  Schema.Array(item).pipe(Schema.withDecodingDefaultKey(Effect.succeed([])))
const optional = Schema.optionalKey
const Limits = optional(Schema.Struct({ publicIps: optional(Count) }))
const Tags = list(Schema.Struct({ key: Schema.NonEmptyString, value: Schema.String }))

const SettingsFile = Schema.Struct({
  defaultPageSize: AtLeastOne.pipe(Schema.withDecodingDefaultKey(Effect.succeed(500))),
  throttling: optional(Schema.Struct({ interval: AtLeastOne, max: AtLeastOne })),
  jobMillis: Count.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0)))
})

const AccountFile = Schema.Struct({
  ref: Ref,
  name: Name,
  role: Schema.Literals(["User", "Admin", "DomainAdmin", "ReadOnlyUser"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("User" as const))
  ),
  allow: optional(Schema.Array(Schema.NonEmptyString)),
  apikey: optional(Schema.NonEmptyString),
  secretkey: optional(Schema.NonEmptyString),
  limits: Limits
})

const Project = Schema.Struct({ ref: Ref, name: Name, owner: Ref, members: list(Ref), limits: Limits })
const VpcFile = Schema.Struct({ ref: Ref, name: Name, owner: Ref, zone: optional(Ref), cidr: Cidr })

const AclItem = Schema.Struct({
  number: optional(AtLeastOne),
  protocol: Schema.Union([Schema.NonEmptyString, Count]),
  startport: optional(Schema.Int),
  endport: optional(Schema.Int),
  icmptype: optional(Schema.Int),
  icmpcode: optional(Schema.Int),
  cidrlist: optional(Schema.String),
  traffictype: optional(Schema.String),
  action: optional(Schema.String),
  reason: optional(Schema.String)
})
const AclList = Schema.Struct({ ref: Ref, name: Name, vpc: Ref, items: list(AclItem) })

const networkBase = {
  ref: Ref,
  name: Name,
  zone: optional(Ref),
  services: optional(Schema.Array(Schema.NonEmptyString))
}
const NetworkFile = Schema.Union([
  Schema.Struct({ ...networkBase, kind: Schema.Literal("isolated"), owner: Ref, lbProvider: optional(Name) }),
  Schema.Struct({
    ...networkBase,
    kind: Schema.Literal("vpc-tier"),
    owner: Ref,
    vpc: Ref,
    gateway: Ipv4,
    netmask: Ipv4,
    /** The `ref` of a list, or one of the two lists that exist always. */
    acl: Ref.pipe(Schema.withDecodingDefaultKey(Effect.succeed("default_deny")))
  }),
  Schema.Struct({ ...networkBase, kind: Schema.Literal("shared") }),
  Schema.Struct({ ...networkBase, kind: Schema.Literal("l2"), owner: Ref })
]).annotate({ identifier: "a network of kind isolated, vpc-tier, shared or l2" })

const VmFile = Schema.Struct({
  ref: Ref,
  name: Name,
  displayname: optional(Schema.String),
  owner: Ref,
  zone: optional(Ref),
  state: Schema.Literals(["Running", "Stopped", "Allocated"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("Running" as const))
  ),
  nics: list(Schema.Struct({ network: Ref, ip: optional(Ipv4) })),
  tags: Tags
})

const WorldFile = Schema.Struct({
  settings: SettingsFile.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  zones: list(Schema.Struct({ ref: Ref, name: Name })),
  accounts: list(AccountFile),
  projects: list(Project),
  vpcs: list(VpcFile),
  aclLists: list(AclList),
  networks: list(NetworkFile),
  vms: list(VmFile),
  publicIps: Schema.Struct({
    free: FreeAddresses.pipe(Schema.withDecodingDefaultKey(Effect.succeed({})))
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed({})))
})
/** A world file as written, but for the defaults that are constants. */
export type WorldFile = typeof WorldFile.Type

/** The account limit on public addresses where a world states none. */
export const defaultAddressLimit = 20

const isolatedServices: ReadonlyArray<string> = [
  "SourceNat",
  "Dns",
  "Dhcp",
  "StaticNat",
  "UserData",
  "Lb",
  "Vpn",
  "Firewall",
  "PortForwarding"
]
const defaultServices: Readonly<Record<WorldFile["networks"][number]["kind"], ReadonlyArray<string>>> = {
  isolated: isolatedServices,
  "vpc-tier": isolatedServices.map((service) => (service === "Firewall" ? "NetworkACL" : service)),
  shared: ["Dns", "Dhcp", "UserData"],
  l2: []
}

/** Fills the defaults that depend on the object they belong to. */
const complete = (file: WorldFile) => {
  const zone = file.zones[0]?.ref ?? ""
  return {
    ...file,
    accounts: file.accounts.map((account) => ({
      ...account,
      apikey: account.apikey ?? `${account.ref}-key`,
      secretkey: account.secretkey ?? `${account.ref}-secret`
    })),
    vpcs: file.vpcs.map((vpc) => ({ ...vpc, zone: vpc.zone ?? zone })),
    networks: file.networks.map((network) => ({
      ...network,
      zone: network.zone ?? zone,
      services: network.services ?? defaultServices[network.kind]
    })),
    vms: file.vms.map((vm) => ({ ...vm, displayname: vm.displayname ?? vm.name, zone: vm.zone ?? zone }))
  }
}

/**
 * A checked world: refs are unique and resolve, and only what has no default is optional. A stated `limits.publicIps`
 * also means that the owner is never short of free addresses, so its absence is kept.
 */
export type World = ReturnType<typeof complete>
export type WorldAccount = World["accounts"][number]
export type WorldNetwork = World["networks"][number]
export type WorldVm = World["vms"][number]

const decodeFile = Schema.decodeUnknownResult(WorldFile, { errors: "all", onExcessProperty: "error" })
const parseText = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))
const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    if (issue._tag === "UnexpectedKey") return "unknown key"
    if (issue._tag === "MissingKey") return "missing"
    const text = SchemaIssue.defaultLeafHook(issue)
    return text.charAt(0).toLowerCase() + text.slice(1)
  }
})

const pathOf = (path: ReadonlyArray<unknown> | undefined) =>
  (path ?? []).reduce<string>(
    (text, key) => text + (typeof key === "number" ? `[${key}]` : `${text === "" ? "" : "."}${String(key)}`),
    ""
  )

/** Decodes a world from its JSON text, or from the value the text stands for. All problems come at once. */
export const decodeWorld = Effect.fnUntraced(function* (source: unknown) {
  const value = typeof source === "string" ? parseText(source) : Result.succeed(source)
  if (Result.isFailure(value)) return yield* new WorldError({ problems: ["not a JSON text"] })
  const file = decodeFile(value.success)
  if (Result.isFailure(file)) {
    const { issues } = formatIssue(file.failure.issue)
    return yield* new WorldError({
      problems: issues.map(({ message, path }) => `${pathOf(path) || "world"}: ${message}`)
    })
  }
  const problems = referenceProblems(file.success)
  if (problems.length > 0) return yield* new WorldError({ problems })
  return complete(file.success)
})
