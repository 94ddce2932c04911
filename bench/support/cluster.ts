/** A large cluster in memory: its Nodes on as many VMs, and Services that the controller itself brings to rest. */
import { Duration, Effect, Layer, Redacted } from "effect"
import { CallPriority } from "../../src/cloudstack/Api.ts"
import { layer as cloudServices } from "../../src/cloudstack/layers.ts"
import { layerHttp } from "../../src/cloudstack/memory/http.ts"
import { layer as simulator } from "../../src/cloudstack/memory/layer.ts"
import { layerMemory } from "../../src/cloudstack/memory/layerMemory.ts"
import { type CloudSettings, Settings } from "../../src/config/Settings.ts"
import { ClusterId } from "../../src/controllers/ClusterIdentity.ts"
import { makeMemory } from "../../src/controllers/node/Memory.ts"
import * as NodeController from "../../src/controllers/node/NodeController.ts"
import { ServiceOptions } from "../../src/controllers/service/options.ts"
import { ServiceController } from "../../src/controllers/service/ServiceController.ts"
import { KubeMemory } from "../../src/kubernetes/memory/KubeMemory.ts"
import { kubernetesMemory } from "../../src/kubernetes/memory/layers.ts"

export const account = { ref: "alice", apikey: "alice-key", secretkey: "alice-secret" }
export const clusterId = "bench"

export const settings: CloudSettings = {
  apiUrl: "http://127.0.0.1/client/api",
  credentials: { apiKey: Redacted.make(account.apikey), secretKey: Redacted.make(account.secretkey) },
  verifyTls: true,
  callTimeout: Duration.seconds(60),
  jobTimeout: Duration.minutes(5),
  rateLimit: { qps: 0, burst: 1 },
  vmCacheTtl: Duration.seconds(30),
  clusterId,
  previousClusterIds: [],
  servicePolicy: "all",
  allowedAddresses: []
}

export const many = <A>(count: number, make: (index: number) => A): ReadonlyArray<A> =>
  Array.from({ length: count }, (_, index) => make(index))

export const nodeName = (index: number) => `worker-${index}`
const serviceName = (index: number) => `web-${index}`

export const worldOf = (nodes: number, addresses: number) => ({
  zones: [{ ref: "zone1", name: "zone1" }],
  accounts: [{ ...account, name: "alice", role: "User", limits: { publicIps: addresses + 2 } }],
  networks: [{ ref: "net1", name: "net1", kind: "isolated", owner: account.ref }],
  vms: many(nodes, (index) => ({
    ref: nodeName(index),
    name: nodeName(index),
    owner: account.ref,
    nics: [{ network: "net1" }]
  }))
})

/** What stays when a controller ends; CloudStack can be asked over HTTP as well. */
export const outside = (nodes: number, services: number) =>
  layerHttp({ bind: "127.0.0.1", port: 0 }).pipe(
    Layer.provideMerge(simulator(worldOf(nodes, services), { seed: 1 })),
    Layer.merge(Layer.merge(kubernetesMemory, Settings.layerOf(settings)))
  )

/** A controller that has just started: all its caches are empty. */
const inside = Layer.mergeAll(
  cloudServices.pipe(Layer.provide(layerMemory(account.ref))),
  ServiceController.layer,
  ServiceOptions.layerOf(),
  ClusterId.layerOf(clusterId)
)

export const nodeOf = (name: string) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name },
  spec: {
    taints: [{ key: "node.cloudprovider.kubernetes.io/uninitialized", value: "true", effect: "NoSchedule" }]
  },
  status: { conditions: [{ type: "Ready", status: "True" }] }
})

export const serviceOf = (name: string, ports: number) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace: "shop", name },
  spec: {
    type: "LoadBalancer",
    selector: { app: name },
    ports: many(ports, (index) => ({ name: `port-${index}`, port: 8_000 + index, targetPort: "http" }))
  }
})

export const populate = Effect.fnUntraced(function* (nodes: number, services: number) {
  const kube = yield* KubeMemory
  for (const name of many(nodes, nodeName)) yield* kube.apply(nodeOf(name))
  for (const name of many(services, serviceName)) yield* kube.apply(serviceOf(name, 1))
  const memory = makeMemory()
  yield* Effect.gen(function* () {
    yield* Effect.forEach(many(nodes, nodeName), (name) =>
      NodeController.reconcile(memory, name, "external-cloudstack")
    )
    yield* Effect.forEach(many(services, serviceName), (name) => ServiceController.reconcile(`shop/${name}`), {
      concurrency: "unbounded"
    }).pipe(Effect.provideService(CallPriority, "resync"))
  }).pipe(Effect.provide(inside, { local: true }))
})
