import { assert, describe, it } from "@effect/vitest"
import type { Claims } from "../../../src/controllers/service/claims.ts"
import { preflight } from "../../../src/controllers/service/preflight.ts"
import type { WantedPort } from "../../../src/controllers/service/wanted.ts"
import {
  AddressId,
  type Forward,
  ForwardId,
  type Network,
  NetworkId,
  type PublicAddress,
  RuleId
} from "../../../src/domain/Cloud.ts"
import { refusalMessage } from "../../../src/domain/Refusal.ts"

const net = NetworkId.make("net1")
const id = AddressId.make("ip1")
const network = (over: Partial<Network> = {}): Network => ({
  id: net,
  name: "net1",
  type: "Isolated",
  state: "Implemented",
  zoneId: "z",
  aclName: "",
  isRouted: false,
  owner: "alice",
  services: new Map([
    ["Lb", { providers: ["VirtualRouter"], capabilities: new Map() }],
    ["Dns", { providers: ["VirtualRouter"], capabilities: new Map() }]
  ]),
  ...over
})
const address = (over: Partial<PublicAddress> = {}): PublicAddress => ({
  id,
  ip: "203.0.113.7",
  state: "Allocated",
  networkId: net,
  isSourceNat: false,
  isStaticNat: false,
  isSystem: false,
  owner: "alice",
  tags: [],
  ...over
})
const claimsOf = (over: Partial<Claims> = {}): Claims => ({
  address: address(),
  ownership: "given",
  tagged: false,
  rules: [],
  firewall: [],
  forwards: [],
  otherRules: [],
  otherFirewall: [],
  otherForwards: [],
  keptFor: undefined,
  kept: false,
  ...over
})
const want = (over: Partial<WantedPort> = {}): WantedPort => ({
  port: 80,
  nodePort: 30_080,
  via: "rule",
  ipProtocol: "tcp",
  protocol: "tcp",
  algorithm: "roundrobin",
  stickiness: "none",
  sources: ["0.0.0.0/0"],
  ...over
})
const forward = (over: Partial<Forward> = {}): Forward => ({
  id: ForwardId.make("f1"),
  addressId: id,
  protocol: "udp",
  publicPort: 53,
  publicEndPort: 53,
  privatePort: 53,
  state: "Active",
  tags: [],
  ...over
})
const rule = {
  id: RuleId.make("r1"),
  name: "by hand",
  description: "",
  addressId: id,
  publicPort: 80,
  privatePort: 80,
  algorithm: "source",
  protocol: "udp",
  cidrs: [],
  state: "Active",
  tags: [],
  members: []
}

interface Case {
  readonly own?: Partial<Claims>
  readonly ports?: ReadonlyArray<WantedPort>
  readonly mayTag?: boolean
  readonly network?: Partial<Network>
}
const check = ({ mayTag = true, network: of, own, ports = [want()] }: Case) => {
  const refusal = preflight(claimsOf(own), { mayTag, ports }, network(of), "spec.loadBalancerIP")
  return refusal === undefined ? "fine" : `${refusal.reason}: ${refusalMessage(refusal)}`
}
const at = (over: Partial<PublicAddress>): Case => ({ own: { address: address(over) } })
const udp = want({ port: 53, via: "forward", ipProtocol: "udp", protocol: "udp" })

describe("an address before anything is made on it", () => {
  it.each<[string, Case, string]>([
    ["is fine", {}, "fine"],
    ["is fine as source NAT address, if it is named", at({ isSourceNat: true }), "fine"],
    [
      "static NAT",
      at({ isStaticNat: true }),
      "AddressUnusable: spec.loadBalancerIP: 203.0.113.7 is a static NAT address. Disable static NAT on it, or name another address"
    ],
    [
      "a system address",
      at({ isSystem: true }),
      "AddressUnusable: spec.loadBalancerIP: 203.0.113.7 is a system address of CloudStack. Name another address"
    ],
    [
      "not Allocated",
      at({ state: "Releasing" }),
      "AddressUnusable: spec.loadBalancerIP: 203.0.113.7 is in state Releasing. Wait until it is Allocated, or name another address"
    ],
    [
      "another network's",
      at({ networkId: NetworkId.make("net2") }),
      "AddressUnusable: spec.loadBalancerIP: 203.0.113.7 belongs to another network than net1. Name an address of the cluster's network, or set network-id in the cloud-config"
    ],
    [
      "no VPC's, for a tier",
      { network: { vpcId: "v1" } },
      "AddressUnusable: spec.loadBalancerIP: 203.0.113.7 belongs to no VPC, but network net1 is a tier of one. Name an address of the network's own VPC, or name the network (network-id in the cloud-config, or the annotation service.beta.kubernetes.io/cloudstack-load-balancer-network)"
    ],
    [
      "a VPC's, for an isolated network",
      at({ vpcId: "v1" }),
      "AddressUnusable: spec.loadBalancerIP: 203.0.113.7 belongs to a VPC that network net1 is no tier of. Name an address of the network's own VPC, or name the network (network-id in the cloud-config, or the annotation service.beta.kubernetes.io/cloudstack-load-balancer-network)"
    ],
    [
      "a rule of others on the port, whatever its protocol",
      { own: { otherRules: [rule] } },
      "PortTaken: spec.ports, port 80: port 80 of 203.0.113.7 is taken by load balancer rule by hand (r1). Use another port or address, or remove that rule"
    ],
    ["a rule of others on another port", { own: { otherRules: [{ ...rule, publicPort: 81 }] } }, "fine"],
    [
      "a forward of others over a range of ports, whatever its protocol",
      { own: { otherForwards: [forward({ publicPort: 70, publicEndPort: 90 })] } },
      "PortTaken: spec.ports, port 80: port 80 of 203.0.113.7 is taken by port forwarding rule f1. Use another port or address, or remove that rule"
    ],
    [
      "a forward of others in the way of a forward of the same protocol",
      { own: { otherForwards: [forward()] }, ports: [udp] },
      "PortTaken: spec.ports, port 53: port 53 of 203.0.113.7 is taken by port forwarding rule f1. Use another port or address, or remove that rule"
    ],
    [
      "a forward of the other protocol",
      { own: { otherForwards: [forward({ protocol: "tcp" })] }, ports: [udp] },
      "fine"
    ],
    [
      "DNS on the source NAT address of a network with DNS",
      { own: { address: address({ isSourceNat: true }) }, ports: [want({ port: 53 })] },
      "PortReserved: spec.ports, port 53: 203.0.113.7 is the source NAT address of network net1, whose router answers DNS on it. Use another address"
    ],
    ["DNS on another address", { ports: [want({ port: 53 })] }, "fine"],
    [
      "DNS on the source NAT address of a network without",
      { ...at({ isSourceNat: true }), ports: [want({ port: 53 })], network: { services: new Map() } },
      "fine"
    ],
    [
      "a forward on the user's address that nothing would mark",
      { ports: [udp], mayTag: false },
      "ForwardingForbidden: spec.ports, port 53: 203.0.113.7 is not ours, so a port forwarding rule there has to be tagged as ours, and the key's role may not tag. Allow createTags and deleteTags to the key's role, or let the address be allocated"
    ],
    ["a forward on an address of ours", { own: { ownership: "owned" }, ports: [udp], mayTag: false }, "fine"]
  ])("%s", (_, input, verdict) => assert.strictEqual(check(input), verdict))
})
