import { assert, describe, it } from "@effect/vitest"
import { desired } from "../../../src/controllers/service/desired.ts"
import { chooseNetwork } from "../../../src/controllers/service/network.ts"
import { needsUpdate, wants } from "../../../src/controllers/service/selection.ts"
import { prefix } from "../../../src/domain/Annotations.ts"
import { type Machine, type Network, NetworkId, VmId } from "../../../src/domain/Cloud.ts"
import { indexMachines } from "../../../src/domain/NodeIdentity.ts"
import type { Node, Service, ServicePort } from "../../../src/kubernetes/objects.ts"

const networkId = NetworkId.make("net-1")
const elsewhere = NetworkId.make("net-2")

const lb = (provider: string, protocols: string) => ({
  providers: [provider],
  capabilities: new Map([["SupportedProtocols", protocols]])
})
const network = (over: Partial<Network> = {}): Network => ({
  id: networkId,
  name: "net1",
  type: "Isolated",
  state: "Implemented",
  zoneId: "zone-1",
  aclName: "",
  isRouted: false,
  owner: "alice",
  services: new Map([
    ["Lb", lb("VirtualRouter", "tcp, udp, tcp-proxy, ssl")],
    ["Firewall", { providers: ["VirtualRouter"], capabilities: new Map() }]
  ]),
  ...over
})

const port = (over: Partial<ServicePort> = {}): ServicePort => ({
  name: "http",
  protocol: "TCP",
  port: 80,
  nodePort: 30_080,
  targetPort: "80",
  appProtocol: "",
  ...over
})
const service = (over: Partial<Service> = {}): Service => ({
  key: "shop/web",
  namespace: "shop",
  name: "web",
  uid: "u1",
  resourceVersion: "1",
  annotations: {},
  finalizers: [],
  deleting: false,
  type: "LoadBalancer",
  sourceRanges: [],
  ports: [port()],
  sessionAffinity: "None",
  externalTrafficPolicy: "Cluster",
  allocateNodePorts: true,
  ipFamilies: ["IPv4"],
  externalIPs: [],
  ingress: [],
  ...over
})
const node = (name: string, over: Partial<Node> = {}): Node => ({
  name,
  uid: `uid-${name}`,
  resourceVersion: "1",
  createdAt: 0,
  labels: {},
  annotations: {},
  deleting: false,
  providerID: "",
  taints: [],
  ready: "True",
  addresses: [],
  ...over
})
const machine = (name: string, over: Partial<Machine> = {}): Machine => ({
  id: VmId.make(`vm-${name}`),
  name,
  state: "Running",
  zone: "z1",
  owner: "alice",
  nics: [{ networkId, networkName: "net1", isDefault: true, secondary: [] }],
  ...over
})

const surroundings = {
  ruleSources: "update" as const,
  abilities: { forward: true, tag: true, stick: true },
  heldForwards: new Set<number>(),
  now: 600_000
}

const wanting = (over: Partial<Service>, nodes = [node("n1")], machines = [machine("n1")], net = network()) =>
  desired({
    ...surroundings,
    service: service(over),
    nodes,
    machines: indexMachines(machines),
    network: net,
    allowedAddresses: []
  })
const annotated = (suffix: string, text: string) => ({ annotations: { [prefix + suffix]: text } })
const wanted = (...input: Parameters<typeof wanting>) => {
  const result = wanting(...input)
  assert(result._tag === "Wanted", JSON.stringify(result))
  return result
}

describe("desired", () => {
  it("reads a plain Service", () => {
    assert.deepStrictEqual(wanted({}), {
      _tag: "Wanted",
      wanted: {
        address: { _tag: "Any" },
        ports: [
          {
            port: 80,
            nodePort: 30_080,
            via: "rule",
            ipProtocol: "tcp",
            protocol: "tcp",
            algorithm: "roundrobin",
            stickiness: "none",
            sources: ["0.0.0.0/0"]
          }
        ],
        members: { _tag: "Exactly", vms: [VmId.make("vm-n1")] },
        targets: { fit: [VmId.make("vm-n1")], pick: VmId.make("vm-n1") },
        portErrors: [],
        mayTag: true,
        keep: false,
        border: "firewall",
        sources: ["0.0.0.0/0"],
        ruleSources: "update",
        hostname: { _tag: "None" },
        waitsFor: []
      },
      notes: []
    })
  })

  it.each([
    [{ sessionAffinity: "ClientIP" }, "source"],
    [annotated("algorithm", "leastconn"), "leastconn"],
    [{ sessionAffinity: "ClientIP", ...annotated("algorithm", "RoundRobin") }, "roundrobin"]
  ])("algorithm of %j", (over, algorithm) => assert.strictEqual(wanted(over).wanted.ports[0]?.algorithm, algorithm))

  it("leaves the protocol as it is where the provider sends no PROXY header", () => {
    const other = network({ services: new Map([["Lb", lb("Netscaler", "tcp,udp")]]) })
    const { ports, waitsFor } = wanted(annotated("proxy-protocol", "true"), undefined, undefined, other).wanted
    assert.isUndefined(ports[0]?.protocol)
    assert.deepStrictEqual(
      waitsFor.map(({ cause, reason }) => [reason, cause]),
      [["UnsupportedProtocol", "the load balancer of network net1 does not send the PROXY header (it knows tcp, udp)"]]
    )
  })

  it("proxies only the ports that are named", () => {
    const ports = [port(), port({ name: "https", port: 443, nodePort: 30_443 })]
    const { ports: found } = wanted({ ports, ...annotated("proxy-protocol", "https") }).wanted
    assert.deepStrictEqual(
      found.map(({ protocol }) => protocol),
      ["tcp", "tcp-proxy"]
    )
  })

  it("keeps what is there for a setting that is not understood", () => {
    const { ports, waitsFor } = wanted({ ...annotated("proxy-protocol", "perhaps") }).wanted
    assert.isUndefined(ports[0]?.protocol)
    assert.deepStrictEqual(
      waitsFor.map(({ reason }) => reason),
      ["InvalidAnnotation"]
    )
  })

  it("keeps the sources for a list that is not understood", () => {
    const { ports, waitsFor } = wanted({ sourceRanges: ["10.0.0.0/99"] }).wanted
    assert.isUndefined(ports[0]?.sources)
    assert.deepStrictEqual(
      waitsFor.map(({ reason }) => reason),
      ["InvalidSourceRanges"]
    )
  })

  it("lets our annotation win over spec.loadBalancerIP", () => {
    const named = wanted({ loadBalancerIP: "192.0.2.1", ...annotated("address", "192.0.2.2") }).wanted.address
    assert.deepInclude(named, { _tag: "Named", ip: "192.0.2.2" })
  })

  it.each<[string, Partial<Service>, Partial<Network>, string, string]>([
    [
      "SCTP",
      { ports: [port(), port({ protocol: "SCTP", port: 81 })] },
      {},
      "UnsupportedProtocol",
      "spec.ports[1].protocol"
    ],
    [
      "UDP on the virtual router",
      { ports: [port({ protocol: "UDP" })] },
      {},
      "UnsupportedProtocol",
      "spec.ports[0].protocol"
    ],
    ["a port without node port", { ports: [port({ nodePort: 0 })] }, {}, "NodePortMissing", "spec.ports[0].nodePort"],
    ["the router's own port", { ports: [port({ port: 8081 })] }, {}, "PortReserved", "spec.ports[0].port"],
    ["only IPv6", { ipFamilies: ["IPv6"] }, {}, "IPFamilyUnsupported", "spec.ipFamilies"],
    ["an address that is none", { loadBalancerIP: "lb.example.org" }, {}, "InvalidAddress", "spec.loadBalancerIP"],
    ["a network without Lb", {}, { services: new Map() }, "NetworkUnsupported", "network net1"]
  ])("refuses %s before anything is made", (_, over, net, reason, field) => {
    const result = wanting(over, undefined, undefined, network(net))
    assert(result._tag === "Refused")
    assert.deepStrictEqual([result.refusal.reason, result.refusal.field], [reason, field])
  })

  it("takes UDP where the provider balances it, but no port number twice", () => {
    const net = network({ services: new Map([["Lb", lb("Netscaler", "tcp, udp")]]) })
    assert.strictEqual(wanting({ ports: [port({ protocol: "UDP" })] }, undefined, undefined, net)._tag, "Wanted")
    const twins = wanting({ ports: [port(), port({ protocol: "UDP" })] }, undefined, undefined, net)
    assert(twins._tag === "Wanted")
    assert.deepStrictEqual(
      twins.wanted.portErrors.map(({ error, port, protocol }) => [port, protocol, error]),
      [[80, "UDP", "cloudstack-ccm/PortShared"]]
    )
  })

  const bare = network({
    services: new Map([
      ["Lb", lb("VirtualRouter", "tcp, udp")],
      ["PortForwarding", { providers: ["VirtualRouter"], capabilities: new Map() }]
    ])
  })

  it("forwards nothing whose sources nobody would hold", () => {
    const udp = { ports: [port({ protocol: "UDP" })] }
    assert.strictEqual(wanting(udp, undefined, undefined, bare)._tag, "Wanted")
    const restricted = wanting({ ...udp, sourceRanges: ["10.0.0.0/8"] }, undefined, undefined, bare)
    assert.strictEqual(restricted._tag === "Refused" ? restricted.refusal.reason : "", "SourceRangesUnsupported")
  })

  it("keeps to the algorithms that the load balancer knows: a new Service waits, a load balancer stays as it is", () => {
    const known = { providers: ["Other"], capabilities: new Map([["SupportedLbAlgorithms", "roundrobin,leastconn"]]) }
    const net = network({ services: new Map([["Lb", known]]) })
    const { ports, waitsFor } = wanted(annotated("algorithm", "source"), undefined, undefined, net).wanted
    assert.isUndefined(ports[0]?.algorithm)
    assert.deepStrictEqual(waitsFor, [
      {
        reason: "UnsupportedAlgorithm",
        field: "metadata.annotations[service.beta.kubernetes.io/cloudstack-load-balancer-algorithm]",
        cause: "the load balancer of network net1 knows no source (it knows roundrobin, leastconn)",
        remedy:
          "Choose one that it knows by the annotation service.beta.kubernetes.io/cloudstack-load-balancer-algorithm"
      }
    ])
    const affinity = wanted({ sessionAffinity: "ClientIP" }, undefined, undefined, net).wanted.waitsFor
    assert.strictEqual(affinity[0]?.field, "spec.sessionAffinity")
    assert.deepStrictEqual(wanted(annotated("algorithm", "leastconn"), undefined, undefined, net).wanted.waitsFor, [])
  })

  it("keeps to the addresses that Services may name", () => {
    const input = { nodes: [node("n1")], machines: indexMachines([machine("n1")]), network: network() }
    const allowedAddresses = ["192.0.2.0/24"]
    const named = (ip: string) =>
      desired({ ...surroundings, ...input, allowedAddresses, service: service({ loadBalancerIP: ip }) })
    assert.strictEqual(named("192.0.2.9")._tag, "Wanted")
    assert.strictEqual(named("198.51.100.9")._tag, "Refused")
  })
})

describe("members", () => {
  const members = (nodes: ReadonlyArray<Node>, machines: ReadonlyArray<Machine>) => {
    const { notes, wanted: found } = wanted({}, [...nodes], [...machines])
    return { members: found.members, reasons: notes.map(({ reason }) => reason) }
  }

  it("leaves out, and names, nodes that cannot be members", () => {
    const nodes = [node("n1"), node("n2"), node("n3"), node("gone", { providerID: "kind://x" })]
    const machines = [
      machine("n1"),
      machine("n2", { nics: [{ networkId: elsewhere, networkName: "x", isDefault: true, secondary: [] }] })
    ]
    const found = wanted({}, nodes, machines)
    assert.deepStrictEqual(found.wanted.members, { _tag: "Exactly", vms: [VmId.make("vm-n1")] })
    const [note] = found.notes
    assert.strictEqual(note?.reason, "NodesLeftOut")
    for (const name of ["n2", "n3", "gone"]) assert.include(note?.message, name)
  })

  it("keeps the members when not one node is a VM that can be seen", () =>
    assert.deepStrictEqual(members([node("n1")], []), { members: { _tag: "Keep" }, reasons: ["NoNodeResolved"] }))

  it("has none when there is no candidate", () =>
    assert.deepStrictEqual(members([node("n1", { deleting: true })], [machine("n1")]), {
      members: { _tag: "Exactly", vms: [] },
      reasons: ["UnAvailableLoadBalancer"]
    }))

  it("takes NotReady, cordoned and stopped nodes: the set is stable", () =>
    assert.deepStrictEqual(
      members([node("n1", { ready: "False" }), node("n2")], [machine("n1", { state: "Stopped" }), machine("n2")]),
      {
        members: { _tag: "Exactly", vms: [VmId.make("vm-n1"), VmId.make("vm-n2")] },
        reasons: []
      }
    ))
})

describe("the network", () => {
  const claimant = {
    cluster: { id: "c", previous: [] },
    uid: "u1",
    name: "shop/web",
    forwardShapes: [],
    namesAddress: false,
    apacheMarker: false,
    expectedSources: [],
    wantedPorts: [],
    made: new Set<never>(),
    allocations: new Map<never, never>(),
    adoption: undefined
  }
  const choose = (configured: string | undefined, nodes: ReadonlyArray<Node>, machines: ReadonlyArray<Machine>) =>
    chooseNetwork({
      service: service(),
      address: { _tag: "Any" },
      claimant,
      holdings: [],
      nodes,
      machines: indexMachines(machines),
      configured
    })
  const other = (name: string) =>
    machine(name, { nics: [{ networkId: elsewhere, networkName: "x", isDefault: true, secondary: [] }] })

  it("is the configured one, else that of most nodes' default NIC", () => {
    const nodes = [node("n1"), node("n2"), node("n3")]
    const machines = [other("n1"), machine("n2"), machine("n3")]
    assert.strictEqual(choose("net-9", nodes, machines), "net-9")
    assert.strictEqual(choose(undefined, nodes, machines), networkId)
    assert.isUndefined(choose(undefined, nodes, []))
  })
})

describe("selection", () => {
  const all = { policy: "all" } as const
  const annotatedOnly = { policy: "annotated" } as const
  const flagged = (text: string, more: Readonly<Record<string, string>> = {}) => ({
    annotations: { "service.beta.kubernetes.io/cloudstack-load-balancer": text, ...more }
  })

  it("goes by type and class", () => {
    assert.isTrue(wants(service(), all))
    assert.isFalse(wants(service({ type: "ClusterIP" }), all))
    assert.isFalse(wants(service({ loadBalancerClass: "metallb" }), all))
    assert.isTrue(wants(service({ loadBalancerClass: "ours" }), { ...all, loadBalancerClass: "ours" }))
    assert.isFalse(wants(service(), { ...all, loadBalancerClass: "ours" }))
    assert.isFalse(wants(service({ deleting: true }), all))
  })

  it("goes by the annotation and the policy", () => {
    assert.isFalse(wants(service(), annotatedOnly))
    assert.isTrue(wants(service(flagged("yes")), annotatedOnly))
    assert.isFalse(wants(service(flagged("false")), all))
    assert.isFalse(wants(service(flagged("flase")), all))
    assert.isTrue(wants(service(flagged("flase", { [`${prefix}id`]: "ip-1" })), annotatedOnly))
    assert.isFalse(wants(service({ ...flagged("true"), loadBalancerClass: "other" }), all))
  })

  it.each<[string, Partial<Service>, boolean]>([
    ["status", { ingress: [{ ip: "192.0.2.1", ipMode: "VIP" }] }, false],
    ["a resync", { resourceVersion: "2" }, false],
    ["our own notes", { annotations: { [`${prefix}id`]: "x" } }, false],
    ["finalizers", { finalizers: ["x"] }, false],
    ["another annotation", { annotations: { "example.org/a": "b" } }, true],
    ["a port", { ports: [port({ port: 81 })] }, true],
    ["sources", { sourceRanges: ["10.0.0.0/8"] }, true],
    ["affinity", { sessionAffinity: "ClientIP" }, true],
    ["the type", { type: "NodePort" }, true],
    ["the address", { loadBalancerIP: "192.0.2.1" }, true]
  ])("a change of %s", (_, over, due) => assert.strictEqual(needsUpdate(service(), service(over), all), due))
})
