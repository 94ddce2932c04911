/**
 * Decides for one Service on which address it is served and what has to happen there and on the addresses it leaves.
 * Pure: the same holdings give the same design, so that it can be made from the cache first and anew before a change.
 */
import type { Holding, Network, RuleId } from "../../domain/Cloud.ts"
import { taggedByCluster } from "../../domain/Ownership.ts"
import { type Note, type Refusal, refusalMessage } from "../../domain/Refusal.ts"
import type { Ingress, Service } from "../../kubernetes/objects.ts"
import type { Plan } from "./chains.ts"
import { type Claimant, type Claims, claims, isClaimed } from "./claims.ts"
import { plan } from "./plan.ts"
import { covers } from "./planBorder.ts"
import { preflight } from "./preflight.ts"
import { planLeaving } from "./release.ts"
import type { Wanted, WantedPort } from "./wanted.ts"

export interface DesignInput {
  readonly service: Service
  readonly claimant: Claimant
  readonly wanted: Wanted
  readonly network: Network
  readonly holdings: ReadonlyArray<Holding>
  readonly rigid: ReadonlySet<RuleId>
}

export type Design =
  | { readonly _tag: "Refused"; readonly refusal: Refusal; readonly claimed: ReadonlyArray<Claims> }
  /** There is no address yet; `ip` is the one asked for. */
  | { readonly _tag: "Acquire"; readonly ip?: string }
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
  const rank = (own: Claims) => (published.has(own.address.ip) ? 1_000 : 0) + own.rules.length
  return [...claimed].sort((a, b) => rank(b) - rank(a) || (a.address.id < b.address.id ? -1 : 1))[0]
}

const protocolOf = (own: Claims, want: WantedPort): string =>
  want.protocol ?? own.rules.find(({ publicPort }) => publicPort === want.port)?.protocol ?? "tcp"

/** In-cluster traffic must pass the load balancer where it adds the PROXY header (KEP-1860). */
const ingressOf = (service: Service, wanted: Wanted, own: Claims): ReadonlyArray<Ingress> => {
  const { hostname } = wanted
  if (hostname._tag === "Name") return [{ hostname: hostname.name }]
  const shown = service.ingress[0]?.hostname
  if (hostname._tag === "Keep" && shown !== undefined) return [{ hostname: shown }]
  const proxied = wanted.ports.some((want) => protocolOf(own, want) === "tcp-proxy")
  return [{ ip: own.address.ip, ipMode: proxied ? "Proxy" : "VIP" }]
}

/** Others' firewall rules that let in more than the Service allows: theirs to keep, the user's to know. */
const excessNotes = (own: Claims, wanted: Wanted): ReadonlyArray<Note> => {
  const excess = wanted.ports.flatMap(({ ipProtocol, port, sources }) =>
    sources === undefined
      ? []
      : own.otherFirewall.filter(
          (rule) =>
            covers(rule, ipProtocol, port) &&
            rule.cidrs.some((cidr) => !sources.includes(cidr) && !sources.includes("0.0.0.0/0"))
        )
  )
  if (wanted.border !== "firewall" || excess.length === 0) return []
  const ids = [...new Set(excess.map(({ id }) => id))].join(", ")
  const message = `Firewall rules that are not ours admit more sources than the Service allows: ${ids} on ${own.address.ip}. Remove them in CloudStack if that is not meant`
  return [{ type: "Warning", reason: "FirewallAdmitsMore", message }]
}

/** That something of this cluster bears its tag is proof that the role may tag. */
const tagsWork = (holdings: ReadonlyArray<Holding>, { cluster }: Claimant): boolean =>
  holdings.some(
    ({ address, firewall }) =>
      taggedByCluster(cluster, address.tags) || firewall.some((rule) => taggedByCluster(cluster, rule.tags))
  )

/** A setting that is not understood keeps what is there; where nothing is there, the Service waits for it. */
const refuseUnmade = (wanted: Wanted, own: Claims | undefined): Refusal | undefined => {
  const [refusal] = wanted.waitsFor
  if (refusal === undefined) return undefined
  return own === undefined || own.rules.length === 0 ? refusal : undefined
}

const planLeavings = (leaving: ReadonlyArray<Claims>) => {
  const parts = leaving.map(planLeaving)
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
  if (target === undefined) return { _tag: "Acquire", ...(named === undefined ? {} : { ip: named.ip }) }
  const refusal = preflight(target, wanted.ports, network, named?.field ?? `address ${target.address.ip}`)
  if (refusal !== undefined) return { _tag: "Refused", refusal, claimed }

  const leaving = claimed.filter((own) => own !== target)
  const left = planLeavings(leaving)
  return {
    _tag: "Planned",
    target,
    plan: plan({
      wanted,
      own: target,
      cluster: claimant.cluster,
      service,
      ...(network.vpcId === undefined ? {} : { networkId: network.id }),
      rigid,
      retag: tagsWork(holdings, claimant)
    }),
    leaving,
    leavingPlan: left.plan,
    ingress: ingressOf(service, wanted, target),
    notes: [...wanted.waitsFor.map(waitingNote), ...excessNotes(target, wanted), ...left.notes]
  }
}

const waitingNote = (refusal: Refusal): Note => ({
  type: "Warning",
  reason: refusal.reason,
  message: refusalMessage(refusal)
})

/** Nothing is wanted any more: every address the Service has something on is left. */
export const designRemoval = (holdings: ReadonlyArray<Holding>, claimant: Claimant) => {
  const leaving = holdings.map((holding) => claims(holding, claimant)).filter((own) => isClaimed(own, claimant))
  const left = planLeavings(leaving)
  return { leaving, plan: left.plan, notes: left.notes }
}
