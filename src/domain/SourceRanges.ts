/**
 * Which sources a Service admits, from the three places that can say so.
 *
 * `spec.loadBalancerSourceRanges` wins over the standard annotation; `…-source-cidrs` narrows further (the Go provider
 * enforces one on the firewall, the other on the rule, so traffic has to pass both).
 */
import { type Cidr, canonical, intersect, isIpv6, parseCidr } from "./Cidr.ts"
import type { Refusal } from "./Refusal.ts"

export const standardAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges"

export interface SourceFields {
  readonly specRanges: ReadonlyArray<string>
  readonly standard: string | undefined
  /** Name of our own annotation and its text. */
  readonly own: { readonly name: string; readonly text: string } | undefined
}

export type Sources =
  | { readonly _tag: "Allowed"; readonly cidrs: ReadonlyArray<string>; readonly ipv6: ReadonlyArray<string> }
  | { readonly _tag: "Invalid"; readonly refusal: Refusal }

interface List {
  readonly field: string
  readonly ipv4: ReadonlyArray<Cidr>
  readonly ipv6: ReadonlyArray<string>
}

const everything: List = { field: "", ipv4: [{ base: 0, bits: 0 }], ipv6: [] }

const refuse = (field: string, cause: string): Refusal => ({
  reason: "InvalidSourceRanges",
  field,
  cause,
  remedy:
    "Name at least one IPv4 network such as 203.0.113.0/24, or remove the list to admit everybody; nothing is changed until then"
})

const readList = (field: string, items: ReadonlyArray<string>): List | Refusal => {
  const named = items.map((item) => item.trim()).filter((item) => item !== "")
  if (named.length === 0) return refuse(field, "the list is blank, which could mean nobody or everybody")
  const ipv6 = named.filter(isIpv6)
  const ipv4: Array<Cidr> = []
  for (const item of named) {
    if (isIpv6(item)) continue
    const cidr = parseCidr(item)
    if (cidr === undefined) return refuse(field, `"${item}" is not a network in CIDR notation`)
    ipv4.push(cidr)
  }
  if (ipv4.length === 0) {
    return refuse(field, "only IPv6 networks are named, and the address of a CloudStack load balancer is IPv4")
  }
  return { field, ipv4, ipv6 }
}

const isRefusal = (value: List | Refusal): value is Refusal => "remedy" in value

const specList = ({ specRanges, standard }: SourceFields): List | Refusal | undefined => {
  if (specRanges.length > 0) return readList("spec.loadBalancerSourceRanges", specRanges)
  if (standard !== undefined) return readList(`metadata.annotations[${standardAnnotation}]`, standard.split(","))
  return undefined
}

/** Never open by accident: a blank, invalid or contradictory list is refused. */
export const readSources = (fields: SourceFields): Sources => {
  const ofSpec = specList(fields)
  const own = fields.own
  const ofAnnotation =
    own === undefined ? undefined : readList(`metadata.annotations[${own.name}]`, own.text.split(/[\s,]+/))
  const lists: Array<List> = []
  for (const list of [ofSpec, ofAnnotation]) {
    if (list === undefined) continue
    if (isRefusal(list)) return { _tag: "Invalid", refusal: list }
    lists.push(list)
  }
  const [first = everything, second = everything] = lists
  const cidrs = canonical(intersect(first.ipv4, second.ipv4))
  if (cidrs.length === 0) {
    const cause = `no source is in both ${first.field} and ${second.field}, so nobody could connect`
    return { _tag: "Invalid", refusal: refuse(`${first.field} and ${second.field}`, cause) }
  }
  return { _tag: "Allowed", cidrs, ipv6: [...new Set(lists.flatMap((list) => list.ipv6))] }
}
