/** Every key of the cloud-config: how it is read and what is said about it on the reference page. */
import { Duration, Result, Schema } from "effect"
import * as text from "./text.ts"

export interface About {
  readonly help: string
  /** As a user would write it. */
  readonly default?: string
  readonly required?: true
  /** Other spellings, from other providers. */
  readonly aliases?: ReadonlyArray<string>
  /** May be given several times, each adding to the list. */
  readonly list?: true
  /** The key alone means true. */
  readonly switch?: true
}

const key = <S extends Schema.Constraint>(schema: S, about: About): S & { readonly about: About } =>
  Object.assign(schema, { about })

const required = <A>(codec: text.Text<A>, help: string) => key(codec.annotate({}), { help, required: true })
const optional = <A>(codec: text.Text<A>, help: string, more?: Partial<About>) =>
  key(Schema.optionalKey(codec), { help, ...more })
const defaulted = <A>(codec: text.Text<A>, value: string, help: string, more?: Partial<About>) =>
  key(codec.annotate({}), { help, default: value, ...more })

/** gcfg's words. */
const flexibleBool = text.boolean((input) => {
  if (/^(true|yes|on|1)$/i.test(input)) return Result.succeed(true)
  if (/^(false|no|off|0)$/i.test(input)) return Result.succeed(false)
  return Result.fail("expected true or false")
})

const keys = {
  apiUrl: required(text.apiUrl, "Address of the CloudStack API, such as `https://cloud.example.org/client/api`."),
  apiKey: required(text.secret("api-key"), "API key of the user."),
  secretKey: required(text.secret("secret-key"), "Its secret key."),
  sslNoVerify: defaulted(flexibleBool, "false", "Do not verify the server's certificate. Prefer `ca-file`.", {
    switch: true
  }),
  caFile: optional(text.plain, "File with the CA certificates (PEM) the server's certificate is verified against."),
  projectId: optional(text.plain, "Project that holds the machines; without it the user's own account."),
  zone: optional(
    text.plain,
    "Zone of the machines, id or name: nodes without providerID are found by name there only; without it in every zone."
  ),
  region: optional(
    text.plain,
    "Value of the nodes' region label; without it the name of the server's region, if there is only one and the role may ask for it."
  ),
  networkId: optional(text.plain, "Network of the load balancers, where nodes have several."),
  clusterId: optional(
    text.identifier,
    "Identity of this cluster in CloudStack; without it the UID of namespace kube-system. Clusters sharing an account must differ."
  ),
  previousClusterIds: defaulted(text.identifiers, "", "Earlier identities, whose marks count as ours.", {
    list: true
  }),
  servicePolicy: defaulted(
    text.oneOf(["all", "annotated"]),
    "all",
    "`all` Services of type LoadBalancer, or only those `annotated` for CloudStack."
  ),
  allowedAddresses: defaulted(
    text.ipv4Networks,
    "",
    "Addresses and CIDRs that Services may name; empty: any address of the account.",
    { list: true }
  ),
  providerIdFormat: optional(
    text.oneOf(["external-cloudstack", "cloudstack"]),
    "Form of providerID for new nodes: `external-cloudstack://<id>` or `cloudstack:///<id>`; without it by `--cloud-provider`."
  ),
  aclNumberStart: optional(text.integer(1, 65_535), "First number for network ACL items in VPC tiers."),
  rateLimitQps: defaulted(text.number(0), "20", "Calls per second; 0 means no limit.", {
    aliases: ["api-rate-limit-qps"]
  }),
  rateLimitBurst: defaulted(text.integer(1), "20", "Calls above that for a moment.", {
    aliases: ["api-rate-limit-burst"]
  }),
  vmCacheTtl: defaulted(text.seconds(), "30s", "How long a list of machines may be used; 0 means not at all."),
  callTimeout: defaulted(text.seconds(Duration.millis(100)), "30s", "Deadline of one call."),
  jobTimeout: defaulted(text.seconds(Duration.seconds(1)), "5m0s", "How long a job is awaited.", {
    aliases: ["async-job-timeout"]
  })
}

/** Decodes the texts that are there; the defaults have been put in their places before. */
export const KeysFromText = Schema.Struct(keys)
export interface Keys extends Schema.Schema.Type<typeof KeysFromText> {}

/** `apiUrl` is `api-url` in the file. */
export const nameOf = (property: string): string => property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
/** `api-url` is `CLOUDSTACK_API_URL` in the environment. */
export const variableOf = (name: string): string => `CLOUDSTACK_${name.replaceAll("-", "_").toUpperCase()}`

/** By name. */
export const abouts: ReadonlyMap<string, About & { readonly property: string }> = new Map(
  Object.entries(keys).map(([property, { about }]) => [nameOf(property), { ...about, property }] as const)
)

/** Spelling to name. */
export const spellings: ReadonlyMap<string, string> = new Map(
  [...abouts].flatMap(([name, about]) => [name, ...(about.aliases ?? [])].map((spelling) => [spelling, name] as const))
)
