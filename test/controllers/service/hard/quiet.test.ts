import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Fault } from "../../../../src/cloudstack/memory/faults.ts"
import { Simulator } from "../../../../src/cloudstack/memory/Simulator.ts"
import {
  annotated,
  applyNodes,
  applyService,
  bed,
  byHand,
  counting,
  editService,
  eventMessages,
  events,
  ingress,
  kubeWrites,
  pass,
  started,
  wholeWorld,
  world,
  worldOf
} from "../../../support/testBed.ts"

const port = (number: number, more: object = {}) => ({ name: `p${number}`, port: number, ...more })
const standard = "service.beta.kubernetes.io/load-balancer-source-ranges"

/** What is demanded, the reason of the Event, and what it has to say. */
const refusals: ReadonlyArray<readonly [string, Parameters<typeof applyService>[0], string, ReadonlyArray<string>]> = [
  [
    "sctp",
    { spec: { ports: [port(80), port(90, { protocol: "SCTP" })] } },
    "UnsupportedProtocol",
    ["spec.ports[1].protocol", "Use TCP"]
  ],
  [
    "ipv6",
    { spec: { ports: [port(80)], ipFamilies: ["IPv6"] } },
    "IPFamilyUnsupported",
    ["spec.ipFamilies", "Add IPv4"]
  ],
  [
    "no-node-port",
    { spec: { ports: [port(80)], allocateLoadBalancerNodePorts: false } },
    "NodePortMissing",
    ["spec.ports[0].nodePort", "Set spec.allocateLoadBalancerNodePorts"]
  ],
  ["router-port", { spec: { ports: [port(8081)] } }, "PortReserved", ["spec.ports[0].port", "Use another port"]],
  [
    "typo",
    { spec: { ports: [port(80)] }, annotations: annotated("proxy-protocol", "perhaps") },
    "InvalidAnnotation",
    ["cloudstack-load-balancer-proxy-protocol", '"perhaps"', "Allowed: true/false"]
  ],
  [
    "bad-algorithm",
    { spec: { ports: [port(80)] }, annotations: annotated("algorithm", "fastest") },
    "InvalidAnnotation",
    ["algorithm", "leastconn"]
  ],
  [
    "bad-hostname",
    { spec: { ports: [port(80)] }, annotations: annotated("hostname", "192.0.2.1") },
    "InvalidAnnotation",
    ["hostname"]
  ],
  [
    "bad-address",
    { spec: { ports: [port(80)] }, annotations: annotated("address", "localhost") },
    "InvalidAnnotation",
    ["address", "IPv4"]
  ],
  [
    "blank-sources",
    { spec: { ports: [port(80)] }, annotations: { [standard]: " " } },
    "InvalidSourceRanges",
    [standard, "Name at least one IPv4 network"]
  ],
  [
    "bad-sources",
    { spec: { ports: [port(80)] }, annotations: annotated("source-cidrs", "10.0.0.0/33") },
    "InvalidSourceRanges",
    ["source-cidrs", "10.0.0.0/33"]
  ],
  [
    "disjoint",
    {
      spec: { ports: [port(80)], loadBalancerSourceRanges: ["10.0.0.0/8"] },
      annotations: annotated("source-cidrs", "192.0.2.0/24")
    },
    "InvalidSourceRanges",
    ["no source is in both", "spec.loadBalancerSourceRanges"]
  ],
  [
    "ipv6-sources",
    { spec: { ports: [port(80)], loadBalancerSourceRanges: ["2001:db8::/32"] } },
    "InvalidSourceRanges",
    ["only IPv6"]
  ],
  [
    "bad-ip",
    { spec: { ports: [port(80)], loadBalancerIP: "2001:db8::1" } },
    "InvalidAddress",
    ["spec.loadBalancerIP", "remove the field"]
  ],
  [
    "taken-ip",
    { spec: { ports: [port(80)], loadBalancerIP: "198.18.0.1" } },
    "AddressNotFree",
    ["198.18.0.1", "Name a free address"]
  ],
  [
    "no-network",
    { spec: { ports: [port(80)] }, annotations: annotated("network", "nowhere") },
    "NetworkUnknown",
    ["nowhere", "Name one that is"]
  ]
]

describe("what is refused", () => {
  it.effect("is told once with field and remedy, made of nothing, and quiet over resyncs", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const before = yield* wholeWorld
      for (const [name, input] of refusals) yield* applyService({ name, ...input })
      yield* started
      yield* pass(30)
      for (const [name, , reason, parts] of refusals) {
        const [text = "", ...more] = yield* eventMessages(name)
        assert.isTrue(text.startsWith(`${reason}: `), `${name}: ${text}`)
        assert.deepStrictEqual(more, [], name)
        for (const part of parts) assert.include(text, part, name)
        assert.deepStrictEqual(yield* ingress(name), [])
      }
      assert.deepStrictEqual(yield* wholeWorld, before)
      const writes = yield* kubeWrites
      const { mutations } = yield* counting(pass(2_100))
      assert.deepStrictEqual(mutations, {})
      assert.deepStrictEqual(yield* kubeWrites, writes)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("is told again when the demand changes to something else that is wrong, and quiet when it is right", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* started
      yield* applyService({ spec: { ports: [port(8081)] } })
      yield* pass(20)
      yield* editService({ spec: { ports: [{ name: "p", port: 80, protocol: "SCTP", nodePort: 30_080 }] } })
      yield* pass(20)
      yield* editService({ spec: { ports: [{ name: "p", port: 80, protocol: "TCP", nodePort: 30_080 }] } })
      yield* pass(20)
      yield* editService({ spec: { ports: [{ name: "p", port: 8081, protocol: "TCP", nodePort: 30_080 }] } })
      yield* pass(20)
      assert.deepStrictEqual(yield* events(), [
        "PortReserved",
        "UnsupportedProtocol",
        "EnsuringLoadBalancer",
        "EnsuredLoadBalancer",
        "PortReserved"
      ])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("by CloudStack itself: one Event, and no storm", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const refusing: Fault = {
        command: "createLoadBalancerRule",
        fault: { _tag: "error", code: 531, text: "not yours" }
      }
      const simulator = yield* Simulator
      yield* simulator.inject(Array.from({ length: 60 }, (_, index) => ({ ...refusing, occurrence: index + 1 })))
      yield* started
      yield* applyService({ spec: { ports: [port(80)] } })
      yield* pass(30)
      const first = (yield* simulator.log).length
      yield* pass(2_100)
      assert.strictEqual((yield* events()).filter((reason) => reason === "CloudStackRefused").length, 1)
      assert.deepStrictEqual(
        (yield* events()).filter((reason) => reason === "EnsuringLoadBalancer").length,
        1,
        (yield* eventMessages()).join("\n")
      )
      assert.isAtMost((yield* simulator.log).length - first, 60)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("a service network without load balancing: one Event each, no address, no storm", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const before = yield* wholeWorld
      yield* applyService({ name: "a", spec: { ports: [port(80)] } })
      yield* applyService({ name: "b", spec: { ports: [port(80)] } })
      yield* started
      yield* pass(30)
      const { log } = yield* counting(pass(1_400))
      assert.isAtMost(log.length, 30)
      for (const name of ["a", "b"]) assert.deepStrictEqual(yield* events(name), ["NetworkUnsupported"])
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed({ world: { ...worldOf(), networks: [{ ref: "net1", name: "net1", kind: "shared" }] } })))
  )
})

describe("what is worth knowing", () => {
  it.effect("is told once though many things happen, and quiet over resyncs", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "ghost")
      yield* started
      yield* applyService({
        annotations: annotated("colour", "blue"),
        spec: {
          ports: [port(80)],
          loadBalancerSourceRanges: ["10.0.0.0/8", "2001:db8::/32"],
          ipFamilies: ["IPv4", "IPv6"],
          ipFamilyPolicy: "RequireDualStack"
        }
      })
      yield* pass(20)
      const { addresses, loadBalancerRules } = yield* world
      const id = addresses.find(({ ip }) => ip === loadBalancerRules[0]?.address)?.id ?? ""
      yield* byHand("createFirewallRule", {
        ipaddressid: id,
        protocol: "tcp",
        startport: "1",
        endport: "65535",
        cidrlist: "192.0.2.0/24"
      })
      yield* pass(700)
      yield* editService({ metadata: { annotations: { other: "x" } } })
      yield* pass(700)
      yield* applyNodes("n2")
      yield* pass(700)
      const writes = yield* kubeWrites
      yield* pass(1_400)
      assert.deepStrictEqual(yield* kubeWrites, writes)
      const counts = Map.groupBy(yield* events(), (reason) => reason)
      for (const reason of [
        "LoadBalancerSourceRangesIgnored",
        "IPv4Only",
        "UnknownAnnotation",
        "NodesLeftOut",
        "FirewallAdmitsMore",
        "EnsuringLoadBalancer",
        "EnsuredLoadBalancer",
        "UpdatedLoadBalancer"
      ]) {
        assert.strictEqual(counts.get(reason)?.length, 1, `${reason}: ${(yield* eventMessages()).join("\n")}`)
      }
    }).pipe(Effect.provide(bed()))
  )
})
