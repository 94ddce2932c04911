/**
 * Decides for one Service on which address it is served and what has to happen there and on the addresses it leaves.
 * Pure: the same holdings give the same design, so that it can be made from the cache first and anew before a change.
 */
import { admits } from "../../domain/Cidr.ts"
import type { AclItem, Holding, Network, RuleId } from "../../domain/Cloud.ts"
import { type Note, type Refusal, warning } from "../../domain/Refusal.ts"
import type { Ingress, Service } from "../../kubernetes/objects.ts"
import type { Plan } from "./chains.ts"
import { type Claimant, type Claims, claims, isClaimed, isTakenOver } from "./claims.ts"
import { plan } from "./plan.ts"
import { type AclInput, type AclPort, planAcl } from "./planAcl.ts"
import { covers } from "./planBorder.ts"
import { preflight } from "./preflight.ts"
import { planLeaving } from "./release.ts"
import type { Kept, Wanted, WantedPort } from "./wanted.ts"

export interface DesignInput {
  readonly service: Service
  readonly claimant: Claimant
  readonly wanted: Wanted
  readonly network: Network
  readonly holdings: ReadonlyArray<Holding>
  readonly acl: Pick<AclInput, "items" | "tier">
  readonly rigid: ReadonlySet<RuleId>
}

export type Design =
  | { readonly _tag: "Refused"; readonly refusal: Refusal; readonly claimed: ReadonlyArray<Claims> }
  /** There is no address yet. */
  | { readonly _tag: "Acquire" }
  | {
      readonly _tag: "Planned"
      readonly target: Claims
      readonly plan: Plan
      /** Addresses that the Service leaves once the target serves. */
      readonly leaving: ReadonlyArray<Claims>
      readonly leavingPlan: Plan
      readonly ingress: ReadonlyArray<Ingress>
      readonly notes: ReadonlyArray<Note>
    }

/** The address the Service is on: the published one if it is among them, else the one with most of its rules. */
const current = (claimed: ReadonlyArray<Claims>, service: Service): Claims | undefined => {
  const published = new Set(service.ingress.map(({ ip }) => ip))
  const rank = (own: Claims) => (published.has(own.address.ip) ? 1_000 : 0) + own.rules.length + own.forwards.length
  return [...claimed].sort((a, b) => rank(b) - rank(a) || (a.address.id < b.address.id ? -1 : 1))[0]
}

const protocolOf = (own: Claims, want: WantedPort): string =>
  want.protocol ?? own.rules.find(({ publicPort }) => publicPort === want.port)?.protocol ?? "tcp"

/** All ports are told of if one has an error. */
const portsOf = ({ ports }: Service, { portErrors }: Wanted): Pick<Ingress, "ports"> => {
  if (portErrors.length === 0) return {}
  const errorOf = new Map(portErrors.map(({ error, port, protocol }) => [`${port}/${protocol}`, error]))
  return {
    ports: ports.map(({ port, protocol }) => {
      const error = errorOf.get(`${port}/${protocol}`)
      return { port, protocol, ...(error === undefined ? {} : { error }) }
    })
  }
}

/** In-cluster traffic must pass the load balancer where it adds the PROXY header (KEP-1860). */
const ingressOf = (service: Service, wanted: Wanted, own: Claims): ReadonlyArray<Ingress> => {
  const { hostname } = wanted
  const ports = portsOf(service, wanted)
  if (hostname._tag === "Name") return [{ hostname: hostname.name, ...ports }]
  const shown = service.ingress[0]?.hostname
  if (hostname._tag === "Keep" && shown !== undefined) return [{ hostname: shown, ...ports }]
  const proxied = wanted.ports.some((want) => want.via === "rule" && protocolOf(own, want) === "tcp-proxy")
  return [{ ip: own.address.ip, ipMode: proxied ? "Proxy" : "VIP", ...ports }]
}

/** Others' firewall rules that let in more than the Service allows: theirs to keep, the user's to know. */
const excessNotes = (own: Claims, wanted: Wanted): ReadonlyArray<Note> => {
  const excess = wanted.ports.flatMap(({ ipProtocol, port, sources }) =>
    sources === undefined
      ? []
      : own.otherFirewall.filter(
          (rule) => covers(rule, ipProtocol, port) && rule.cidrs.some((cidr) => !admits(sources, cidr))
        )
  )
  if (wanted.border !== "firewall" || excess.length === 0) return []
  const ids = [...new Set(excess.map(({ id }) => id))].join(", ")
  const message = `Firewall rules that are not ours admit more sources than the Service allows: ${ids} on ${own.address.ip}. Remove them in CloudStack if that is not meant`
  return [{ type: "Warning", reason: "FirewallAdmitsMore", message }]
}

/** A setting that is not understood keeps what is there; where nothing is there, the Service waits for it. */
const refuseUnmade = (wanted: Wanted, own: Claims | undefined): Refusal | undefined => {
  const [refusal] = wanted.waitsFor
  if (refusal === undefined) return undefined
  return own === undefined || own.rules.length + own.forwards.length === 0 ? refusal : undefined
}

/** A forward has changed the port by the time that traffic comes to the ACL. */
const asSeenByAcl =
  (own: Claims) =>
  (want: WantedPort): AclPort =>
    want.via === "forward"
      ? { ...want, port: want.nodePort }
      : { ...want, takenOver: own.rules.some((rule) => rule.publicPort === want.port && isTakenOver(rule)) }

const planLeavings = (
  leaving: ReadonlyArray<Claims>,
  { name }: Claimant,
  keep: Kept<boolean>,
  wanted: ReadonlySet<string> = new Set()
) => {
  const parts = leaving.map((own) => planLeaving(own, name, keep, wanted.has(own.address.ip)))
  return {
    plan: { traffic: [], cleanup: parts.flatMap(({ chains }) => chains) },
    notes: parts.flatMap(({ notes }) => notes)
  }
}

export const design = (input: DesignInput): Design => {
  const { claimant, holdings, network, rigid, service, wanted } = input
  const all = holdings.map((holding) => claims(holding, claimant))
  const claimed = all.filter((own) => isClaimed(own, claimant))
  const named = wanted.address._tag === "Named" ? wanted.address : undefined
  const target = named === undefined ? current(claimed, service) : all.find(({ address }) => address.ip === named.ip)

  const waiting = refuseUnmade(wanted, target)
  if (waiting !== undefined) return { _tag: "Refused", refusal: waiting, claimed }
  if (target === undefined) return { _tag: "Acquire" }
  const refusal = preflight(target, wanted, network, named?.field ?? `address ${target.address.ip}`)
  if (refusal !== undefined) return { _tag: "Refused", refusal, claimed }

  const leaving = claimed.filter((own) => own !== target)
  const left = planLeavings(leaving, claimant, wanted.keep)
  const { cluster, uid } = claimant
  const acl = planAcl({ ...input.acl, cluster, uid, ports: wanted.ports.map(asSeenByAcl(target)) })
  const onAddress = plan({
    wanted,
    own: target,
    cluster: claimant.cluster,
    service,
    ...(network.vpcId === undefined ? {} : { networkId: network.id }),
    rigid,
    retag: wanted.mayTag
  })
  return {
    _tag: "Planned",
    target,
    // Nothing is served or refused by an ACL, so it waits until the address is published.
    plan: { traffic: onAddress.traffic, cleanup: [...onAddress.cleanup, ...acl.chains] },
    leaving,
    leavingPlan: left.plan,
    ingress: ingressOf(service, wanted, target),
    notes: [...wanted.waitsFor.map(warning), ...excessNotes(target, wanted), ...acl.notes, ...left.notes]
  }
}

/** Nothing is wanted any more: every address the Service has something on is left; IPs that are `wanted` to others. */
export const designRemoval = (
  holdings: ReadonlyArray<Holding>,
  claimant: Claimant,
  aclItems: ReadonlyArray<AclItem>,
  keep: Kept<boolean>,
  wanted?: ReadonlySet<string>
) => {
  const leaving = holdings.map((holding) => claims(holding, claimant)).filter((own) => isClaimed(own, claimant))
  const left = planLeavings(leaving, claimant, keep, wanted)
  const acl = planAcl({ cluster: claimant.cluster, uid: claimant.uid, items: aclItems, ports: [] })
  const plan: Plan = { traffic: [], cleanup: [...left.plan.cleanup, ...acl.chains] }
  return { leaving, plan, notes: left.notes }
}
