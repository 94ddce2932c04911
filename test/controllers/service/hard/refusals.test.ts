/**
 * Every refusal that a Service alone can bring about: its Event word for word (cause, field, remedy), nothing made and
 * nothing written, and not said again by resyncs and edits that change nothing of it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { tierWorld } from "../../../support/networkKinds.ts"
import { olderServer } from "../../../support/olderServer.ts"
import {
  annotated,
  applyNodes,
  applyService,
  type BedOptions,
  bed,
  counting,
  editService,
  eventMessages,
  kubeWrites,
  narrowRole,
  pass,
  type ServiceInput,
  started,
  wholeWorld,
  worldOf
} from "../../../support/testBed.ts"

const port = (number: number, more: object = {}) => ({
  name: `p${number}`,
  port: number,
  nodePort: 30_000 + (number % 2_347),
  ...more
})
const web = { ports: [port(80)] }
const dns = port(53, { protocol: "UDP" })
const prefix = "service.beta.kubernetes.io/cloudstack-load-balancer-"
const standard = "service.beta.kubernetes.io/load-balancer-source-ranges"
const booleans = "true/false (also enabled/disabled, yes/no, on/off, 1/0 in any case)"

const narrow: BedOptions = { world: worldOf({ allow: narrowRole }) }
const only: BedOptions = { settings: { allowedAddresses: ["203.0.113.0/24"] } }
const networkOf = (over: object): BedOptions => ({
  world: { ...worldOf(), networks: [{ ref: "net1", name: "net1", owner: "alice", kind: "isolated", ...over }] }
})
const otherProvider = (capabilities: Readonly<Record<string, string>>): BedOptions => ({
  around: (api) => ({
    call: (command, parameters) =>
      Effect.map(api.call(command, parameters), (answer) => {
        const { network } = answer
        if (command !== "listNetworks" || !Array.isArray(network)) return answer
        const capability = Object.entries(capabilities).map(([name, value]) => ({ name, value }))
        const lb = { name: "Lb", provider: [{ name: "Other" }], capability }
        const services = (of: { readonly service: ReadonlyArray<{ readonly name: string }> }) => [
          ...of.service.filter(({ name }) => name !== "Lb"),
          lb
        ]
        return { ...answer, network: network.map((one) => ({ ...one, service: services(one) })) }
      })
  })
})

type Case = readonly [input: ServiceInput, text: string, options?: BedOptions]

const invalid = (suffix: string, value: string, allowed: string): Case => [
  { spec: web, annotations: annotated(suffix, value) },
  `InvalidAnnotation: metadata.annotations[${prefix}${suffix}]: "${value}" is not understood. Allowed: ${allowed}. Until then an existing load balancer keeps what it has, a new one waits`
]
const badSources = (input: ServiceInput, fieldAndCause: string): Case => [
  input,
  `InvalidSourceRanges: ${fieldAndCause}. Name at least one IPv4 network such as 203.0.113.0/24, or remove the list to admit everybody; nothing is changed until then`
]

const cases: ReadonlyArray<Case> = [
  [
    { spec: { ports: [port(80), port(90, { protocol: "SCTP" })] } },
    "UnsupportedProtocol: spec.ports[1].protocol: CloudStack's load balancer and port forwarding know no SCTP. Use TCP, or serve this port by other means"
  ],
  [
    { spec: { ...web, ipFamilies: ["IPv6"] } },
    "IPFamilyUnsupported: spec.ipFamilies: CloudStack's public load balancing is IPv4 and the Service has only IPv6. Add IPv4 to spec.ipFamilies"
  ],
  [
    { spec: { ports: [{ name: "p", port: 80 }], allocateLoadBalancerNodePorts: false } },
    "NodePortMissing: spec.ports[0].nodePort: no node port is allocated, so there is nothing on the nodes to send traffic to. Set spec.allocateLoadBalancerNodePorts to true"
  ],
  [
    { spec: { ports: [port(80), port(8081)] } },
    "PortReserved: spec.ports[1].port: port 8081 is the virtual router's own. Use another port"
  ],

  invalid("proxy-protocol", "perhaps", `${booleans}, or a list of the Service's ports or port names`),
  invalid("proxy-protocol", "80,8443", `${booleans}, or a list of the Service's ports or port names`),
  invalid("hostname", "192.0.2.1", "a DNS name in lower case"),
  invalid("address", "lb.example.org", "an IPv4 address"),
  invalid("keep-ip", "2", booleans),
  invalid("network", "", "the name or the id of a network that the key sees"),
  invalid("algorithm", "fastest", "roundrobin, leastconn or source"),
  invalid(
    "stickiness",
    "-",
    "a method (LbCookie, AppCookie, SourceBased), then its parameters as name=value, separated by blanks"
  ),
  invalid("forward-ports", "p81", "a list of the Service's ports or port names"),
  invalid("max-members", "0", "a whole number from 1"),
  invalid("node-selector", "pool in", "a label selector of Kubernetes, as `pool=edge,zone in (a,b),!gpu`"),
  [
    { spec: web, annotations: annotated("stickiness-param-mode", "insert") },
    `InvalidAnnotation: metadata.annotations[${prefix}stickiness-param-mode]: "mode=insert" is not understood. Allowed: a method (LbCookie, AppCookie, SourceBased), then its parameters as name=value, separated by blanks. Until then an existing load balancer keeps what it has, a new one waits`
  ],
  [
    { spec: web, annotations: { "service.beta.kubernetes.io/cloudstack-load-balancer": "maybe" } },
    `InvalidAnnotation: metadata.annotations[service.beta.kubernetes.io/cloudstack-load-balancer]: "maybe" is not understood. Allowed: ${booleans}. Until then an existing load balancer stays, a new one waits`
  ],

  badSources(
    { spec: web, annotations: annotated("source-cidrs", " , ") },
    `metadata.annotations[${prefix}source-cidrs]: the list is blank, which could mean nobody or everybody`
  ),
  badSources(
    { spec: web, annotations: { [standard]: "" } },
    `metadata.annotations[${standard}]: the list is blank, which could mean nobody or everybody`
  ),
  badSources(
    { spec: web, annotations: annotated("source-cidrs", "10.0.0.0/8 10.0.0.0/33") },
    `metadata.annotations[${prefix}source-cidrs]: "10.0.0.0/33" is not a network in CIDR notation`
  ),
  badSources(
    { spec: web, annotations: annotated("source-cidrs", "10.0.0.0/8,10.0.0.0:80") },
    `metadata.annotations[${prefix}source-cidrs]: "10.0.0.0:80" is not a network in CIDR notation`
  ),
  badSources(
    { spec: { ...web, loadBalancerSourceRanges: ["2001:db8::/32"] } },
    "spec.loadBalancerSourceRanges: only IPv6 networks are named, and the address of a CloudStack load balancer is IPv4"
  ),
  badSources(
    { spec: { ...web, loadBalancerSourceRanges: ["10.0.0.0/8"] }, annotations: annotated("source-cidrs", "192.0.2.1") },
    `spec.loadBalancerSourceRanges and metadata.annotations[${prefix}source-cidrs]: no source is in both spec.loadBalancerSourceRanges and metadata.annotations[${prefix}source-cidrs], so nobody could connect`
  ),
  [
    { spec: { ...web, loadBalancerSourceRanges: ["10.0.0.0/8"] } },
    "SourceRangesUnsupported: spec.loadBalancerSourceRanges: in network tier1 only the load balancer rule can restrict sources, which CloudStack does since 4.18 and this server is older. Remove the source ranges to let everybody in, use a network with a firewall, or upgrade CloudStack",
    { world: tierWorld(), around: olderServer({ version: "4.17.2.0", creates: false, updates: false }) }
  ],

  [
    { spec: { ...web, loadBalancerIP: "2001:db8::1" } },
    'InvalidAddress: spec.loadBalancerIP: "2001:db8::1" is not an IPv4 address. Name a public IPv4 address of the account, or remove the field to get any free one'
  ],
  [
    { spec: { ...web, loadBalancerIP: "198.51.100.1" } },
    "AddressNotAllowed: spec.loadBalancerIP: 198.51.100.1 is not among the addresses that Services of this cluster may name. Name another address, or have the operator extend allowed-addresses in the cloud-config",
    only
  ],
  [
    { spec: web, annotations: annotated("address", "198.51.100.1") },
    `AddressNotAllowed: metadata.annotations[${prefix}address]: 198.51.100.1 is not among the addresses that Services of this cluster may name. Name another address, or have the operator extend allowed-addresses in the cloud-config`,
    only
  ],
  [
    { spec: { ...web, loadBalancerIP: "198.51.100.1" }, annotations: annotated("address", "198.51.100.2") },
    `AddressNotFree: metadata.annotations[${prefix}address]: 198.51.100.2 is neither free nor the account's: another account may have it, or it is no public address of the zone. Name a free address or one of the account's, or none to get any`
  ],
  [
    { spec: web, annotations: annotated("keep-ip", "true") },
    `KeepIpForbidden: metadata.annotations[${prefix}keep-ip]: an address that is to outlive its Service has to be tagged with its name, and the key's role may not tag. Allow createTags, deleteTags and listApis to the role, or remove the annotation: the address then goes with the Service`,
    narrow
  ],

  [
    { spec: web, annotations: annotated("network", "nowhere") },
    `NetworkUnknown: metadata.annotations[${prefix}network]: no network "nowhere" is visible with this key and project. Name one that is, or its id`
  ],
  [
    { spec: web },
    "NetworkUnknown: network-id of the cloud-config: network nowhere is not visible with this key and project. Set network-id in the cloud-config, or see to it that the network is visible with this key",
    { settings: { networkId: "nowhere" } }
  ],
  [
    { spec: web },
    `NetworkUnsupported: network net1: its offering has no load balancer service (Lb). Give the nodes a NIC in an isolated network or VPC tier that has it and name it (network-id in the cloud-config, or the annotation ${prefix}network), or leave the Service to another controller by loadBalancerClass`,
    networkOf({ services: ["Dns", "Dhcp", "UserData", "Firewall"] })
  ],

  [
    { spec: { ports: [dns], externalTrafficPolicy: "Local" } },
    "ForwardingNotLocal: spec.externalTrafficPolicy: port 53/UDP is served by forwarding to one node, which may have no endpoint of its own. Set it to Cluster, or give the port a Service of its own, with Cluster"
  ],
  [
    { spec: { ports: [dns] } },
    "ForwardingForbidden: spec.ports[0].protocol: port 53/UDP needs a port forwarding rule, which the key's role may not make. Allow createPortForwardingRule, listPortForwardingRules, deletePortForwardingRule and listApis to the role, or use TCP",
    narrow
  ],
  [
    { spec: { ports: [dns] } },
    "UnsupportedProtocol: spec.ports[0].protocol: the load balancer of network net1 does not serve port 53/UDP, and its offering has no port forwarding. Use TCP, or a network whose offering has PortForwarding or balances UDP",
    networkOf({ services: ["Dns", "Dhcp", "UserData", "Firewall", "Lb", "SourceNat"] })
  ],
  [
    { spec: web, annotations: { ...annotated("proxy-protocol", "on"), ...annotated("forward-ports", "p80") } },
    `ConflictingAnnotations: metadata.annotations[${prefix}forward-ports]: port 80 is to be forwarded and to have the PROXY header, which only the load balancer adds. Take it out of forward-ports or proxy-protocol`
  ],

  [
    { spec: web, annotations: annotated("stickiness", "Magic") },
    `UnsupportedStickiness: metadata.annotations[${prefix}stickiness]: the network's load balancer knows no stickiness method Magic (it knows LbCookie, AppCookie, SourceBased). Choose what the network's offering has, or remove the annotation`
  ],
  [
    {
      spec: web,
      annotations: {
        ...annotated("stickiness-method-name", "SourceBased"),
        ...annotated("stickiness-param-cookie-name", "x")
      }
    },
    `UnsupportedStickiness: metadata.annotations[${prefix}stickiness]: SourceBased has no parameter cookie-name (it has tablesize, expire). Choose what the network's offering has, or remove the annotation`
  ],
  [
    { spec: web, annotations: annotated("stickiness", "LbCookie") },
    `StickinessForbidden: metadata.annotations[${prefix}stickiness]: the key's role may not make stickiness policies. Allow createLBStickinessPolicy, listLBStickinessPolicies, deleteLBStickinessPolicy and listApis to the role, or remove the annotation`,
    narrow
  ],
  [
    { spec: { ...web, sessionAffinity: "ClientIP" } },
    `UnsupportedAlgorithm: spec.sessionAffinity: the load balancer of network net1 knows no source (it knows roundrobin, leastconn). Choose one that it knows by the annotation ${prefix}algorithm`,
    otherProvider({ SupportedLbAlgorithms: "roundrobin,leastconn" })
  ],
  [
    { spec: web, annotations: annotated("proxy-protocol", "true") },
    `UnsupportedProtocol: metadata.annotations[${prefix}proxy-protocol]: the load balancer of network net1 does not send the PROXY header (it knows tcp, udp). Remove the annotation, or use a network whose load balancer provider knows tcp-proxy`,
    otherProvider({ SupportedProtocols: "tcp, udp" })
  ]
]

describe("a refusal", () => {
  for (const [input, text, options = {}] of cases) {
    it.effect(text, () =>
      Effect.gen(function* () {
        yield* applyNodes("n1", "n2", "n3")
        const before = yield* wholeWorld
        yield* applyService(input)
        const { mutations } = yield* counting(
          Effect.gen(function* () {
            yield* started
            yield* pass(20)
            yield* editService({ metadata: { labels: { some: "thing" }, annotations: { "example.org/other": "x" } } })
            yield* pass(1_400)
          })
        )
        assert.deepStrictEqual(yield* eventMessages(), [text])
        assert.deepStrictEqual(mutations, {})
        assert.deepStrictEqual(yield* wholeWorld, before)
        assert.deepStrictEqual(yield* kubeWrites, {})
      }).pipe(Effect.provide(bed(options)))
    )
  }
})
