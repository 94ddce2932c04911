/** The two kinds that are watched, narrowed to the fields that are read. */

export interface ObjectRef {
  readonly kind: "Service" | "Node" | "Lease"
  readonly apiVersion: string
  /** Absent for Nodes. */
  readonly namespace?: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion?: string
}

export interface ServicePort {
  readonly name: string
  readonly protocol: "TCP" | "UDP" | "SCTP"
  readonly port: number
  /** 0 when not allocated. */
  readonly nodePort: number
  readonly targetPort: string
  readonly appProtocol: string
}

/** One entry of `status.loadBalancer.ingress`. */
export interface Ingress {
  readonly ip?: string
  readonly hostname?: string
  readonly ipMode?: "VIP" | "Proxy"
  readonly ports?: ReadonlyArray<{ readonly port: number; readonly protocol: string; readonly error?: string }>
}

export interface Service {
  /** `namespace/name`. */
  readonly key: string
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  readonly annotations: Readonly<Record<string, string>>
  readonly finalizers: ReadonlyArray<string>
  readonly deleting: boolean
  readonly type: string
  readonly loadBalancerClass?: string
  readonly loadBalancerIP?: string
  /** Absent and `[]` mean the same to the API server: no restriction. */
  readonly sourceRanges: ReadonlyArray<string>
  readonly ports: ReadonlyArray<ServicePort>
  readonly sessionAffinity: string
  /** `spec.sessionAffinityConfig.clientIP.timeoutSeconds`. */
  readonly sessionAffinityTimeout?: number
  readonly externalTrafficPolicy: string
  readonly healthCheckNodePort?: number
  readonly allocateNodePorts: boolean
  readonly ipFamilies: ReadonlyArray<string>
  readonly externalIPs: ReadonlyArray<string>
  readonly ingress: ReadonlyArray<Ingress>
}

export interface Taint {
  readonly key: string
  readonly value?: string
  readonly effect: string
  readonly timeAdded?: string
}

export interface NodeAddress {
  readonly type: string
  readonly address: string
}

export interface Node {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly deleting: boolean
  readonly providerID: string
  readonly taints: ReadonlyArray<Taint>
  /** Status of condition `Ready`; missing counts as `Unknown`. */
  readonly ready: "True" | "False" | "Unknown"
  /** Since when, in milliseconds since the epoch; absent if the Node does not say. */
  readonly readySince?: number
  readonly addresses: ReadonlyArray<NodeAddress>
}

export const serviceRef = (service: Service): ObjectRef => ({
  kind: "Service",
  apiVersion: "v1",
  namespace: service.namespace,
  name: service.name,
  uid: service.uid,
  resourceVersion: service.resourceVersion
})

export const nodeRef = (node: Pick<Node, "name" | "uid" | "resourceVersion">): ObjectRef => ({
  kind: "Node",
  apiVersion: "v1",
  name: node.name,
  uid: node.uid,
  resourceVersion: node.resourceVersion
})
