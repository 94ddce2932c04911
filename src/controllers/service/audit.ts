/**
 * Sorts all that an account holds by whose it is: in use by Services of this cluster, left by Services that are no more,
 * kept on purpose, others' on addresses of ours, or nobody's. What is said to be ours is proved by marks alone. Pure.
 */
import { addressMark } from "../../domain/Adoption.ts"
import type { AclItem, Holding, PublicAddress } from "../../domain/Cloud.ts"
import {
  type Cluster,
  isMarked,
  isOurCluster,
  isOurReason,
  keptName,
  parseDescription,
  reasonedService,
  serviceTag,
  taggedByCluster,
  taggedService
} from "../../domain/Ownership.ts"
import { type Claimant, type Claims, claims, isClaimed, mayBeReleased } from "./claims.ts"

export interface Finding {
  /**
   * `used`: by a Service that is there. `leaked`: of a Service that is not, so it can be released. `kept`: an address
   * that outlives its Service on purpose. `foreign`: not ours, on an address of ours. `unused`: an address that nothing
   * on it tells the purpose of; an allocation cut off may have left it, or a person.
   */
  readonly kind: "used" | "leaked" | "kept" | "foreign" | "unused"
  readonly what: "address" | "rule" | "firewall rule" | "forward" | "ACL item"
  readonly id: string
  /** For people: IP and port, or name. */
  readonly name: string
  /** `<namespace>/<name>` as far as it is known, else the UID. */
  readonly service: string
}

export interface Held {
  readonly cluster: Cluster
  readonly holdings: ReadonlyArray<Holding>
  readonly aclItems: ReadonlyArray<AclItem>
}

/** Services that the marks of this cluster name, by UID; the name only where a tag says it. */
export const markedServices = ({ aclItems, cluster, holdings }: Held): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  const add = (uid: string | undefined, name = "") => {
    if (uid !== undefined && (found.get(uid) ?? "") === "") found.set(uid, name)
  }
  for (const { address, firewall, forwards = [], rules } of holdings) {
    for (const { description } of rules) {
      const mark = parseDescription(description)
      if (mark !== undefined && isOurCluster(cluster, mark.cluster)) add(mark.serviceUid)
    }
    for (const { tags } of [address, ...rules, ...firewall, ...forwards]) {
      const value = tags.find(({ key }) => key === serviceTag)?.value ?? ""
      add(taggedService(cluster, tags), value.split("/").slice(0, 2).join("/"))
    }
  }
  for (const { reason } of aclItems) add(reasonedService(cluster, reason))
  return found
}

/** Of a Service that is no more nothing is known but its marks and what its jobs made, and nothing else counts. */
export const claimantGone = (
  cluster: Cluster,
  { made, name, uid }: Pick<Claimant, "made" | "name" | "uid">
): Claimant => ({
  cluster,
  uid,
  name,
  namesAddress: true,
  apacheMarker: false,
  expectedSources: [],
  wantedPorts: [],
  forwardShapes: [],
  made,
  allocations: new Map(),
  adoption: undefined
})

export interface AuditInput extends Held {
  /** Those that exist and may have a load balancer. */
  readonly alive: ReadonlyArray<Claimant>
  /** IPs that living Services name, whether they have something there or not yet, and who names them. */
  readonly wanted: ReadonlyMap<string, string>
  /** Ids of firewall rules and forwards that are known by their jobs to be made for a Service. */
  readonly made: (uid: string) => Claimant["made"]
  /** Allocations that have come to no end. */
  readonly stuck: ReadonlyArray<PublicAddress>
}

/** Services of this cluster that have something and are not there. */
export const goneServices = (input: AuditInput): ReadonlyArray<Claimant> => {
  const alive = new Set(input.alive.map(({ uid }) => uid))
  return [...markedServices(input)]
    .filter(([uid]) => !alive.has(uid))
    .map(([uid, name]) => claimantGone(input.cluster, { uid, name, made: input.made(uid) }))
}

type Kind = Pick<Finding, "kind" | "service">

const ofAddress = ({ id, ip }: PublicAddress, of: Kind): Finding => ({ ...of, what: "address", id, name: ip })

interface Things {
  readonly rules: Claims["rules"]
  readonly firewall: Claims["firewall"]
  readonly forwards: Claims["forwards"]
}

const ofThings = (ip: string, { firewall, forwards, rules }: Things, of: Kind): ReadonlyArray<Finding> => [
  ...rules.map(
    ({ id, name, publicPort }): Finding => ({ ...of, what: "rule", id, name: `${ip}:${publicPort} ${name}` })
  ),
  ...firewall.map(
    ({ cidrs, id, protocol, startPort }): Finding => ({
      ...of,
      what: "firewall rule",
      id,
      name: `${ip}:${startPort ?? "*"} ${protocol} ${cidrs.join(",")}`
    })
  ),
  ...forwards.map(
    ({ id, protocol, publicPort }): Finding => ({
      ...of,
      what: "forward",
      id,
      name: `${ip}:${publicPort} ${protocol}`
    })
  )
]

const ofItems = ({ aclItems, cluster }: Held, uid: string, of: Kind): ReadonlyArray<Finding> =>
  aclItems
    .filter(({ reason }) => isOurReason(cluster, uid, reason))
    .map(({ id, number, protocol, startPort }) => ({
      ...of,
      what: "ACL item",
      id,
      name: `${number} ${protocol} ${startPort ?? "*"}`
    }))

const labelOf = ({ name, uid }: Claimant): string => (name === "" ? uid : name)

const used = (input: AuditInput): ReadonlyArray<Finding> =>
  input.alive.flatMap((claimant) => {
    const of: Kind = { kind: "used", service: labelOf(claimant) }
    const claimed = input.holdings.map((one) => claims(one, claimant)).filter((own) => isClaimed(own, claimant))
    return [
      ...claimed.flatMap((own) => [
        ...(own.ownership === "owned" ? [ofAddress(own.address, of)] : []),
        ...ofThings(own.address.ip, own, of)
      ]),
      ...ofItems(input, claimant.uid, of)
    ]
  })

const isOurs = (cluster: Cluster, { address, rules }: Holding): boolean =>
  mayBeReleased(address) &&
  (taggedByCluster(cluster, address.tags) || rules.some((rule) => addressMark(cluster, rule) === "owned"))

/** On an address of ours: what the given Services do not claim of it. */
const unclaimed = (holding: Holding, all: ReadonlyArray<Claimant>): Things => {
  const claimed = all.map((claimant) => claims(holding, claimant))
  return {
    rules: holding.rules.filter((one) => !claimed.some(({ rules }) => rules.includes(one))),
    firewall: holding.firewall.filter((one) => !claimed.some(({ firewall }) => firewall.includes(one))),
    forwards: (holding.forwards ?? []).filter((one) => !claimed.some(({ forwards }) => forwards.includes(one)))
  }
}

/** Once the things of Services that are gone are gone, nobody is left on the address who needs it. */
const isAbandoned = (input: AuditInput, gone: ReadonlyArray<Claimant>, holding: Holding): boolean => {
  const { cluster } = input
  if (!isOurs(cluster, holding) || keptName(cluster, holding.address.tags) !== undefined) return false
  if (input.wanted.has(holding.address.ip)) return false
  if (input.alive.some((claimant) => isClaimed(claims(holding, claimant), claimant))) return false
  const { firewall, forwards, rules } = unclaimed(holding, gone)
  return rules.length + firewall.length + forwards.length === 0
}

const leaked = (input: AuditInput, gone: ReadonlyArray<Claimant>): ReadonlyArray<Finding> =>
  gone.flatMap((claimant) => {
    const of: Kind = { kind: "leaked", service: labelOf(claimant) }
    const left = input.holdings.filter((holding) => isClaimed(claims(holding, claimant), claimant))
    return [
      ...left.flatMap((holding) => [
        ...(isAbandoned(input, gone, holding) ? [ofAddress(holding.address, of)] : []),
        ...ofThings(holding.address.ip, claims(holding, claimant), of)
      ]),
      ...ofItems(input, claimant.uid, of)
    ]
  })

const foreign = (input: AuditInput, all: ReadonlyArray<Claimant>): ReadonlyArray<Finding> =>
  input.holdings
    .filter((holding) => isOurs(input.cluster, holding))
    .flatMap((holding) => ofThings(holding.address.ip, unclaimed(holding, all), { kind: "foreign", service: "" }))

const isBare = ({ address, firewall, forwards = [], rules }: Holding): boolean =>
  address.state === "Allocated" &&
  mayBeReleased(address) &&
  !isMarked(address.tags) &&
  rules.length + firewall.length + forwards.length === 0

const unused: Kind = { kind: "unused", service: "" }

const idle = ({ cluster, holdings, stuck, wanted }: AuditInput): ReadonlyArray<Finding> => [
  ...holdings.flatMap((holding) => {
    const { address } = holding
    if (isBare(holding)) return wanted.has(address.ip) ? [] : [ofAddress(address, unused)]
    const name = keptName(cluster, address.tags)
    const kept = name !== undefined && holding.rules.length === 0
    return kept ? [ofAddress(address, { kind: "kept", service: name })] : []
  }),
  ...stuck.map((address) => ({ ...ofAddress(address, unused), name: `${address.ip} (${address.state})` }))
]

/** Addresses of ours that a living Service asks for: it may be about to get them. */
const awaited = ({ cluster, holdings, wanted }: AuditInput): ReadonlyArray<Finding> =>
  holdings
    .filter((holding) => isOurs(cluster, holding))
    .flatMap(({ address }) => {
      const service = wanted.get(address.ip)
      return service === undefined ? [] : [ofAddress(address, { kind: "used", service })]
    })

/** Things are named once: what a Service uses has not leaked. */
export const audit = (input: AuditInput): ReadonlyArray<Finding> => {
  const gone = goneServices(input)
  const findings = [
    ...used(input),
    ...awaited(input),
    ...leaked(input, gone),
    ...foreign(input, [...input.alive, ...gone]),
    ...idle(input)
  ]
  const named = new Set<string>()
  return findings.filter(({ id }) => {
    if (named.has(id)) return false
    named.add(id)
    return true
  })
}
