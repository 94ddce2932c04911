/**
 * What the views promise on any API server, in memory or real. Each check makes its own objects through `Cluster` (the
 * user's side: kubectl or the in-memory one) and waits for the cache where the real one needs time.
 */
import { assert } from "@effect/vitest"
import { Effect, Option, Schedule } from "effect"
import { Leases } from "../../src/kubernetes/Leases.ts"
import { Nodes } from "../../src/kubernetes/Nodes.ts"
import type { Node, Service } from "../../src/kubernetes/objects.ts"
import { Services } from "../../src/kubernetes/Services.ts"
import { nodeManifest, serviceManifest } from "./kubeManifests.ts"

type Kind = "services" | "nodes"

/** The user of the cluster. Namespace `shop` exists. */
export interface Cluster {
  readonly apply: (manifest: unknown) => Effect.Effect<unknown, unknown>
  /** A merge patch on the main resource. */
  readonly edit: (kind: Kind, key: string, patch: unknown) => Effect.Effect<unknown, unknown>
  /** Does not wait for finalizers. */
  readonly remove: (kind: Kind, key: string) => Effect.Effect<unknown, unknown>
}

const finalizer = "service.kubernetes.io/load-balancer-cleanup"

const eventually = <A, R>(look: Effect.Effect<Option.Option<A>, never, R>): Effect.Effect<A, never, R> =>
  Effect.flatMap(look, Effect.fromOption).pipe(
    Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 200 }),
    Effect.orDie
  )

const serviceWhere = (key: string, test: (service: Service) => boolean = () => true) =>
  eventually(Effect.flatMap(Services, (services) => Effect.map(services.find(key), Option.filter(test))))

const nodeWhere = (name: string, test: (node: Node) => boolean = () => true) =>
  eventually(Effect.flatMap(Nodes, (nodes) => Effect.map(nodes.find(name), Option.filter(test))))

const serviceGone = (key: string) =>
  eventually(
    Effect.flatMap(Services, (services) =>
      Effect.map(services.find(key), (found) => (Option.isNone(found) ? Option.some(true) : Option.none()))
    )
  )

const key = (name: string) => `shop/${name}`

const allocatesNodePorts = Effect.fnUntraced(function* (cluster: Cluster) {
  yield* cluster.apply(serviceManifest("ports"))
  const service = yield* serviceWhere(key("ports"))
  assert.strictEqual(service.type, "LoadBalancer")
  assert.isTrue(service.allocateNodePorts)
  for (const port of service.ports) assert.isTrue(port.nodePort >= 30_000 && port.nodePort <= 32_767)
  assert.notStrictEqual(service.ports[0]?.nodePort, service.ports[1]?.nodePort)
  assert.deepStrictEqual(
    service.ports.map((port) => [port.name, port.protocol, port.port, port.targetPort]),
    [
      ["http", "TCP", 80, "http"],
      ["https", "TCP", 443, "8443"]
    ]
  )
  yield* cluster.apply(serviceManifest("bare", { allocateLoadBalancerNodePorts: false }))
  const bare = yield* serviceWhere(key("bare"))
  assert.deepStrictEqual(
    bare.ports.map((port) => port.nodePort),
    [0, 0]
  )
  yield* cluster.remove("services", key("ports"))
  yield* cluster.remove("services", key("bare"))
  yield* serviceGone(key("bare"))
})

const finalizerBlocksDeletion = Effect.fnUntraced(function* (cluster: Cluster) {
  const services = yield* Services
  yield* cluster.apply(serviceManifest("held", {}, { finalizers: ["example.com/other"] }))
  const fresh = yield* serviceWhere(key("held"))

  const held = Option.getOrThrow(yield* services.write(fresh, { _tag: "AddFinalizer", finalizer }))
  assert.deepStrictEqual(held.finalizers, ["example.com/other", finalizer])
  assert.deepStrictEqual(Option.getOrThrow(yield* services.find(key("held"))).finalizers, held.finalizers)

  yield* cluster.remove("services", key("held"))
  const deleting = yield* serviceWhere(key("held"), (service) => service.deleting)
  assert.deepStrictEqual(deleting.finalizers, ["example.com/other", finalizer])

  const refused = yield* Effect.flip(services.write(deleting, { _tag: "AddFinalizer", finalizer: "example.com/late" }))
  assert.strictEqual(refused.status, 422)

  const less = Option.getOrThrow(yield* services.write(deleting, { _tag: "RemoveFinalizer", finalizer }))
  assert.deepStrictEqual(less.finalizers, ["example.com/other"])
  const gone = yield* services.write(less, { _tag: "RemoveFinalizer", finalizer: "example.com/other" })
  assert.isTrue(Option.isNone(gone))
  assert.isTrue(Option.isNone(yield* services.find(key("held"))))

  const late = yield* services.write(less, { _tag: "SetIngress", ingress: [{ ip: "203.0.113.9", ipMode: "VIP" }] })
  assert.isTrue(Option.isNone(late))
})

const removesOnlyItsFinalizer = Effect.fnUntraced(function* (cluster: Cluster) {
  const services = yield* Services
  yield* cluster.apply(serviceManifest("shared"))
  const fresh = yield* serviceWhere(key("shared"))
  const held = Option.getOrThrow(yield* services.write(fresh, { _tag: "AddFinalizer", finalizer }))
  // Somebody else's finalizer arrives that this copy does not know of.
  yield* cluster.edit("services", key("shared"), { metadata: { finalizers: [finalizer, "example.com/late"] } })
  const after = Option.getOrThrow(yield* services.write(held, { _tag: "RemoveFinalizer", finalizer }))
  assert.deepStrictEqual(after.finalizers, ["example.com/late"])
  yield* services.write(after, { _tag: "RemoveFinalizer", finalizer: "example.com/late" })
  yield* cluster.remove("services", key("shared"))
  yield* serviceGone(key("shared"))
})

const statusOfLoadBalancers = Effect.fnUntraced(function* (cluster: Cluster) {
  const services = yield* Services
  yield* cluster.apply(serviceManifest("status"))
  const fresh = yield* serviceWhere(key("status"))

  const plain = Option.getOrThrow(
    yield* services.write(fresh, { _tag: "SetIngress", ingress: [{ ip: "203.0.113.7" }] })
  )
  assert.deepStrictEqual(plain.ingress, [{ ip: "203.0.113.7", ipMode: "VIP" }])
  const same = Option.getOrThrow(yield* services.write(plain, { _tag: "SetIngress", ingress: plain.ingress }))
  assert.strictEqual(same.resourceVersion, plain.resourceVersion)

  const proxied = Option.getOrThrow(
    yield* services.write(plain, {
      _tag: "SetIngress",
      ingress: [
        { ip: "203.0.113.7", ipMode: "Proxy", ports: [{ port: 53, protocol: "UDP", error: "example.com/NoUdp" }] },
        { hostname: "lb.example.com" }
      ]
    })
  )
  assert.deepStrictEqual(proxied.ingress, [
    { ip: "203.0.113.7", ipMode: "Proxy", ports: [{ port: 53, protocol: "UDP", error: "example.com/NoUdp" }] },
    { hostname: "lb.example.com" }
  ])
  assert.deepStrictEqual(yield* services.find(key("status")), Option.some(proxied))

  for (const wrong of [
    { ip: "not-an-ip" },
    { hostname: "203.0.113.7" },
    { hostname: "a.test", ipMode: "VIP" as const }
  ]) {
    const refused = yield* Effect.flip(services.write(proxied, { _tag: "SetIngress", ingress: [wrong] }))
    assert.strictEqual(refused.status, 422)
  }

  yield* cluster.edit("services", key("status"), { spec: { type: "ClusterIP" } })
  const internal = yield* serviceWhere(key("status"), (service) => service.type === "ClusterIP")
  assert.deepStrictEqual(internal.ingress, [])
  for (const port of internal.ports) assert.strictEqual(port.nodePort, 0)
  const refused = yield* Effect.flip(services.write(internal, { _tag: "SetIngress", ingress: [{ ip: "203.0.113.7" }] }))
  assert.strictEqual(refused.status, 422)
  yield* cluster.remove("services", key("status"))
  yield* serviceGone(key("status"))
})

const annotates = Effect.fnUntraced(function* (cluster: Cluster) {
  const services = yield* Services
  yield* cluster.apply(serviceManifest("noted", {}, { annotations: { theirs: "1" } }))
  const fresh = yield* serviceWhere(key("noted"))
  const noted = Option.getOrThrow(yield* services.write(fresh, { _tag: "Annotate", annotations: { "x.test/a": "b" } }))
  assert.strictEqual(noted.annotations["x.test/a"], "b")
  const bare = Option.getOrThrow(yield* services.write(noted, { _tag: "Annotate", annotations: { "x.test/a": null } }))
  assert.isUndefined(bare.annotations["x.test/a"])
  assert.strictEqual(bare.annotations["theirs"], "1")
  yield* cluster.remove("services", key("noted"))
  yield* serviceGone(key("noted"))
})

const keepsTheClass = Effect.fnUntraced(function* (cluster: Cluster) {
  yield* cluster.apply(
    serviceManifest("classed", { loadBalancerClass: "example.com/x", externalTrafficPolicy: "Local" })
  )
  const classed = yield* serviceWhere(key("classed"))
  assert.strictEqual(classed.loadBalancerClass, "example.com/x")
  const health = classed.healthCheckNodePort ?? 0
  assert.isTrue(health >= 30_000 && !classed.ports.some((port) => port.nodePort === health))

  yield* Effect.flip(cluster.edit("services", key("classed"), { spec: { loadBalancerClass: "example.com/y" } }))
  yield* cluster.edit("services", key("classed"), { spec: { externalTrafficPolicy: "Cluster" } })
  const spread = yield* serviceWhere(key("classed"), (service) => service.externalTrafficPolicy === "Cluster")
  assert.notProperty(spread, "healthCheckNodePort")
  assert.deepStrictEqual(spread.ports, classed.ports)

  yield* cluster.edit("services", key("classed"), { spec: { type: "ClusterIP", loadBalancerClass: null } })
  const internal = yield* serviceWhere(key("classed"), (service) => service.type === "ClusterIP")
  assert.notProperty(internal, "loadBalancerClass")
  yield* cluster.remove("services", key("classed"))
  yield* serviceGone(key("classed"))
})

const keepsWhatOthersSet = Effect.fnUntraced(function* (cluster: Cluster) {
  const services = yield* Services
  yield* cluster.apply(serviceManifest("again", {}, { annotations: { mine: "1", gone: "1" } }))
  const fresh = yield* serviceWhere(key("again"))
  yield* services.write(fresh, { _tag: "Annotate", annotations: { theirs: "2" } })
  yield* cluster.apply(serviceManifest("again", {}, { annotations: { mine: "3" } }))
  const after = yield* serviceWhere(key("again"), (service) => service.annotations["mine"] === "3")
  assert.strictEqual(after.annotations["theirs"], "2")
  assert.notProperty(after.annotations, "gone")
  assert.deepStrictEqual(after.ports, fresh.ports)
  const ingress = [{ ip: "203.0.113.7", ipMode: "VIP" as const }]
  const published = Option.getOrThrow(yield* services.write(after, { _tag: "SetIngress", ingress }))
  // From a copy that does not know: the server finds nothing to change, and makes no new revision.
  const same = Option.getOrThrow(yield* services.write(after, { _tag: "SetIngress", ingress }))
  assert.strictEqual(same.resourceVersion, published.resourceVersion)
  yield* cluster.remove("services", key("again"))
  yield* serviceGone(key("again"))
})

const refusesInvalidNodes = Effect.fnUntraced(function* (cluster: Cluster) {
  yield* cluster.apply(nodeManifest("contract-4"))
  for (const patch of [
    { metadata: { labels: { zone: "z".repeat(64) } } },
    { metadata: { labels: { zone: "Zone 1" } } },
    { metadata: { labels: { zone: "z." } } },
    { spec: { taints: [{ key: "a", effect: "Sometimes" }] } },
    { spec: { taints: ["1", "2"].map((value) => ({ key: "a", effect: "NoExecute", value })) } }
  ]) {
    yield* Effect.flip(cluster.edit("nodes", "contract-4", patch))
  }
  const nodes = yield* Nodes
  const node = yield* nodeWhere("contract-4")
  const twice = [1, 2].map(() => ({ type: "InternalIP", address: "10.1.1.7" }))
  assert.strictEqual((yield* Effect.flip(nodes.write(node, { _tag: "SetAddresses", addresses: twice }))).status, 422)
  yield* cluster.remove("nodes", "contract-4")
})

const initialisesNodes = Effect.fnUntraced(function* (cluster: Cluster) {
  const nodes = yield* Nodes
  const taint = { key: "node.cloudprovider.kubernetes.io/uninitialized", value: "true", effect: "NoSchedule" }
  const other = { key: "example.com/keep", effect: "NoSchedule" }
  yield* cluster.apply(nodeManifest("contract-1", { spec: { taints: [taint, other] } }))
  const fresh = yield* nodeWhere("contract-1", (node) => node.taints.length >= 2)
  const taints = fresh.taints.filter((found) => found.key !== taint.key)

  const ready = Option.getOrThrow(
    yield* nodes.write(fresh, {
      _tag: "Change",
      providerID: "external-cloudstack://1234",
      labels: { "topology.kubernetes.io/zone": "zone-1" },
      annotations: { "x.test/seen": "1234" },
      taints
    })
  )
  assert.strictEqual(ready.providerID, "external-cloudstack://1234")
  assert.strictEqual(ready.labels["topology.kubernetes.io/zone"], "zone-1")
  assert.deepStrictEqual(ready.taints, taints)
  assert.deepStrictEqual(yield* nodes.find("contract-1"), Option.some(ready))

  const stale = yield* Effect.flip(nodes.write(fresh, { _tag: "Change", taints: [] }))
  assert.isTrue(stale.conflict)
  const moved = yield* Effect.flip(nodes.write(ready, { _tag: "Change", providerID: "external-cloudstack://5678" }))
  assert.strictEqual(moved.status, 422)
  const label = { "topology.kubernetes.io/zone": "Zone 1!" }
  assert.strictEqual((yield* Effect.flip(nodes.write(ready, { _tag: "Change", labels: label }))).status, 422)

  const unlabelled = { "topology.kubernetes.io/zone": null }
  const bare = Option.getOrThrow(yield* nodes.write(ready, { _tag: "Change", labels: unlabelled }))
  assert.isUndefined(bare.labels["topology.kubernetes.io/zone"])
  yield* cluster.remove("nodes", "contract-1")
})

const replacesAddresses = Effect.fnUntraced(function* (cluster: Cluster) {
  const nodes = yield* Nodes
  yield* cluster.apply(nodeManifest("contract-2"))
  const fresh = yield* nodeWhere("contract-2")
  const addresses = [
    { type: "InternalIP", address: "10.1.1.9" },
    { type: "InternalIP", address: "fd00::9" },
    { type: "ExternalIP", address: "203.0.113.9" },
    { type: "Hostname", address: "contract-2" }
  ]
  const dual = Option.getOrThrow(yield* nodes.write(fresh, { _tag: "SetAddresses", addresses }))
  assert.deepStrictEqual(dual.addresses, addresses)
  const reordered = [...addresses].reverse()
  const turned = Option.getOrThrow(yield* nodes.write(dual, { _tag: "SetAddresses", addresses: reordered }))
  assert.deepStrictEqual(turned.addresses, reordered)
  assert.deepStrictEqual(yield* nodes.fetch("contract-2"), Option.some(turned))
  yield* cluster.remove("nodes", "contract-2")
})

const removesOnlyThatNode = Effect.fnUntraced(function* (cluster: Cluster) {
  const nodes = yield* Nodes
  yield* cluster.apply(nodeManifest("contract-3"))
  const node = yield* nodeWhere("contract-3")
  const conflict = yield* Effect.flip(nodes.remove({ ...node, uid: "11111111-2222-4333-8444-555555555555" }))
  assert.isTrue(conflict.conflict)
  yield* cluster.edit("nodes", "contract-3", { metadata: { labels: { changed: "since" } } })
  assert.isTrue((yield* Effect.flip(nodes.remove(node))).conflict)
  const fresh = Option.getOrThrow(yield* nodes.fetch("contract-3"))
  yield* nodes.remove(fresh)
  // Whenever the watch tells of it.
  assert.isTrue(Option.isNone(yield* nodes.find("contract-3")))
  yield* nodes.remove(fresh)
  assert.isTrue(Option.isNone(yield* nodes.fetch("contract-3")))
  assert.isTrue(Option.isNone(yield* nodes.write(node, { _tag: "Change", labels: { a: "b" } })))
})

const leasesHaveOneWriter = Effect.fnUntraced(function* () {
  const leases = yield* Leases
  const spec = {
    holderIdentity: "a_1",
    leaseDurationSeconds: 15,
    acquireTime: 1_700_000_000_123,
    renewTime: 1_700_000_000_123,
    leaseTransitions: 0
  }
  assert.isTrue(Option.isNone(yield* leases.get("kube-system", "contract")))
  const created = yield* leases.create("kube-system", "contract", spec)
  assert.deepInclude(created, spec)
  assert.isTrue((yield* Effect.flip(leases.create("kube-system", "contract", spec))).conflict)
  const renewed = yield* leases.update(created, { ...spec, renewTime: spec.renewTime + 2_000 })
  assert.strictEqual(renewed.renewTime, spec.renewTime + 2_000)
  assert.isTrue((yield* Effect.flip(leases.update(created, { ...spec, holderIdentity: "b_2" }))).conflict)
  const released = yield* leases.update(renewed, { ...spec, holderIdentity: "", leaseDurationSeconds: 1 })
  assert.strictEqual(released.holderIdentity, "")
  assert.deepStrictEqual(yield* leases.get("kube-system", "contract"), Option.some(released))
})

export const kubeContract: Readonly<
  Record<string, (cluster: Cluster) => Effect.Effect<void, unknown, Services | Nodes | Leases>>
> = {
  "allocates node ports unless told not to": allocatesNodePorts,
  "keeps a Service until its last finalizer goes": finalizerBlocksDeletion,
  "removes a finalizer without touching one it does not know": removesOnlyItsFinalizer,
  "keeps the status of load balancers valid": statusOfLoadBalancers,
  "merges annotations": annotates,
  "keeps the class of a load balancer, and gives it a health port while Local": keepsTheClass,
  "keeps what others set when the user applies again": keepsWhatOthersSet,
  "refuses labels, taints and addresses that are not valid": refusesInvalidNodes,
  "initialises a Node once, and notices who else changed it": initialisesNodes,
  "replaces a Node's addresses as a list": replacesAddresses,
  "removes the Node it means, as it was read": removesOnlyThatNode,
  "lets one writer have a Lease": leasesHaveOneWriter
}
