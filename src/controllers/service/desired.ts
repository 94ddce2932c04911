/** What a Service wants: its spec, annotations, nodes and network read into `Wanted`, or one refusal. Pure. */
import type { RuleSources } from "../../cloudstack/Capabilities.ts"
import {
  type Annotations,
  decodeAnnotations,
  fieldOf,
  rows,
  type Setting,
  sourceCidrs
} from "../../domain/Annotations.ts"
import { admits, anywhere, parseIpv4 } from "../../domain/Cidr.ts"
import type { Network, NetworkId } from "../../domain/Cloud.ts"
import type { MachineIndex } from "../../domain/NodeIdentity.ts"
import { type Note, type Refusal, warning } from "../../domain/Refusal.ts"
import { readSources, standardAnnotation } from "../../domain/SourceRanges.ts"
import type { Node, Service } from "../../kubernetes/objects.ts"
import { type Members, selectMembers } from "./members.ts"
import { refuseNetwork } from "./refuseNetwork.ts"
import { refusePorts } from "./refusePorts.ts"
import type { Abilities } from "./serving.ts"
import type { Border, Desired, Wanted, WantedAddress } from "./wanted.ts"
import { wantPorts } from "./wantPorts.ts"

export interface DesiredInput {
  readonly service: Service
  readonly nodes: ReadonlyArray<Node>
  readonly machines: MachineIndex
  /** The network that the load balancer is in. */
  readonly network: Network
  /** Addresses that a Service may name (CIDRs); empty = any. */
  readonly allowedAddresses: ReadonlyArray<string>
  /** What the server makes of a rule's own list of sources. */
  readonly ruleSources: RuleSources
  readonly abilities: Abilities
  /** TCP ports of the Service that are forwarded now. */
  readonly heldForwards: ReadonlySet<number>
  /** Milliseconds since the epoch. */
  readonly now: number
}

const given = <A>(setting: Setting<A>, absent: A): A | undefined => {
  switch (setting._tag) {
    case "Absent":
      return absent
    case "Given":
      return setting.value
    case "Invalid":
      return undefined
  }
}

const refusalsOf = (settings: ReadonlyArray<Setting<unknown>>): ReadonlyArray<Refusal> =>
  settings.flatMap((setting) => (setting._tag === "Invalid" ? [setting.refusal] : []))

/** The network decides where sources are enforced. */
export const borderOf = ({ services, vpcId }: Network): Border => {
  if (vpcId === undefined && services.has("Firewall")) return "firewall"
  return services.has("NetworkACL") ? "acl" : "rule"
}

export const wantedAddress = (service: Service, annotations: Annotations): WantedAddress => {
  const { address } = annotations
  if (address._tag === "Invalid") return { _tag: "Keep" }
  if (address._tag === "Given") {
    return { _tag: "Named", ip: address.value, field: fieldOf(rows.address) }
  }
  const ip = service.loadBalancerIP?.trim() ?? ""
  return ip === "" ? { _tag: "Any" } : { _tag: "Named", ip, field: "spec.loadBalancerIP" }
}

/** The address that the Service names, if it can be read. */
export const namedAddress = (service: Service): string | undefined => {
  const named = wantedAddress(service, decodeAnnotations(service.annotations, service.ports))
  return named._tag === "Named" ? named.ip : undefined
}

const refuseAddress = (address: WantedAddress, allowed: ReadonlyArray<string>): Refusal | undefined => {
  if (address._tag !== "Named") return undefined
  const { field, ip } = address
  if (parseIpv4(ip) === undefined) {
    return {
      reason: "InvalidAddress",
      field,
      cause: `"${ip}" is not an IPv4 address`,
      remedy: "Name a public IPv4 address of the account, or remove the field to get any free one"
    }
  }
  if (allowed.length > 0 && !admits(allowed, ip)) {
    return {
      reason: "AddressNotAllowed",
      field,
      cause: `${ip} is not among the addresses that Services of this cluster may name`,
      remedy: "Name another address, or have the operator extend allowed-addresses in the cloud-config"
    }
  }
  return undefined
}

/** Where only the rule itself can restrict, an old server would ignore the demand: then nothing is opened at all. */
const refuseSources = (input: DesiredInput, sources: SourceDemand): Refusal | undefined => {
  const restricted = sources._tag === "Allowed" && !isOpen(sources.cidrs)
  if (!restricted || borderOf(input.network) === "firewall" || input.ruleSources !== "none") return undefined
  return {
    reason: "SourceRangesUnsupported",
    field: "spec.loadBalancerSourceRanges",
    cause: `in network ${input.network.name} only the load balancer rule can restrict sources, which CloudStack does since 4.18 and this server is older`,
    remedy: "Remove the source ranges to let everybody in, use a network with a firewall, or upgrade CloudStack"
  }
}

const refuseFamilies = (service: Service): Refusal | undefined =>
  service.ipFamilies.length > 0 && !service.ipFamilies.includes("IPv4")
    ? {
        reason: "IPFamilyUnsupported",
        field: "spec.ipFamilies",
        cause: "CloudStack's public load balancing is IPv4 and the Service has only IPv6",
        remedy: "Add IPv4 to spec.ipFamilies"
      }
    : undefined

type SourceDemand = ReturnType<typeof sourcesOf>

/** `sources` undefined = the demand is not understood. */
const sourcesOf = (service: Service) => {
  const own = service.annotations[sourceCidrs]
  return readSources({
    specRanges: service.sourceRanges,
    standard: service.annotations[standardAnnotation],
    own: own === undefined ? undefined : { name: sourceCidrs, text: own }
  })
}

const notesOf = (
  service: Service,
  annotations: Annotations,
  ipv6Sources: ReadonlyArray<string>
): ReadonlyArray<Note> => {
  const notes: Array<Note> = []
  if (ipv6Sources.length > 0) {
    const message = `IPv6 sources have no effect, the load balancer's address is IPv4: ${ipv6Sources.join(", ")}`
    notes.push({ type: "Warning", reason: "LoadBalancerSourceRangesIgnored", message })
  }
  if (service.ipFamilies.includes("IPv6") && service.ipFamilies.includes("IPv4")) {
    const message = "CloudStack's public load balancing is IPv4: the Service gets an IPv4 address only"
    notes.push({ type: "Normal", reason: "IPv4Only", message })
  }
  if (annotations.unknown.length > 0) {
    const message = `Not known, so without effect: ${annotations.unknown.join(", ")}`
    notes.push({ type: "Warning", reason: "UnknownAnnotation", message })
  }
  return notes
}

/** Only a tag can say that an address is kept, and for whom. */
const keepOf = (setting: Setting<boolean>, mayTag: boolean) => {
  if (setting._tag === "Invalid") return { value: undefined, refusals: [setting.refusal] }
  const value = setting._tag === "Given" && setting.value
  if (!value || mayTag) return { value, refusals: [] }
  const refusal: Refusal = {
    reason: "KeepIpForbidden",
    field: fieldOf(rows.keepIp),
    cause: "an address that is to outlive its Service has to be tagged with its name, and the key's role may not tag",
    remedy:
      "Allow createTags, deleteTags and listApis to the role, or remove the annotation: the address then goes with the Service"
  }
  return { value: undefined, refusals: [refusal] }
}

type MembersOf = Pick<DesiredInput, "service" | "nodes" | "machines" | "now">

/** What may serve the Service in this network. */
export const membersIn = (input: MembersOf, networkId: NetworkId): Members => {
  const annotations = decodeAnnotations(input.service.annotations, input.service.ports)
  return selectMembers({
    ...input,
    uid: input.service.uid,
    networkId,
    maxMembers: given(annotations.maxMembers, undefined),
    selector: given(annotations.nodeSelector, undefined),
    unclear: annotations.maxMembers._tag === "Invalid" || annotations.nodeSelector._tag === "Invalid"
  })
}

export const desired = (input: DesiredInput): Desired => {
  const { network, service } = input
  const annotations = decodeAnnotations(service.annotations, service.ports)
  const { members, notes: memberNotes, targets } = membersIn(input, network.id)
  const sources = sourcesOf(service)
  const address = wantedAddress(service, annotations)
  const notes = [...notesOf(service, annotations, sources._tag === "Allowed" ? sources.ipv6 : []), ...memberNotes]
  const allowed = sources._tag === "Allowed" ? sources.cidrs : undefined
  const unsupported = refuseSources(input, sources)
  const kept = unsupported === undefined ? allowed : undefined
  const refusal =
    refuseNetwork(network) ??
    refuseFamilies(service) ??
    refusePorts(service, network) ??
    unsupported ??
    refuseAddress(address, input.allowedAddresses)
  if (refusal !== undefined) return { _tag: "Refused", refusal, sources: kept, notes }

  const { errors, ports, waitsFor } = wantPorts({ ...input, annotations, border: borderOf(network), sources: allowed })
  const [error] = errors
  if (error !== undefined && ports.length === 0) {
    return { _tag: "Refused", refusal: error.refusal, sources: kept, notes }
  }
  const keep = keepOf(annotations.keepIp, input.abilities.tag)
  const { hostname } = annotations
  const wanted: Wanted = {
    address,
    ports,
    members,
    targets,
    portErrors: errors,
    mayTag: input.abilities.tag,
    keep: keep.value,
    border: borderOf(network),
    sources: allowed,
    ruleSources: input.ruleSources,
    hostname:
      hostname._tag === "Given"
        ? { _tag: "Name", name: hostname.value }
        : { _tag: hostname._tag === "Absent" ? "None" : "Keep" },
    waitsFor: [
      ...(sources._tag === "Invalid" ? [sources.refusal] : []),
      ...waitsFor,
      ...keep.refusals,
      ...refusalsOf([
        annotations.address,
        annotations.hostname,
        annotations.network,
        annotations.maxMembers,
        annotations.nodeSelector
      ])
    ]
  }
  return { _tag: "Wanted", wanted, notes: [...notes, ...errors.map(({ refusal }) => warning(refusal))] }
}

/** Everybody may connect. */
export const isOpen = (sources: ReadonlyArray<string>): boolean => sources.includes(anywhere)
