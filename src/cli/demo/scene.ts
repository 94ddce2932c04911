/** What the demo begins with: a small CloudStack, the Nodes on it, and the Service of CloudStack's documentation. */

/** Free addresses, one network, four VMs; the fourth becomes a Node only later. */
export const world = {
  zones: [{ ref: "zone1", name: "demo-zone" }],
  accounts: [{ ref: "alice", name: "alice", role: "User", apikey: "demo-key", secretkey: "demo-secret" }],
  networks: [{ ref: "net1", name: "cluster-net", kind: "isolated", owner: "alice" }],
  vms: ["node-1", "node-2", "node-3", "node-4"].map((name) => ({
    ref: name,
    name,
    owner: "alice",
    nics: [{ network: "net1" }]
  })),
  publicIps: { free: { alice: 3 } }
}

/** The same CloudStack for the Nodes of an existing cluster. */
export const worldFor = (nodes: ReadonlyArray<string>) => ({
  ...world,
  vms: nodes.map((name, index) => ({ ref: `vm${index}`, name, owner: "alice", nics: [{ network: "net1" }] }))
})

/** As a kubelet started with `--cloud-provider=external` registers it. */
export const nodeManifest = (name: string) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels: { "kubernetes.io/hostname": name } },
  spec: {
    taints: [{ key: "node.cloudprovider.kubernetes.io/uninitialized", value: "true", effect: "NoSchedule" }]
  },
  status: {
    conditions: [{ type: "Ready", status: "True" }],
    addresses: [{ type: "Hostname", address: name }]
  }
})

/** `deploy/examples/traefik.yaml`, its Service. */
export const traefik = {
  apiVersion: "v1",
  kind: "Service",
  metadata: {
    namespace: "default",
    name: "traefik",
    annotations: { "service.beta.kubernetes.io/cloudstack-load-balancer-proxy-protocol": "enabled" }
  },
  spec: {
    type: "LoadBalancer",
    selector: { name: "traefik-ingress-controller" },
    ports: [
      { name: "http", port: 80, targetPort: "http" },
      { name: "https", port: 443, targetPort: "https" }
    ]
  }
}
