/** Decodes API objects into the narrow ones at the door; unknown fields are dropped, missing optional ones forgiven. */
import { Result, Schema } from "effect"
import type { Ingress, Node, Service, ServicePort, Taint } from "./objects.ts"

/** The API server omits empty fields, but other writers of JSON say `null`. */
const maybe = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullishOr(schema))

const Texts = Schema.Record(Schema.String, Schema.String)

const Metadata = Schema.Struct({
  name: Schema.NonEmptyString,
  namespace: maybe(Schema.String),
  uid: Schema.NonEmptyString,
  resourceVersion: Schema.NonEmptyString,
  creationTimestamp: maybe(Schema.String),
  deletionTimestamp: maybe(Schema.String),
  labels: maybe(Texts),
  annotations: maybe(Texts),
  finalizers: maybe(Schema.Array(Schema.String))
})

const PortWire = Schema.Struct({
  name: maybe(Schema.String),
  protocol: maybe(Schema.Literals(["TCP", "UDP", "SCTP"])),
  port: Schema.Int,
  nodePort: maybe(Schema.Int),
  targetPort: maybe(Schema.Union([Schema.Int, Schema.String])),
  appProtocol: maybe(Schema.String)
})

const IngressWire = Schema.Struct({
  ip: maybe(Schema.String),
  hostname: maybe(Schema.String),
  ipMode: maybe(Schema.String),
  ports: maybe(
    Schema.Array(Schema.Struct({ port: Schema.Int, protocol: maybe(Schema.String), error: maybe(Schema.String) }))
  )
})

const ServiceWire = Schema.Struct({
  metadata: Metadata,
  spec: maybe(
    Schema.Struct({
      type: maybe(Schema.String),
      loadBalancerClass: maybe(Schema.String),
      loadBalancerIP: maybe(Schema.String),
      loadBalancerSourceRanges: maybe(Schema.Array(Schema.String)),
      ports: maybe(Schema.Array(PortWire)),
      sessionAffinity: maybe(Schema.String),
      sessionAffinityConfig: maybe(
        Schema.Struct({ clientIP: maybe(Schema.Struct({ timeoutSeconds: maybe(Schema.Int) })) })
      ),
      externalTrafficPolicy: maybe(Schema.String),
      healthCheckNodePort: maybe(Schema.Int),
      allocateLoadBalancerNodePorts: maybe(Schema.Boolean),
      ipFamilies: maybe(Schema.Array(Schema.String)),
      externalIPs: maybe(Schema.Array(Schema.String))
    })
  ),
  status: maybe(Schema.Struct({ loadBalancer: maybe(Schema.Struct({ ingress: maybe(Schema.Array(IngressWire)) })) }))
})

const NodeWire = Schema.Struct({
  metadata: Metadata,
  spec: maybe(
    Schema.Struct({
      providerID: maybe(Schema.String),
      taints: maybe(
        Schema.Array(
          Schema.Struct({
            key: Schema.String,
            value: maybe(Schema.String),
            effect: Schema.String,
            timeAdded: maybe(Schema.String)
          })
        )
      )
    })
  ),
  status: maybe(
    Schema.Struct({
      addresses: maybe(Schema.Array(Schema.Struct({ type: Schema.String, address: Schema.String }))),
      conditions: maybe(
        Schema.Array(
          Schema.Struct({ type: Schema.String, status: Schema.String, lastTransitionTime: maybe(Schema.String) })
        )
      )
    })
  )
})

const optional = <K extends string, A>(key: K, value: A | null | undefined): { readonly [P in K]?: A } | object =>
  value === null || value === undefined || value === "" ? {} : { [key]: value }

const toPort = (wire: typeof PortWire.Type): ServicePort => ({
  name: wire.name ?? "",
  protocol: wire.protocol ?? "TCP",
  port: wire.port,
  nodePort: wire.nodePort ?? 0,
  targetPort: String(wire.targetPort ?? wire.port),
  appProtocol: wire.appProtocol ?? ""
})

const toIngress = (wire: typeof IngressWire.Type): Ingress => ({
  ...optional("ip", wire.ip),
  ...optional("hostname", wire.hostname),
  ...(wire.ipMode === "VIP" || wire.ipMode === "Proxy" ? { ipMode: wire.ipMode } : {}),
  ...(wire.ports === null || wire.ports === undefined || wire.ports.length === 0
    ? {}
    : {
        ports: wire.ports.map(({ port, protocol, error }) => ({
          port,
          protocol: protocol ?? "TCP",
          ...optional("error", error)
        }))
      })
})

const toService = ({ metadata, spec, status }: typeof ServiceWire.Type): Service => {
  const namespace = metadata.namespace ?? "default"
  const timeout = spec?.sessionAffinityConfig?.clientIP?.timeoutSeconds
  return {
    key: `${namespace}/${metadata.name}`,
    namespace,
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    annotations: metadata.annotations ?? {},
    finalizers: metadata.finalizers ?? [],
    deleting: (metadata.deletionTimestamp ?? "") !== "",
    type: spec?.type ?? "ClusterIP",
    ...optional("loadBalancerClass", spec?.loadBalancerClass),
    ...optional("loadBalancerIP", spec?.loadBalancerIP),
    sourceRanges: spec?.loadBalancerSourceRanges ?? [],
    ports: (spec?.ports ?? []).map(toPort),
    sessionAffinity: spec?.sessionAffinity ?? "None",
    ...optional("sessionAffinityTimeout", timeout),
    externalTrafficPolicy: spec?.externalTrafficPolicy ?? "Cluster",
    ...(spec?.healthCheckNodePort ? { healthCheckNodePort: spec.healthCheckNodePort } : {}),
    allocateNodePorts: spec?.allocateLoadBalancerNodePorts ?? true,
    ipFamilies: spec?.ipFamilies ?? [],
    externalIPs: spec?.externalIPs ?? [],
    ingress: (status?.loadBalancer?.ingress ?? []).map(toIngress)
  }
}

const readiness = (status: string | undefined): Node["ready"] =>
  status === "True" || status === "False" ? status : "Unknown"

const toNode = ({ metadata, spec, status }: typeof NodeWire.Type): Node => {
  const created = Date.parse(metadata.creationTimestamp ?? "")
  const ready = (status?.conditions ?? []).find((condition) => condition.type === "Ready")
  const readySince = Date.parse(ready?.lastTransitionTime ?? "")
  return {
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    createdAt: Number.isNaN(created) ? 0 : created,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    deleting: (metadata.deletionTimestamp ?? "") !== "",
    providerID: spec?.providerID ?? "",
    taints: (spec?.taints ?? []).map(
      ({ key, value, effect, timeAdded }): Taint => ({
        key,
        effect,
        ...optional("value", value),
        ...optional("timeAdded", timeAdded)
      })
    ),
    ready: readiness(ready?.status),
    ...(Number.isNaN(readySince) ? {} : { readySince }),
    addresses: (status?.addresses ?? []).map(({ type, address }) => ({ type, address }))
  }
}

const service = Schema.decodeUnknownResult(ServiceWire)
const node = Schema.decodeUnknownResult(NodeWire)

export type Decoded<A> = Result.Result<A, Schema.SchemaError>

export const decodeService = (json: unknown): Decoded<Service> => Result.map(service(json), toService)

export const decodeNode = (json: unknown): Decoded<Node> => Result.map(node(json), toNode)
