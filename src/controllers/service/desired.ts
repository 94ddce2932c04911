/** What a Service wants: its spec, annotations, nodes and network read into `Wanted`, or one refusal. Pure. */
import { type Annotations, decodeAnnotations, type Setting, sourceCidrs } from "../../domain/Annotations.ts"
import { admits, anywhere, parseIpv4 } from "../../domain/Cidr.ts"
import type { Network } from "../../domain/Cloud.ts"
import type { MachineIndex } from "../../domain/NodeIdentity.ts"
import type { Note, Refusal } from "../../domain/Refusal.ts"
import { readSources, standardAnnotation } from "../../domain/SourceRanges.ts"
import type { Node, Service } from "../../kubernetes/objects.ts"
import { selectMembers } from "./members.ts"
import { refusePorts } from "./refusePorts.ts"
import type { Border, Desired, Wanted, WantedAddress, WantedPort } from "./wanted.ts"

export interface DesiredInput {
  readonly service: Service
  readonly nodes: ReadonlyArray<Node>
  readonly machines: MachineIndex
  /** The network that the load balancer is in. */
  readonly network: Network
  /** Addresses that a Service may name (CIDRs); empty = any. */
  readonly allowedAddresses: ReadonlyArray<string>
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
export const borderOf = (network: Network): Border => (network.services.has("Firewall") ? "firewall" : "rule")

export const wantedAddress = (service: Service, annotations: Annotations): WantedAddress => {
  const { address } = annotations
  if (address._tag === "Invalid") return { _tag: "Keep" }
  if (address._tag === "Given") {
    return { _tag: "Named", ip: address.value, field: "metadata.annotations[…-address]" }
  }
  const ip = service.loadBalancerIP?.trim() ?? ""
  return ip === "" ? { _tag: "Any" } : { _tag: "Named", ip, field: "spec.loadBalancerIP" }
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

const refuseNetwork = (network: Network): Refusal | undefined => {
  const field = `network ${network.name}`
  if (network.vpcId !== undefined) {
    return {
      reason: "NetworkUnsupported",
      field,
      cause: "it is a tier of a VPC, for which load balancers are not made yet",
      remedy: "Use an isolated network"
    }
  }
  if (network.services.has("Lb")) return undefined
  return {
    reason: "NetworkUnsupported",
    field,
    cause: "its offering has no load balancer service (Lb)",
    remedy: "Use a network whose offering has it, or leave the Service to another controller by loadBalancerClass"
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
  if (service.ipFamilies.includes("IPv6")) {
    const message = "CloudStack's public load balancing is IPv4: the Service gets an IPv4 address only"
    notes.push({ type: "Normal", reason: "IPv4Only", message })
  }
  if (annotations.unknown.length > 0) {
    const message = `Not known, so without effect: ${annotations.unknown.join(", ")}`
    notes.push({ type: "Warning", reason: "UnknownAnnotation", message })
  }
  return notes
}

export const desired = (input: DesiredInput): Desired => {
  const { network, service } = input
  const annotations = decodeAnnotations(service.annotations, service.ports)
  const { members, notes: memberNotes } = selectMembers(input.nodes, input.machines, network.id)
  const sources = sourcesOf(service)
  const address = wantedAddress(service, annotations)
  const notes = [...notesOf(service, annotations, sources._tag === "Allowed" ? sources.ipv6 : []), ...memberNotes]
  const refusal =
    refuseNetwork(network) ??
    refuseFamilies(service) ??
    refusePorts(service, network) ??
    refuseAddress(address, input.allowedAddresses)
  if (refusal !== undefined) return { _tag: "Refused", refusal, members, notes }

  const proxied = given(annotations.proxyProtocol, new Set<number>())
  const algorithm = given(annotations.algorithm, service.sessionAffinity === "ClientIP" ? "source" : "roundrobin")
  const ports = service.ports.map((port): WantedPort => {
    const ipProtocol = port.protocol === "UDP" ? "udp" : "tcp"
    return {
      port: port.port,
      nodePort: port.nodePort,
      ipProtocol,
      protocol:
        ipProtocol === "udp" ? "udp" : proxied === undefined ? undefined : proxied.has(port.port) ? "tcp-proxy" : "tcp",
      algorithm,
      sources: sources._tag === "Allowed" ? sources.cidrs : undefined
    }
  })
  const { hostname } = annotations
  const wanted: Wanted = {
    address,
    ports,
    members,
    border: borderOf(network),
    hostname:
      hostname._tag === "Given"
        ? { _tag: "Name", name: hostname.value }
        : { _tag: hostname._tag === "Absent" ? "None" : "Keep" },
    waitsFor: [
      ...(sources._tag === "Invalid" ? [sources.refusal] : []),
      ...refusalsOf([annotations.proxyProtocol, annotations.algorithm, annotations.address, annotations.hostname])
    ]
  }
  return { _tag: "Wanted", wanted, notes }
}

/** Everybody may connect. */
export const isOpen = (sources: ReadonlyArray<string>): boolean => sources.includes(anywhere)
