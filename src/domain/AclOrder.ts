/** How the order of the items in a network ACL list decides, and which numbers are free where it matters. */
import { admits, contains, parseCidr } from "./Cidr.ts"
import type { AclItem } from "./Cloud.ts"

const numbersOf: Readonly<Record<string, string>> = { tcp: "6", udp: "17" }

const concerns = (item: AclItem, protocol: string): boolean => {
  const own = item.protocol.toLowerCase()
  return item.direction === "ingress" && (own === protocol || own === "all" || own === numbersOf[protocol])
}

const isAboutAllPorts = ({ endPort, startPort }: AclItem): boolean =>
  startPort === undefined || (startPort <= 1 && (endPort ?? startPort) >= 65_535)

const isCatchAllDeny = (item: AclItem, protocol: string): boolean =>
  item.action === "deny" && concerns(item, protocol) && isAboutAllPorts(item) && admits(item.cidrs, "0.0.0.0/0")

const overlaps = (a: string, b: string): boolean => {
  const [x, y] = [parseCidr(a), parseCidr(b)]
  return x !== undefined && y !== undefined && (contains(x, y) || contains(y, x))
}

const isAbout = (item: AclItem, protocol: string, port: number): boolean =>
  concerns(item, protocol) &&
  (item.startPort === undefined || (item.startPort <= port && port <= (item.endPort ?? item.startPort)))

/** What the list as it is says about traffic from this source. */
export const letsIn = (items: ReadonlyArray<AclItem>, protocol: string, port: number, source: string): boolean => {
  for (const item of [...items].sort((a, b) => a.number - b.number)) {
    if (!isAbout(item, protocol, port)) continue
    if (item.action === "allow" && admits(item.cidrs, source)) return true
    if (item.action === "deny" && item.cidrs.some((cidr) => overlaps(cidr, source))) return false
  }
  return false
}

/** Items that let in more than these sources, where nothing in front of them denies everything. */
export const admittingMore = (
  items: ReadonlyArray<AclItem>,
  protocol: string,
  port: number,
  sources: ReadonlyArray<string>
): ReadonlyArray<AclItem> => {
  const limit = limitOf(items, protocol)
  return items.filter(
    (item) =>
      item.action === "allow" &&
      item.number < limit &&
      isAbout(item, protocol, port) &&
      // An IPv6 source cannot reach an IPv4 address.
      item.cidrs.some((cidr) => parseCidr(cidr) !== undefined && !admits(sources, cidr))
  )
}

/** The number of the first item that denies everything; infinite without one. */
export const limitOf = (list: ReadonlyArray<AclItem>, protocol: string): number =>
  Math.min(...list.filter((item) => isCatchAllDeny(item, protocol)).map(({ number }) => number))

const mostCandidates = 64

/** Up or down from a number, as long as it is legal and in front of `limit`. */
const count = (from: number, step: 1 | -1, limit: number, taken: ReadonlySet<number>): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let n = from; n >= 1 && n < limit && found.length < mostCandidates; n += step) if (!taken.has(n)) found.push(n)
  return found
}

/**
 * Free numbers in front of `limit`, the first item that denies everything, best first: from the operator's start
 * upwards, else right before that item, so that what users deny in particular is still denied; without such an item,
 * at the end.
 */
export const freeNumbers = (
  taken: ReadonlySet<number>,
  limit: number,
  start: number | undefined
): ReadonlyArray<number> => {
  const wished = start === undefined ? [] : count(start, 1, limit, taken)
  if (wished.length > 0) return wished
  return limit === Number.POSITIVE_INFINITY
    ? count(Math.max(0, ...taken) + 1, 1, limit, taken)
    : count(limit - 1, -1, limit, taken)
}
