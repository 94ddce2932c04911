/** Manifests as a user would write them, short. */

type Json = Readonly<Record<string, unknown>>

export const serviceManifest = (name: string, spec: Json = {}, metadata: Json = {}): Json => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "shop", ...metadata },
  spec: {
    type: "LoadBalancer",
    selector: { app: name },
    ports: [
      { name: "http", port: 80, targetPort: "http" },
      { name: "https", port: 443, targetPort: 8443 }
    ],
    ...spec
  }
})

export const nodeManifest = (name: string, over: { readonly metadata?: Json; readonly spec?: Json } = {}): Json => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, ...over.metadata },
  spec: over.spec ?? {},
  status: {
    addresses: [
      { type: "InternalIP", address: "10.1.1.5" },
      { type: "Hostname", address: name }
    ],
    conditions: [{ type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" }]
  }
})
