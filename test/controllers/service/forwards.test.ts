import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import {
  annotated,
  applyNodes,
  applyService,
  balanced,
  bed,
  byHand,
  counting,
  editNode,
  editService,
  eventMessages,
  ingress,
  narrowRole,
  pass,
  reconcile,
  removeService,
  started,
  wholeWorld,
  world,
  worldOf
} from "../../support/testBed.ts"

const nodes = applyNodes("n1", "n2", "n3")

const forwards = Effect.map(world, ({ portForwardingRules }) => portForwardingRules)

/** Without the machine: which one it is, is for the hash to say. */
const forwarded = Effect.map(forwards, (all) =>
  all.map(({ privatePort, protocol, publicPort }) => `${protocol} ${publicPort}>${privatePort}`).sort()
)
const target = Effect.map(forwards, ([first, ...rest]) => {
  assert.isTrue(rest.every(({ machine }) => machine === first?.machine))
  return first?.machine ?? assert.fail("nothing is forwarded")
})
const everything = Effect.all({ whole: wholeWorld, forwards })

const dns = {
  name: "dns",
  spec: { ports: [{ name: "udp", port: 53, nodePort: 30_053, protocol: "UDP" }] }
}
const twin = {
  name: "dns",
  spec: {
    ports: [
      { name: "udp", port: 53, nodePort: 30_053, protocol: "UDP" },
      { name: "tcp", port: 53, nodePort: 30_054, protocol: "TCP" }
    ]
  }
}
const mixed = {
  name: "dns",
  spec: {
    ports: [
      { name: "udp", port: 53, nodePort: 30_053, protocol: "UDP" },
      { name: "web", port: 80, nodePort: 30_080, protocol: "TCP" }
    ]
  }
}
const sync = reconcile("shop/dns")

const otherProvider = {
  ...worldOf(),
  networks: [{ ref: "net1", name: "net1", kind: "isolated", owner: "alice", lbProvider: "Netscaler" }]
}
const forwardRole = [
  ...narrowRole,
  "createPortForwardingRule",
  "listPortForwardingRules",
  "deletePortForwardingRule",
  "listApis"
]

describe("UDP on the virtual router", () => {
  it.effect("is forwarded to one node, and leaves nothing behind", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* everything
      yield* applyService(dns)
      const { mutations, result } = yield* counting(sync)
      assert.strictEqual(result, "Changed")
      assert.deepStrictEqual(mutations, {
        associateIpAddress: 1,
        createPortForwardingRule: 1,
        createFirewallRule: 1,
        // One for the address, one for its firewall rule, one for its forward.
        createTags: 3
      })
      const { addresses, firewall, rules } = yield* balanced
      assert.deepStrictEqual(rules, [])
      assert.deepStrictEqual(firewall, ["udp 53-53 0.0.0.0/0"])
      assert.deepStrictEqual(yield* forwarded, ["udp 53>30053"])
      assert.deepStrictEqual(yield* ingress("dns"), [{ ip: addresses[0] ?? "", ipMode: "VIP" }])
      assert.strictEqual(yield* sync, "Converged")
      yield* removeService("dns")
      yield* sync
      assert.deepStrictEqual(yield* everything, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("stands beside balanced TCP ports, with its own source ranges kept in step", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService(mixed)
      yield* sync
      assert.deepStrictEqual(yield* forwarded, ["udp 53>30053"])
      assert.deepStrictEqual((yield* balanced).rules, ["tcp 80>30080 roundrobin n1,n2,n3"])
      yield* editService({ spec: { loadBalancerSourceRanges: ["192.0.2.0/24"] } }, "dns")
      yield* sync
      assert.deepStrictEqual((yield* balanced).firewall, ["tcp 80-80 192.0.2.0/24", "udp 53-53 192.0.2.0/24"])
      assert.isUndefined((yield* ingress("dns"))?.[0]?.ports)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("on a number that TCP has too, is refused: told once, shown in the status, TCP is served", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService(twin)
      assert.strictEqual(yield* sync, "Changed")
      assert.strictEqual(yield* sync, "Converged")
      assert.deepStrictEqual(yield* forwarded, [])
      const { addresses, rules } = yield* balanced
      assert.deepStrictEqual(rules, ["tcp 53>30054 roundrobin n1,n2,n3"])
      assert.deepStrictEqual(yield* ingress("dns"), [
        {
          ip: addresses[0] ?? "",
          ipMode: "VIP",
          ports: [
            { port: 53, protocol: "UDP", error: "cloudstack-ccm/PortShared" },
            { port: 53, protocol: "TCP" }
          ]
        }
      ])
      assert.deepStrictEqual(
        (yield* eventMessages("dns")).filter((text) => text.startsWith("PortShared")),
        [
          'PortShared: spec.ports[0].port: port 53 is balanced for TCP, and on one address CloudStack cannot serve it for UDP besides. Have both forwarded to one node (annotation service.beta.kubernetes.io/cloudstack-load-balancer-forward-ports: "53"), or give UDP a Service and an address of its own'
        ]
      )
    }).pipe(Effect.provide(bed()))
  )

  it.effect("on a number that TCP has too, is served where both are to be forwarded, and back", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService(twin)
      yield* sync
      yield* editService({ metadata: { annotations: annotated("forward-ports", "53") } }, "dns")
      assert.strictEqual(yield* sync, "Changed")
      assert.deepStrictEqual(yield* forwarded, ["tcp 53>30054", "udp 53>30053"])
      const { addresses, firewall, rules } = yield* balanced
      assert.deepStrictEqual(rules, [])
      assert.deepStrictEqual(firewall, ["tcp 53-53 0.0.0.0/0", "udp 53-53 0.0.0.0/0"])
      assert.deepStrictEqual(yield* ingress("dns"), [{ ip: addresses[0] ?? "", ipMode: "VIP" }])
      // A typo keeps what is there.
      yield* editService({ metadata: { annotations: annotated("forward-ports", "fifty-three") } }, "dns")
      assert.strictEqual(yield* sync, "Converged")
      assert.deepStrictEqual(yield* forwarded, ["tcp 53>30054", "udp 53>30053"])
      yield* editService(
        { metadata: { annotations: { "service.beta.kubernetes.io/cloudstack-load-balancer-forward-ports": null } } },
        "dns"
      )
      yield* sync
      assert.deepStrictEqual(yield* forwarded, [])
      assert.deepStrictEqual((yield* balanced).rules, ["tcp 53>30054 roundrobin n1,n2,n3"])
      assert.deepStrictEqual((yield* balanced).firewall, ["tcp 53-53 0.0.0.0/0"])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("with another node port is forwarded anew", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService(dns)
      yield* sync
      const before = yield* target
      yield* editService({ spec: { ports: [{ name: "udp", port: 53, nodePort: 30_153, protocol: "UDP" }] } }, "dns")
      const { mutations } = yield* counting(sync)
      assert.deepStrictEqual(mutations, { deletePortForwardingRule: 1, createPortForwardingRule: 1, createTags: 1 })
      assert.deepStrictEqual(yield* forwarded, ["udp 53>30153"])
      assert.strictEqual(yield* target, before)
    }).pipe(Effect.provide(bed()))
  )
})

describe("a forward that cannot be", () => {
  const refused = Effect.fnUntraced(function* (
    input: typeof dns & { readonly annotations?: Record<string, string> },
    text: string
  ) {
    yield* nodes
    const before = yield* everything
    yield* applyService(input)
    const { mutations } = yield* counting(
      Effect.gen(function* () {
        assert.strictEqual(yield* sync, "Refused")
        assert.strictEqual(yield* sync, "Refused")
      })
    )
    assert.deepStrictEqual(mutations, {})
    assert.deepStrictEqual(yield* everything, before)
    assert.deepStrictEqual(yield* eventMessages("dns"), [text])
  })

  it.effect("because of externalTrafficPolicy: Local", () =>
    refused(
      { ...dns, spec: { ...dns.spec, externalTrafficPolicy: "Local" } as typeof dns.spec },
      "ForwardingNotLocal: spec.externalTrafficPolicy: port 53/UDP is served by forwarding to one node, which may have no endpoint of its own. Set it to Cluster, or give the port a Service of its own, with Cluster"
    ).pipe(Effect.provide(bed()))
  )

  it.effect("because the role may not", () =>
    refused(
      dns,
      "ForwardingForbidden: spec.ports[0].protocol: port 53/UDP needs a port forwarding rule, which the key's role may not make. Allow createPortForwardingRule, listPortForwardingRules, deletePortForwardingRule and listApis to the role, or use TCP"
    ).pipe(Effect.provide(bed({ world: worldOf({ allow: narrowRole }) })))
  )

  it.effect("because nothing would say whose it is", () =>
    refused(
      dns,
      "ForwardingForbidden: spec.ports[0].protocol: port 53/UDP would be forwarded, and without tags nothing would say whose address and rule that is. Allow createTags and deleteTags to the key's role, or let the Service have a TCP port besides"
    ).pipe(Effect.provide(bed({ world: worldOf({ allow: forwardRole }) })))
  )

  it.effect("because the network forwards no ports", () =>
    refused(
      dns,
      "UnsupportedProtocol: spec.ports[0].protocol: the load balancer of network net1 does not serve port 53/UDP, and its offering has no port forwarding. Use TCP, or a network whose offering has PortForwarding or balances UDP"
    ).pipe(
      Effect.provide(
        bed({
          world: {
            ...worldOf(),
            networks: [
              {
                ref: "net1",
                name: "net1",
                kind: "isolated",
                owner: "alice",
                services: ["SourceNat", "Dns", "Dhcp", "StaticNat", "UserData", "Lb", "Firewall"]
              }
            ]
          }
        })
      )
    )
  )

  it.effect("because the port is to have the PROXY header", () =>
    refused(
      {
        name: "dns",
        spec: { ports: [{ name: "web", port: 80, nodePort: 30_080, protocol: "TCP" }] },
        annotations: { ...annotated("forward-ports", "80"), ...annotated("proxy-protocol", "true") }
      },
      "ConflictingAnnotations: metadata.annotations[service.beta.kubernetes.io/cloudstack-load-balancer-forward-ports]: port 80 is to be forwarded and to have the PROXY header, which only the load balancer adds. Take it out of forward-ports or proxy-protocol"
    ).pipe(Effect.provide(bed()))
  )

  it.effect("because somebody else forwards the port", () =>
    Effect.gen(function* () {
      yield* nodes
      const source = (yield* world).addresses.find(({ sourceNat }) => sourceNat) ?? assert.fail("none")
      const n1 = (yield* world).machines.find(({ name }) => name === "n1")?.id ?? ""
      yield* byHand("createPortForwardingRule", {
        ipaddressid: source.id,
        protocol: "udp",
        publicport: "50",
        publicendport: "60",
        privateport: "50",
        privateendport: "60",
        virtualmachineid: n1,
        openfirewall: "false"
      })
      const before = yield* everything
      yield* applyService({ ...dns, spec: { ...dns.spec, loadBalancerIP: source.ip } as typeof dns.spec })
      assert.strictEqual(yield* sync, "Refused")
      assert.match(
        (yield* eventMessages("dns"))[0] ?? "",
        /^PortTaken: spec.ports, port 53: port 53 of \S+ is taken by port forwarding rule/
      )
      assert.deepStrictEqual(yield* everything, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("in part: TCP is served, UDP has its error", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService(mixed)
      yield* sync
      assert.deepStrictEqual((yield* balanced).rules, ["tcp 80>30080 roundrobin n1,n2,n3"])
      assert.deepStrictEqual((yield* ingress("dns"))?.[0]?.ports, [
        { port: 53, protocol: "UDP", error: "cloudstack-ccm/ForwardingForbidden" },
        { port: 80, protocol: "TCP" }
      ])
      yield* removeService("dns")
      yield* sync
    }).pipe(Effect.provide(bed({ world: worldOf({ allow: narrowRole }) })))
  )
})

describe("whose a forward is", () => {
  it.effect("is told by its ports where the role may not tag", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* everything
      yield* applyService(mixed)
      yield* sync
      assert.deepStrictEqual(yield* forwarded, ["udp 53>30053"])
      assert.strictEqual(yield* sync, "Converged")
      yield* removeService("dns")
      yield* sync
      assert.deepStrictEqual(yield* everything, before)
    }).pipe(Effect.provide(bed({ world: worldOf({ allow: forwardRole }) })))
  )

  it.effect("others' are left alone, and keep our address from being released", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService(dns)
      yield* sync
      const { addresses, machines } = yield* world
      const own = addresses.find(({ sourceNat }) => !sourceNat) ?? assert.fail("none")
      yield* byHand("createPortForwardingRule", {
        ipaddressid: own.id,
        protocol: "tcp",
        publicport: "2222",
        privateport: "22",
        virtualmachineid: machines[0]?.id ?? "",
        openfirewall: "false"
      })
      yield* removeService("dns")
      yield* sync
      assert.deepStrictEqual(yield* forwarded, ["tcp 2222>22"])
      assert.deepStrictEqual((yield* balanced).addresses, [own.ip])
      assert.isTrue(
        (yield* eventMessages("dns")).some((text) =>
          text.startsWith(
            `AddressKept: Address ${own.ip} is kept: it carries firewall or port forwarding rules that are not ours`
          )
        )
      )
    }).pipe(Effect.provide(bed()))
  )
})

describe("UDP where the provider balances it", () => {
  it.effect("is a rule with all members", () =>
    Effect.gen(function* () {
      yield* nodes
      const before = yield* everything
      yield* applyService(dns)
      yield* sync
      assert.deepStrictEqual((yield* balanced).rules, ["udp 53>30053 roundrobin n1,n2,n3"])
      assert.deepStrictEqual((yield* balanced).firewall, ["udp 53-53 0.0.0.0/0"])
      assert.deepStrictEqual(yield* forwarded, [])
      yield* removeService("dns")
      yield* sync
      assert.deepStrictEqual(yield* everything, before)
    }).pipe(Effect.provide(bed({ world: otherProvider })))
  )

  it.effect("cannot share its number with TCP either", () =>
    Effect.gen(function* () {
      yield* nodes
      yield* applyService(twin)
      yield* sync
      assert.deepStrictEqual((yield* balanced).rules, ["tcp 53>30054 roundrobin n1,n2,n3"])
      assert.strictEqual((yield* ingress("dns"))?.[0]?.ports?.[0]?.error, "cloudstack-ccm/PortShared")
    }).pipe(Effect.provide(bed({ world: otherProvider })))
  )
})

describe("the node of a forward", () => {
  const condition = Effect.fnUntraced(function* (name: string, status: "True" | "Unknown") {
    const now = new Date(yield* Clock.currentTimeMillis).toISOString().replace(/\.\d+/, "")
    yield* editNode(name, { status: { conditions: [{ type: "Ready", status, lastTransitionTime: now }] } })
  })
  const running = Effect.gen(function* () {
    yield* nodes
    yield* applyService(dns)
    yield* started
    yield* pass(20)
    return yield* target
  })
  const moves = { deletePortForwardingRule: 1, createPortForwardingRule: 1, createTags: 1 }

  it.effect("dies: the forward moves after a minute, once, and stays when the node is back", () =>
    Effect.gen(function* () {
      const first = yield* running
      const { mutations: early } = yield* counting(Effect.andThen(condition(first, "Unknown"), pass(55)))
      assert.deepStrictEqual(early, {})
      assert.strictEqual(yield* target, first)
      const { mutations } = yield* counting(pass(15))
      assert.deepStrictEqual(mutations, moves)
      const second = yield* target
      assert.notStrictEqual(second, first)
      const { mutations: later } = yield* counting(
        Effect.gen(function* () {
          yield* pass(120)
          yield* condition(first, "True")
          yield* pass(900)
        })
      )
      assert.deepStrictEqual(later, {})
      assert.strictEqual(yield* target, second)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("is back within the minute: nothing moves", () =>
    Effect.gen(function* () {
      const first = yield* running
      const { mutations } = yield* counting(
        Effect.gen(function* () {
          yield* condition(first, "Unknown")
          yield* pass(40)
          yield* condition(first, "True")
          yield* pass(120)
        })
      )
      assert.deepStrictEqual(mutations, {})
    }).pipe(Effect.provide(bed()))
  )

  it.effect("is looked at though the Service is edited meanwhile", () =>
    Effect.gen(function* () {
      const first = yield* running
      yield* condition(first, "Unknown")
      yield* pass(30)
      yield* editService({ spec: { loadBalancerSourceRanges: ["192.0.2.0/24"] } }, "dns")
      yield* pass(10)
      assert.strictEqual(yield* target, first)
      yield* pass(25)
      assert.notStrictEqual(yield* target, first)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("is excluded, or goes: the forward moves with the members", () =>
    Effect.gen(function* () {
      const first = yield* running
      const label = "node.kubernetes.io/exclude-from-external-load-balancers"
      yield* editNode(first, { metadata: { labels: { [label]: "" } } })
      const { mutations } = yield* counting(pass(15))
      assert.deepStrictEqual(mutations, moves)
      const second = yield* target
      assert.notStrictEqual(second, first)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("stays if no node is Ready, and is left for the first that is", () =>
    Effect.gen(function* () {
      const first = yield* running
      const { mutations } = yield* counting(
        Effect.gen(function* () {
          yield* Effect.forEach(["n1", "n2", "n3"], (name) => condition(name, "Unknown"))
          yield* pass(200)
        })
      )
      assert.deepStrictEqual(mutations, {})
      const other = ["n1", "n2", "n3"].find((name) => name !== first) ?? ""
      yield* condition(other, "True")
      yield* pass(10)
      assert.strictEqual(yield* target, other)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("dies while the Service is refused for another reason: the forward moves all the same", () =>
    Effect.gen(function* () {
      const first = yield* running
      yield* editService({ spec: { externalTrafficPolicy: "Local" } }, "dns")
      yield* pass(10)
      assert.deepStrictEqual(yield* forwarded, ["udp 53>30053"])
      yield* condition(first, "Unknown")
      yield* pass(70)
      assert.notStrictEqual(yield* target, first)
    }).pipe(Effect.provide(bed()))
  )
})
