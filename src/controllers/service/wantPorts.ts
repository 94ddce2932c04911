/** The ports of a Service as they are to be served, with what the network and the role cannot do taken out. Pure. */
import { type Annotations, fieldOf, nameOf, rows, type Setting } from "../../domain/Annotations.ts"
import { anywhere } from "../../domain/Cidr.ts"
import type { Network } from "../../domain/Cloud.ts"
import type { Refusal } from "../../domain/Refusal.ts"
import { refuseStickiness, type Stickiness } from "../../domain/Stickiness.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { lbOf } from "./refusePorts.ts"
import { type Abilities, serve } from "./serving.ts"
import type { Border, Kept, PortError, WantedPort } from "./wanted.ts"

export interface PortsInput {
  readonly service: Service
  readonly network: Network
  readonly annotations: Annotations
  readonly abilities: Abilities
  /** TCP ports that are forwarded now: what a `forward-ports` that is not understood keeps. */
  readonly heldForwards: ReadonlySet<number>
  readonly border: Border
  /** Undefined = the demand is not understood. */
  readonly sources: Kept<ReadonlyArray<string>>
}

export interface WantedPorts {
  readonly ports: ReadonlyArray<WantedPort>
  readonly errors: ReadonlyArray<PortError>
  /** Settings that a load balancer not yet made has to wait for. */
  readonly waitsFor: ReadonlyArray<Refusal>
}

/** A setting as it may be applied, or why it is left as it is. */
interface Checked<A> {
  readonly value: Kept<A>
  readonly refusals: ReadonlyArray<Refusal>
}

const keep = (refusal: Refusal): Checked<never> => ({ value: undefined, refusals: [refusal] })

const algorithmOf = ({ annotations, network, service }: PortsInput): Checked<string> => {
  const setting = annotations.algorithm
  if (setting._tag === "Invalid") return keep(setting.refusal)
  const byAffinity = service.sessionAffinity === "ClientIP" ? "source" : "roundrobin"
  const value = setting._tag === "Given" ? setting.value : byAffinity
  const supported = (lbOf(network)?.capabilities.get("SupportedLbAlgorithms") ?? "").split(/[ ,]+/).filter(Boolean)
  if (supported.length === 0 || supported.includes(value)) return { value, refusals: [] }
  return keep({
    reason: "UnsupportedAlgorithm",
    field: setting._tag === "Given" ? fieldOf(rows.algorithm) : "spec.sessionAffinity",
    cause: `the load balancer of network ${network.name} knows no ${value} (it knows ${supported.join(", ")})`,
    remedy: `Choose one that it knows by the annotation ${nameOf(rows.algorithm)}`
  })
}

/** TCP ports that get the PROXY header. */
const proxiedOf = ({ annotations, network }: PortsInput): Checked<ReadonlySet<number>> => {
  const setting = annotations.proxyProtocol
  if (setting._tag === "Invalid") return keep(setting.refusal)
  if (setting._tag === "Absent" || setting.value.size === 0) return { value: new Set(), refusals: [] }
  const supported = (lbOf(network)?.capabilities.get("SupportedProtocols") ?? "").split(/[ ,]+/).filter(Boolean)
  if (supported.length === 0 || supported.includes("tcp-proxy")) return { value: setting.value, refusals: [] }
  return keep({
    reason: "UnsupportedProtocol",
    field: fieldOf(rows.proxyProtocol),
    cause: `the load balancer of network ${network.name} does not send the PROXY header (it knows ${supported.join(", ")})`,
    remedy: "Remove the annotation, or use a network whose load balancer provider knows tcp-proxy"
  })
}

const stickinessOf = ({ abilities, annotations, network }: PortsInput): Checked<Stickiness | "none"> => {
  const setting = annotations.stickiness
  if (setting._tag === "Invalid") return keep(setting.refusal)
  if (setting._tag === "Absent") return { value: "none", refusals: [] }
  const field = fieldOf(rows.stickiness)
  const cause = refuseStickiness(setting.value, lbOf(network)?.capabilities.get("SupportedStickinessMethods"))
  if (cause !== undefined) {
    const remedy = "Choose what the network's offering has, or remove the annotation"
    return keep({ reason: "UnsupportedStickiness", field, cause, remedy })
  }
  if (abilities.stick) return { value: setting.value, refusals: [] }
  return keep({
    reason: "StickinessForbidden",
    field,
    cause: "the key's role may not make stickiness policies",
    remedy:
      "Allow createLBStickinessPolicy, listLBStickinessPolicies, deleteLBStickinessPolicy and listApis to the role, or remove the annotation"
  })
}

/** Ports that are to be forwarded and to have the PROXY header. UDP has none anyway. */
const clashing = ({ annotations, service }: PortsInput, forwarded: ReadonlySet<number>): ReadonlyArray<number> => {
  const { proxyProtocol } = annotations
  const proxied = proxyProtocol._tag === "Given" ? proxyProtocol.value : new Set<number>()
  return service.ports.flatMap(({ port, protocol }) =>
    protocol === "TCP" && proxied.has(port) && forwarded.has(port) ? [port] : []
  )
}

/** A port that is forwarded reaches the node as it came: nobody adds a header. */
const clash = (both: ReadonlyArray<number>): ReadonlyArray<Refusal> => {
  if (both.length === 0) return []
  return [
    {
      reason: "ConflictingAnnotations",
      field: fieldOf(rows.forwardPorts),
      cause: `port ${both.join(", ")} is to be forwarded and to have the PROXY header, which only the load balancer adds`,
      remedy: `Take it out of ${rows.forwardPorts.suffix} or ${rows.proxyProtocol.suffix}`
    }
  ]
}

const numbersOf = (setting: Setting<ReadonlySet<number>>, held: ReadonlySet<number>): ReadonlySet<number> => {
  switch (setting._tag) {
    case "Absent":
      return new Set()
    case "Given":
      return setting.value
    case "Invalid":
      return held
  }
}

export const wantPorts = (input: PortsInput): WantedPorts => {
  const { annotations, border, heldForwards, sources } = input
  const { forwardPorts: forwarding } = annotations
  const proxied = proxiedOf(input)
  const demanded = numbersOf(forwarding, heldForwards)
  const both = clashing(input, demanded)
  // What cannot be both stays what it is.
  const forwardPorts = new Set([...demanded].filter((port) => !both.includes(port) || heldForwards.has(port)))
  const algorithm = algorithmOf(input)
  const stickiness = stickinessOf(input)
  const onlyRulesRestrict = border === "rule" && sources !== undefined && !sources.includes(anywhere)
  const { errors, ports } = serve({ ...input, forwardPorts, onlyRulesRestrict })
  const tcpProtocol = (port: number): WantedPort["protocol"] => {
    if (proxied.value === undefined) return undefined
    return proxied.value.has(port) ? "tcp-proxy" : "tcp"
  }
  return {
    ports: ports.map(({ port: { nodePort, port, protocol }, via }) => ({
      port,
      nodePort,
      via,
      ipProtocol: protocol === "UDP" ? "udp" : "tcp",
      protocol: protocol === "UDP" ? "udp" : tcpProtocol(port),
      algorithm: algorithm.value,
      stickiness: stickiness.value,
      sources
    })),
    errors,
    waitsFor: [
      ...proxied.refusals,
      ...(forwarding._tag === "Invalid" ? [forwarding.refusal] : []),
      ...clash(both),
      ...algorithm.refusals,
      ...stickiness.refusals
    ]
  }
}
