/**
 * The annotations of a Service, each decoded by the row that documents it. A new annotation is a new row here; the
 * reference page is generated from the rows.
 */
import { boolean, booleanValues } from "./Booleans.ts"
import { parseIpv4 } from "./Cidr.ts"
import { type LabelSelector, parseSelector } from "./LabelSelector.ts"
import type { Refusal } from "./Refusal.ts"
import { parseStickiness, type Stickiness } from "./Stickiness.ts"

export const prefix = "service.beta.kubernetes.io/cloudstack-load-balancer-"

/** `Invalid` is told apart from `Absent`: an existing load balancer keeps what it has for that setting. */
export type Setting<A> =
  | { readonly _tag: "Absent" }
  | { readonly _tag: "Given"; readonly value: A }
  | { readonly _tag: "Invalid"; readonly refusal: Refusal }

/** Ports can be named by number or by name; this is what the names resolve against. */
export interface PortNames {
  readonly port: number
  readonly name: string
}

interface Row<A> {
  readonly suffix: string
  /** What may be written, for the reference and for the Event of a bad value. */
  readonly values: string
  readonly meaning: string
  /** Undefined = not one of `values`. */
  readonly decode: (text: string, ports: ReadonlyArray<PortNames>) => A | undefined
}

const row = <A>(definition: Row<A>): Row<A> => definition

const dnsName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/

/** The numbers of the ports a list names; undefined if one entry is none of the Service's. */
const portList = (text: string, ports: ReadonlyArray<PortNames>): ReadonlySet<number> | undefined => {
  const named = text.split(/[\s,]+/).filter((item) => item !== "")
  const found = named.map((item) => ports.find(({ name, port }) => item === name || item === String(port))?.port)
  const numbers = found.filter((port) => port !== undefined)
  return named.length > 0 && numbers.length === named.length ? new Set(numbers) : undefined
}

export const rows = {
  proxyProtocol: row<ReadonlySet<number>>({
    suffix: "proxy-protocol",
    values: `${booleanValues}, or a list of the Service's ports or port names`,
    meaning:
      "Sends the PROXY protocol header to the nodes: CloudStack's `tcp-proxy`. With a list, only on those ports. Can be switched at any time; the rule keeps its id.",
    decode: (text, ports) => {
      const all = boolean(text)
      if (all !== undefined) return new Set(all ? ports.map(({ port }) => port) : [])
      return portList(text, ports)
    }
  }),
  hostname: row<string>({
    suffix: "hostname",
    values: "a DNS name in lower case",
    meaning: "Published in `status.loadBalancer.ingress` instead of the address.",
    decode: (text) => {
      const name = text.trim().toLowerCase()
      return dnsName.test(name) && parseIpv4(name) === undefined ? name : undefined
    }
  }),
  address: row<string>({
    suffix: "address",
    values: "an IPv4 address",
    meaning:
      "The public address to use, as `spec.loadBalancerIP`, over which it wins. One that the account has already is used and never released; a free one is allocated and released with the Service.",
    decode: (text) => (parseIpv4(text.trim()) === undefined ? undefined : text.trim())
  }),
  keepIp: row<boolean>({
    suffix: "keep-ip",
    values: booleanValues,
    meaning:
      "An address that was allocated for the Service is not released with it: the next Service of this namespace and name gets it back. Needs the right to tag (`createTags`, `deleteTags`). Without the annotation, or with `false`, it goes with the Service.",
    decode: boolean
  }),
  network: row<string>({
    suffix: "network",
    values: "the name or the id of a network that the key sees",
    meaning:
      "The network the load balancer is in, where `network-id` of the cloud-config or the nodes' own choice is not meant. Nodes without a NIC there are left out. Once the Service has an address, the address decides.",
    decode: (text) => (text.trim() === "" ? undefined : text.trim())
  }),
  algorithm: row<string>({
    suffix: "algorithm",
    values: "roundrobin, leastconn or source",
    meaning: "How connections are spread. Without it `sessionAffinity: ClientIP` gives source, else roundrobin.",
    decode: (text) => {
      const word = text.trim().toLowerCase()
      return word === "roundrobin" || word === "leastconn" || word === "source" ? word : undefined
    }
  }),
  stickiness: row<Stickiness>({
    suffix: "stickiness",
    values: "a method (LbCookie, AppCookie, SourceBased), then its parameters as name=value, separated by blanks",
    meaning:
      "Keeps a client with its node, as in `LbCookie cookie-name=node mode=insert`. Which methods and parameters there are the network's offering decides. Also as `stickiness-method-name` and one `stickiness-param-<name>` per parameter.",
    decode: parseStickiness
  }),
  forwardPorts: row<ReadonlySet<number>>({
    suffix: "forward-ports",
    values: "a list of the Service's ports or port names",
    meaning:
      "These ports, of whatever protocol, are served by port forwarding to one node instead of the load balancer; so a port number can serve TCP and UDP.",
    decode: portList
  }),
  maxMembers: row<number>({
    suffix: "max-members",
    values: "a whole number from 1",
    meaning:
      "At most so many nodes serve the Service, chosen so that a node that comes or goes touches few Services. Without it all candidate nodes do.",
    decode: (text) => {
      const count = /^\d{1,6}$/.test(text.trim()) ? Number(text.trim()) : 0
      return count >= 1 ? count : undefined
    }
  }),
  nodeSelector: row<LabelSelector>({
    suffix: "node-selector",
    values: "a label selector of Kubernetes, as `pool=edge,zone in (a,b),!gpu`",
    meaning: "Only nodes with these labels serve the Service.",
    decode: parseSelector
  })
} as const

/** In full, so that it can be copied. */
export const nameOf = ({ suffix }: Pick<Row<unknown>, "suffix">): string => prefix + suffix
/** What a refusal looks at. */
export const fieldOf = (row: Pick<Row<unknown>, "suffix">): string => `metadata.annotations[${nameOf(row)}]`

/** Decoded elsewhere or written by the controller itself: known, so no Event about them. */
export const sourceCidrs = `${prefix}source-cidrs`
export const addressIdAnnotation = `${prefix}id`
export const networkIdAnnotation = `${prefix}network-id`
/** Apache's provider sets it on an address it associated for `spec.loadBalancerIP`. */
export const apacheMarker = `${prefix}ip-associated-by-controller`

export const otherRows: ReadonlyArray<Pick<Row<unknown>, "suffix" | "values" | "meaning">> = [
  {
    suffix: "source-cidrs",
    values: "IPv4 networks, separated by commas or blanks",
    meaning:
      "Narrows the sources further: only what is both in here and in `spec.loadBalancerSourceRanges` (or the standard annotation) may connect."
  },
  {
    suffix: "stickiness-method-name",
    values: "a method",
    meaning: "As the first word of `stickiness`, which wins over it."
  },
  {
    suffix: "stickiness-param-<name>",
    values: "the value of that parameter",
    meaning: "As `<name>=<value>` in `stickiness`, where the method is named either way."
  },
  { suffix: "id", values: "read-only", meaning: "Id of the public address in CloudStack, written by the controller." },
  {
    suffix: "network-id",
    values: "read-only",
    meaning: "Id of the network the address belongs to, written by the controller."
  },
  {
    suffix: "ip-associated-by-controller",
    values: "read-only",
    meaning: "Left behind by Apache's provider; read when its rules are taken over."
  }
]

export interface Annotations {
  readonly proxyProtocol: Setting<ReadonlySet<number>>
  readonly hostname: Setting<string>
  readonly address: Setting<string>
  readonly network: Setting<string>
  readonly algorithm: Setting<string>
  readonly keepIp: Setting<boolean>
  readonly stickiness: Setting<Stickiness>
  readonly forwardPorts: Setting<ReadonlySet<number>>
  readonly maxMembers: Setting<number>
  readonly nodeSelector: Setting<LabelSelector>
  /** Names with our prefix that mean nothing. */
  readonly unknown: ReadonlyArray<string>
}

const decodeRow = <A>(
  definition: Row<A>,
  annotations: Readonly<Record<string, string>>,
  ports: ReadonlyArray<PortNames>,
  writtenAs: Pick<Row<A>, "suffix"> = definition
): Setting<A> => {
  const text = annotations[nameOf(definition)]
  if (text === undefined) return { _tag: "Absent" }
  const value = definition.decode(text, ports)
  if (value !== undefined) return { _tag: "Given", value }
  return {
    _tag: "Invalid",
    refusal: {
      reason: "InvalidAnnotation",
      field: fieldOf(writtenAs),
      cause: `"${text.trim()}" is not understood`,
      remedy: `Allowed: ${definition.values}. Until then an existing load balancer keeps what it has, a new one waits`
    }
  }
}

const known: ReadonlySet<string> = new Set(
  [...Object.values(rows), ...otherRows].map(({ suffix }) => `${prefix}${suffix}`)
)

const stickinessParam = `${prefix}stickiness-param-`

/** One setting, from however many annotations it was written as. */
const decodeStickiness = (
  annotations: Readonly<Record<string, string>>,
  ports: ReadonlyArray<PortNames>
): Setting<Stickiness> => {
  const params = Object.entries(annotations).filter(([name]) => name.startsWith(stickinessParam))
  const names = [nameOf(rows.stickiness), `${prefix}stickiness-method-name`, ...params.map(([name]) => name)]
  const written = names.find((name) => annotations[name] !== undefined)
  if (written === undefined) return { _tag: "Absent" }
  const method = written.startsWith(stickinessParam) ? "" : (annotations[written] ?? "")
  const parts = params.map(([name, value]) => `${name.slice(stickinessParam.length)}=${value.trim()}`)
  const joined = { [nameOf(rows.stickiness)]: [method, ...parts].join(" ") }
  return decodeRow(rows.stickiness, joined, ports, { suffix: written.slice(prefix.length) })
}

export const decodeAnnotations = (
  annotations: Readonly<Record<string, string>>,
  ports: ReadonlyArray<PortNames>
): Annotations => ({
  proxyProtocol: decodeRow(rows.proxyProtocol, annotations, ports),
  hostname: decodeRow(rows.hostname, annotations, ports),
  address: decodeRow(rows.address, annotations, ports),
  network: decodeRow(rows.network, annotations, ports),
  algorithm: decodeRow(rows.algorithm, annotations, ports),
  keepIp: decodeRow(rows.keepIp, annotations, ports),
  stickiness: decodeStickiness(annotations, ports),
  forwardPorts: decodeRow(rows.forwardPorts, annotations, ports),
  maxMembers: decodeRow(rows.maxMembers, annotations, ports),
  nodeSelector: decodeRow(rows.nodeSelector, annotations, ports),
  unknown: Object.keys(annotations).filter(
    (name) => name.startsWith(prefix) && !known.has(name) && !name.startsWith(stickinessParam)
  )
})
