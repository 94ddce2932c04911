/** Objects as the API server sends them, with much that is not read. */

type Json = Readonly<Record<string, unknown>>

const managedFields = [
  {
    manager: "kubectl-client-side-apply",
    operation: "Update",
    apiVersion: "v1",
    time: "2026-11-01T08:00:00Z",
    fieldsType: "FieldsV1",
    fieldsV1: { "f:spec": { "f:ports": { ".": {}, 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:port": {} } } } }
  }
]

export const serviceJson = (name: string, resourceVersion: number, over: Json = {}): Json => ({
  kind: "Service",
  apiVersion: "v1",
  metadata: {
    name,
    namespace: "shop",
    uid: `uid-${name}`,
    resourceVersion: String(resourceVersion),
    creationTimestamp: "2026-11-01T08:00:00Z",
    annotations: { "service.beta.kubernetes.io/cloudstack-load-balancer-proxy-protocol": "enabled" },
    finalizers: ["service.kubernetes.io/load-balancer-cleanup"],
    managedFields
  },
  spec: {
    ports: [
      { name: "http", protocol: "TCP", port: 80, targetPort: "http", nodePort: 31_080 },
      { name: "https", protocol: "TCP", appProtocol: "kubernetes.io/ws", port: 443, targetPort: 8443, nodePort: 31_443 }
    ],
    selector: { app: name },
    clusterIP: "10.96.14.7",
    clusterIPs: ["10.96.14.7"],
    type: "LoadBalancer",
    sessionAffinity: "ClientIP",
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
    loadBalancerSourceRanges: ["192.0.2.0/24"],
    externalTrafficPolicy: "Local",
    healthCheckNodePort: 32_000,
    ipFamilies: ["IPv4"],
    ipFamilyPolicy: "SingleStack",
    allocateLoadBalancerNodePorts: true,
    internalTrafficPolicy: "Cluster"
  },
  status: {
    loadBalancer: {
      ingress: [
        { ip: "203.0.113.7", ipMode: "Proxy", ports: [{ port: 80, protocol: "TCP", error: null }] },
        { hostname: "lb.example.com" }
      ]
    }
  },
  ...over
})

export const nodeJson = (name: string, resourceVersion: number): Json => ({
  kind: "Node",
  apiVersion: "v1",
  metadata: {
    name,
    uid: `uid-${name}`,
    resourceVersion: String(resourceVersion),
    creationTimestamp: "2026-11-01T08:00:00Z",
    labels: { "kubernetes.io/hostname": name, "node-role.kubernetes.io/control-plane": "" },
    annotations: { "node.alpha.kubernetes.io/ttl": "0" },
    managedFields
  },
  spec: {
    podCIDR: "10.244.1.0/24",
    providerID: "external-cloudstack://5f1c",
    taints: [
      { key: "node.kubernetes.io/unreachable", effect: "NoExecute", timeAdded: "2026-11-01T09:00:00Z" },
      { key: "example.com/x", value: "y", effect: "NoSchedule" }
    ]
  },
  status: {
    capacity: { cpu: "4", memory: "8145396Ki", pods: "110" },
    conditions: [
      { type: "MemoryPressure", status: "False", lastHeartbeatTime: "2026-11-01T09:00:00Z", reason: "KubeletHas" },
      { type: "Ready", status: "False", lastHeartbeatTime: "2026-11-01T09:00:00Z", reason: "KubeletNotReady" }
    ],
    addresses: [
      { type: "InternalIP", address: "10.1.1.5" },
      { type: "Hostname", address: name }
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
    nodeInfo: { machineID: "8f", kubeletVersion: "v1.36.1", operatingSystem: "linux", architecture: "amd64" },
    images: [{ names: ["registry.k8s.io/pause:3.10"], sizeBytes: 320_368 }]
  }
})
