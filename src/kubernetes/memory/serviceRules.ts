/** What the API server makes of a Service before it stores it: defaults, allocated node ports, refusals. */
import { isIP } from "node:net"
import { at, isObject, type Json, type JsonObject, listAt, objectAt, textAt, textsAt, withAt } from "../json.ts"

const firstNodePort = 30_000
const lastNodePort = 32_767

const protocolOf = (port: Json) => textAt(port, "protocol") || "TCP"
const numberAt = (value: Json, key: string): number => {
  const found = at(value, key)
  return typeof found === "number" ? found : 0
}

/** `TCP/30080`: what is taken in the cluster by a Service. */
export const nodePortsOf = (service: JsonObject): ReadonlyArray<string> => {
  const health = numberAt(objectAt(service, "spec"), "healthCheckNodePort")
  return [
    ...listAt(service, "spec", "ports").map((port) => `${protocolOf(port)}/${numberAt(port, "nodePort")}`),
    ...(health === 0 ? [] : [`TCP/${health}`])
  ].filter((name) => !name.endsWith("/0"))
}

const allocator = (taken: ReadonlySet<string>, own: ReadonlyArray<string>) => {
  const used = new Set([...taken, ...own])
  return (protocol: string): number => {
    for (let port = firstNodePort; port <= lastNodePort; port++) {
      if (used.has(`${protocol}/${port}`)) continue
      used.add(`${protocol}/${port}`)
      return port
    }
    return 0
  }
}

const isLoadBalancer = (service: JsonObject | undefined) => textAt(service, "spec", "type") === "LoadBalancer"

/** A port keeps its node port for as long as port and protocol stay. */
const keptNodePort = (before: JsonObject | undefined, port: JsonObject): number =>
  numberAt(
    listAt(before, "spec", "ports").find(
      (old) => numberAt(old, "port") === numberAt(port, "port") && protocolOf(old) === protocolOf(port)
    ) ?? null,
    "nodePort"
  )

export const prepareService = (
  before: JsonObject | undefined,
  after: JsonObject,
  taken: ReadonlySet<string>
): JsonObject => {
  const spec = objectAt(after, "spec")
  const type = textAt(spec, "type") || "ClusterIP"
  const balanced = type === "LoadBalancer"
  const external = balanced || type === "NodePort"
  const wantsNodePorts = type === "NodePort" || (balanced && at(spec, "allocateLoadBalancerNodePorts") !== false)
  const asked = listAt(spec, "ports")
    .filter(isObject)
    .map(({ nodePort: given, ...port }) => {
      const known = typeof given === "number" && given !== 0 ? given : keptNodePort(before, port)
      return { port, nodePort: external ? known : 0 }
    })
  const own = asked.map(({ port, nodePort }) => `${protocolOf(port)}/${nodePort}`)
  const allocate = allocator(taken, [...own, ...nodePortsOf(after)])
  const ports = asked.map(({ port, nodePort: known }) => {
    const nodePort = known === 0 && wantsNodePorts ? allocate(protocolOf(port)) : known
    return {
      ...port,
      protocol: protocolOf(port),
      targetPort: at(port, "targetPort") ?? numberAt(port, "port"),
      ...(nodePort === 0 ? {} : { nodePort })
    }
  })
  const policy = textAt(spec, "externalTrafficPolicy") || "Cluster"
  const { healthCheckNodePort, allocateLoadBalancerNodePorts, loadBalancerClass, externalTrafficPolicy, ...rest } = spec
  const known = typeof healthCheckNodePort === "number" ? healthCheckNodePort : 0
  const health = known !== 0 ? known : numberAt(objectAt(before, "spec"), "healthCheckNodePort")
  const prepared: JsonObject = {
    ...rest,
    type,
    ports,
    sessionAffinity: textAt(spec, "sessionAffinity") || "None",
    ipFamilies: at(spec, "ipFamilies") ?? ["IPv4"],
    ipFamilyPolicy: at(spec, "ipFamilyPolicy") ?? "SingleStack",
    ...(textAt(spec, "sessionAffinity") === "ClientIP" && at(spec, "sessionAffinityConfig") === undefined
      ? { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } }
      : {}),
    ...(external ? { externalTrafficPolicy: policy } : {}),
    ...(balanced ? { allocateLoadBalancerNodePorts: allocateLoadBalancerNodePorts ?? true } : {}),
    ...(balanced && loadBalancerClass !== undefined ? { loadBalancerClass } : {}),
    ...(balanced && policy === "Local" ? { healthCheckNodePort: health === 0 ? allocate("TCP") : health } : {})
  }
  return prepareStatus(before, { ...after, spec: prepared })
}

const prepareStatus = (before: JsonObject | undefined, after: JsonObject): JsonObject => {
  if (isLoadBalancer(before) && !isLoadBalancer(after)) return withAt(after, ["status", "loadBalancer"], {})
  const ingress = listAt(after, "status", "loadBalancer", "ingress")
  if (ingress.length === 0 || !isLoadBalancer(after)) return after
  return withAt(
    after,
    ["status", "loadBalancer", "ingress"],
    ingress.map((entry) =>
      isObject(entry) && textAt(entry, "ip") !== "" && textAt(entry, "ipMode") === ""
        ? { ...entry, ipMode: "VIP" }
        : entry
    )
  )
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

const ingressProblems = (service: JsonObject): ReadonlyArray<string> => {
  const entries = listAt(service, "status", "loadBalancer", "ingress")
  if (entries.length > 0 && !isLoadBalancer(service)) {
    return ['status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is "LoadBalancer"']
  }
  return entries.flatMap((entry, index) => {
    const path = `status.loadBalancer.ingress[${index}]`
    const [ip, mode, hostname] = [textAt(entry, "ip"), textAt(entry, "ipMode"), textAt(entry, "hostname")]
    return [
      ...(ip !== "" && isIP(ip) === 0 ? [`${path}.ip: Invalid value: "${ip}": must be a valid IP address`] : []),
      ...(ip === "" && mode !== "" ? [`${path}.ipMode: Forbidden: may not be specified when \`ip\` is not set`] : []),
      ...(mode !== "" && mode !== "VIP" && mode !== "Proxy"
        ? [`${path}.ipMode: Unsupported value: "${mode}": supported values: "Proxy", "VIP"`]
        : []),
      ...(hostname !== "" && (isIP(hostname) !== 0 || hostname.length > 253 || !subdomain.test(hostname))
        ? [`${path}.hostname: Invalid value: "${hostname}": must be a DNS name, not an IP address`]
        : [])
    ]
  })
}

const portProblems = (service: JsonObject, taken: ReadonlySet<string>): ReadonlyArray<string> => {
  const ports = listAt(service, "spec", "ports")
  if (ports.length === 0 && textAt(service, "spec", "clusterIP") !== "None") return ["spec.ports: Required value"]
  return ports.flatMap((port, index) => {
    const path = `spec.ports[${index}]`
    const number = numberAt(port, "port")
    const nodePort = numberAt(port, "nodePort")
    const same = (other: Json) => numberAt(other, "port") === number && protocolOf(other) === protocolOf(port)
    return [
      ...(number < 1 || number > 65_535 ? [`${path}.port: Invalid value: ${number}: must be between 1 and 65535`] : []),
      ...(ports.findIndex(same) < index ? [`${path}: Duplicate value: ${JSON.stringify(port)}`] : []),
      ...(ports.length > 1 && textAt(port, "name") === "" ? [`${path}.name: Required value`] : []),
      ...(nodePort !== 0 && (nodePort < firstNodePort || nodePort > lastNodePort)
        ? [`${path}.nodePort: Invalid value: ${nodePort}: provided port is not in the valid range`]
        : []),
      ...(taken.has(`${protocolOf(port)}/${nodePort}`)
        ? [`${path}.nodePort: Invalid value: ${nodePort}: provided port is already allocated`]
        : [])
    ]
  })
}

const isCidr = (text: string): boolean => {
  const [address = "", bits = "", ...rest] = text.trim().split("/")
  const width = isIP(address) === 4 ? 32 : 128
  return rest.length === 0 && isIP(address) !== 0 && /^\d+$/.test(bits) && Number(bits) <= width
}

const immutableClass = "spec.loadBalancerClass: Invalid value: may not change once set"

export const serviceProblems = (
  before: JsonObject | undefined,
  after: JsonObject,
  taken: ReadonlySet<string>
): ReadonlyArray<string> => [
  ...portProblems(after, taken),
  ...ingressProblems(after),
  ...textsAt(after, "spec", "loadBalancerSourceRanges")
    .filter((range) => !isCidr(range))
    .map((range) => `spec.loadBalancerSourceRanges: Invalid value: "${range}": must be a valid CIDR value`),
  ...(isLoadBalancer(before) &&
  isLoadBalancer(after) &&
  textAt(before, "spec", "loadBalancerClass") !== textAt(after, "spec", "loadBalancerClass")
    ? [immutableClass]
    : [])
]
