/** The world the cluster tests begin with, as both sides know it: VMs in CloudStack, Nodes in Kubernetes. */

/** Recognisable, so that a search through all output finds them. */
export const keys = {
  admin: { apiKey: "admin-api-key-in-tests", secretKey: "admin-secret-key-in-tests" },
  owner: { apiKey: "CCM-API-KEY-4f9c1d7be0a2", secretKey: "CCM-SECRET-KEY-83b05e6f2c91" }
} as const

const workers = ["worker-1", "worker-2", "worker-3"]
/** A VM without a Node yet. */
export const spare = "worker-4"
/** Others, in two networks each. */
export const furtherSpares = ["worker-5", "worker-6"]
export const controlPlaneNode = "control-plane-1"

export const world = {
  settings: { jobMillis: 50 },
  // Names as people give them, which are no labels.
  zones: [{ ref: "zone1", name: "Zone 1" }],
  accounts: [
    { ref: "root", name: "admin", role: "Admin", apikey: keys.admin.apiKey, secretkey: keys.admin.secretKey },
    {
      ref: "alice",
      name: "alice",
      apikey: keys.owner.apiKey,
      secretkey: keys.owner.secretKey,
      limits: { publicIps: 100 }
    }
  ],
  networks: ["net1", "net2"].map((name) => ({ ref: name, name, kind: "isolated", owner: "alice" })),
  vms: [
    ...[controlPlaneNode, ...workers, spare].map((name) => ({ name, networks: ["net1"] })),
    // The default NIC is not the first one by number.
    ...furtherSpares.map((name) => ({ name, networks: ["net2", "net1"] }))
  ].map(({ name, networks }) => ({
    ref: name,
    name,
    owner: "alice",
    nics: networks.map((network) => ({ network }))
  }))
}

/** As a kubelet registers it, kubeadm's label on the control plane included. */
export const nodeObject = (name: string) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: {
    name,
    labels:
      name === controlPlaneNode
        ? { "node-role.kubernetes.io/control-plane": "", "node.kubernetes.io/exclude-from-external-load-balancers": "" }
        : {}
  }
})

export const nodesAtFirst = [controlPlaneNode, ...workers]

const region = "Région de l’Est, très loin de tout, derrière les sept montagnes et encore un peu plus"

/** Those a Service is balanced over. */
export const candidates: ReadonlyArray<string> = workers

export const cloudConfig = (apiUrl: string) =>
  `[Global]\napi-url = ${apiUrl}\napi-key = ${keys.owner.apiKey}\nsecret-key = ${keys.owner.secretKey}\nregion = "${region}"\n`
