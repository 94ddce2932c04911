import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Simulator } from "../../../../src/cloudstack/memory/Simulator.ts"
import { KubeMemory } from "../../../../src/kubernetes/memory/KubeMemory.ts"
import {
  annotated,
  applyNodes,
  applyService,
  balanced,
  bed,
  counting,
  editService,
  eventMessages,
  events,
  ingress,
  kubeWrites,
  pass,
  reconcile,
  removeService,
  started,
  wholeWorld,
  world,
  worldOf
} from "../../../support/testBed.ts"

const finalizer = "service.kubernetes.io/load-balancer-cleanup"
const object = (name = "web") => Effect.flatMap(KubeMemory, (memory) => memory.object("services", `shop/${name}`))
const metadata = (name?: string) => Effect.map(object(name), (found) => found["metadata"] as Record<string, unknown>)
const portsOf = (...numbers: ReadonlyArray<number>) =>
  numbers.map((port) => ({ name: `p${port}`, port, nodePort: 30_000 + (port % 2_347) }))
const slowJobs = { world: { ...worldOf(), settings: { jobMillis: 1_500 } } }
const nothing = { addresses: [], rules: [], firewall: [] }

describe("edits while a run is under way", () => {
  it.effect("many of them: the last one counts, and nothing is left of the others", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      yield* started
      yield* applyService({ spec: { ports: portsOf(80, 443) } })
      for (const [ports, ranges] of [
        [[80, 443, 8080], ["10.0.0.0/8"]],
        [[443], ["10.0.0.0/8", "192.0.2.0/24"]],
        [[80, 8443], ["192.0.2.0/24"]],
        [
          [80, 443],
          ["192.0.2.0/24", "198.51.100.0/24"]
        ],
        [[443, 9443], ["198.51.100.0/24"]]
      ] as const) {
        yield* pass(1)
        yield* editService({ spec: { ports: portsOf(...ports), loadBalancerSourceRanges: ranges } })
      }
      yield* editService({ metadata: { annotations: annotated("proxy-protocol", "p9443") } })
      yield* pass(60)
      const { addresses, firewall, rules } = yield* balanced
      assert.strictEqual(addresses.length, 1)
      assert.deepStrictEqual(rules, ["tcp 443>30443 roundrobin n1,n2,n3", "tcp-proxy 9443>30055 roundrobin n1,n2,n3"])
      assert.deepStrictEqual(firewall, ["tcp 443-443 198.51.100.0/24", "tcp 9443-9443 198.51.100.0/24"])
      assert.notInclude(yield* events(), "SyncLoadBalancerFailed")
    }).pipe(Effect.provide(bed(slowJobs)))
  )

  it.effect.each([0.5, 1.5, 3, 5, 8])("deleted %s s after it was made: nothing is left", (seconds) =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      const before = yield* wholeWorld
      yield* started
      yield* applyService({ spec: { ports: portsOf(80, 443) } })
      yield* pass(seconds)
      yield* removeService()
      yield* pass(90)
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.isUndefined(yield* ingress())
      assert.notInclude(yield* events(), "SyncLoadBalancerFailed", (yield* eventMessages()).join("\n"))
    }).pipe(Effect.provide(bed(slowJobs)))
  )

  it.effect.each([0.5, 1.5, 3, 5, 8])("type there and back, %s s apart: one load balancer, no failure", (seconds) =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* started
      yield* applyService({ spec: { ports: portsOf(80) } })
      for (let round = 0; round < 3; round++) {
        yield* pass(seconds)
        yield* editService({ spec: { type: "ClusterIP" } })
        yield* pass(seconds)
        yield* editService({ spec: { type: "LoadBalancer" } })
      }
      yield* pass(90)
      const { addresses, firewall, rules } = yield* balanced
      assert.strictEqual(addresses.length, 1, JSON.stringify({ addresses, firewall, rules }))
      assert.strictEqual(rules.length, 1)
      assert.strictEqual(firewall.length, 1)
      assert.deepStrictEqual(yield* ingress(), [{ ip: addresses[0] ?? "", ipMode: "VIP" }])
      assert.deepStrictEqual((yield* metadata())["finalizers"], [finalizer])
      assert.notInclude(yield* events(), "SyncLoadBalancerFailed", (yield* eventMessages()).join("\n"))
      yield* editService({ spec: { type: "ClusterIP" } })
      yield* pass(90)
      assert.deepStrictEqual(yield* balanced, nothing)
      const left = yield* metadata()
      assert.deepStrictEqual(left["finalizers"] ?? [], [])
      assert.deepStrictEqual(left["annotations"] ?? {}, {})
    }).pipe(Effect.provide(bed(slowJobs)))
  )

  it.effect("another Service of the name, made the moment the old one is gone", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* started
      yield* applyService({ spec: { ports: portsOf(80) } })
      yield* pass(30)
      yield* removeService()
      for (let waited = 0; (yield* ingress()) !== undefined && waited < 400; waited++) yield* pass(0.25)
      yield* applyService({ spec: { ports: portsOf(443) } })
      yield* pass(60)
      const { addresses, rules } = yield* balanced
      assert.strictEqual(addresses.length, 1)
      assert.deepStrictEqual(rules, ["tcp 443>30443 roundrobin n1"])
      assert.deepStrictEqual((yield* metadata())["finalizers"], [finalizer])
    }).pipe(Effect.provide(bed(slowJobs)))
  )

  it.effect(
    "somebody tears the finalizer off and makes the Service anew: the new one is served, the old stays for audit",
    () =>
      Effect.gen(function* () {
        yield* applyNodes("n1")
        yield* started
        yield* applyService({ spec: { ports: portsOf(80) } })
        yield* pass(30)
        yield* editService({ metadata: { finalizers: null } })
        yield* removeService()
        yield* applyService({ spec: { ports: portsOf(80) } })
        yield* pass(60)
        assert.strictEqual((yield* ingress())?.length, 1)
        assert.strictEqual((yield* balanced).rules.length, 2)
      }).pipe(Effect.provide(bed()))
  )

  it.effect("finalizer, annotations and status that somebody removed come back at the resync", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* started
      yield* applyService({ spec: { ports: portsOf(80) } })
      yield* pass(30)
      const before = yield* metadata()
      const shown = yield* ingress()
      yield* editService({
        metadata: { finalizers: null, annotations: null },
        status: { loadBalancer: { ingress: null } }
      })
      assert.deepStrictEqual(yield* ingress(), [])
      yield* pass(700)
      const after = yield* metadata()
      assert.deepStrictEqual(after["finalizers"], before["finalizers"])
      assert.deepStrictEqual(after["annotations"], before["annotations"])
      assert.deepStrictEqual(yield* ingress(), shown)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("other finalizers and annotations are left alone", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService({ spec: { ports: portsOf(80) }, annotations: { "example.org/x": "y" } })
      yield* editService({ metadata: { finalizers: ["example.org/keep"] } })
      yield* reconcile()
      assert.deepStrictEqual((yield* metadata())["finalizers"], ["example.org/keep", finalizer])
      yield* removeService()
      yield* reconcile()
      assert.deepStrictEqual((yield* metadata())["finalizers"], ["example.org/keep"])
      assert.strictEqual(((yield* metadata())["annotations"] as Record<string, string>)["example.org/x"], "y")
      assert.strictEqual(yield* reconcile(), "NotOurs")
      assert.deepStrictEqual(yield* balanced, nothing)
    }).pipe(Effect.provide(bed()))
  )
})

describe("node ports", () => {
  it.effect("none allocated: refused once; allocated later: served", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const before = yield* wholeWorld
      yield* started
      yield* applyService({ spec: { ports: [{ name: "p80", port: 80 }], allocateLoadBalancerNodePorts: false } })
      yield* pass(20)
      const writes = yield* kubeWrites
      yield* pass(1_400)
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.deepStrictEqual(yield* kubeWrites, writes)
      assert.deepStrictEqual(yield* events(), ["NodePortMissing"])
      yield* editService({ spec: { allocateLoadBalancerNodePorts: true } })
      yield* pass(20)
      assert.strictEqual((yield* ingress())?.length, 1, (yield* eventMessages()).join("\n"))
      yield* editService({ spec: { allocateLoadBalancerNodePorts: false } })
      yield* pass(20)
      assert.strictEqual((yield* balanced).rules.length, 1)
    }).pipe(Effect.provide(bed()))
  )
})

describe("what is put on and taken off again", () => {
  const prefix = "service.beta.kubernetes.io/cloudstack-load-balancer-"

  it.effect("a hostname: in its place the address, without a call to CloudStack", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService({ annotations: annotated("hostname", "lb.example.org") })
      yield* reconcile()
      assert.deepStrictEqual(yield* ingress(), [{ hostname: "lb.example.org" }])
      const ip = (yield* balanced).addresses[0] ?? ""
      for (const [value, shown] of [
        [null, { ip, ipMode: "VIP" }],
        ["other.example.org", { hostname: "other.example.org" }],
        [null, { ip, ipMode: "VIP" }]
      ] as const) {
        yield* editService({ metadata: { annotations: { [`${prefix}hostname`]: value } } })
        const { mutations } = yield* counting(reconcile())
        assert.deepStrictEqual(mutations, {})
        assert.deepStrictEqual(yield* ingress(), [shown])
      }
    }).pipe(Effect.provide(bed()))
  )

  it.effect("session affinity and the algorithm: in place, the same rules", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService()
      yield* reconcile()
      const ids = Effect.map(world, ({ loadBalancerRules }) => loadBalancerRules.map(({ id }) => id))
      const before = yield* ids
      for (const [patch, algorithm] of [
        [{ spec: { sessionAffinity: "ClientIP" } }, "source"],
        [{ metadata: { annotations: annotated("algorithm", "LeastConn") } }, "leastconn"],
        [{ spec: { sessionAffinity: "None" } }, "leastconn"],
        [{ metadata: { annotations: { [`${prefix}algorithm`]: null } } }, "roundrobin"]
      ] as const) {
        yield* editService(patch)
        yield* reconcile()
        const { loadBalancerRules } = yield* world
        assert.deepStrictEqual(
          loadBalancerRules.map((rule) => rule.algorithm),
          [algorithm, algorithm]
        )
        assert.deepStrictEqual(yield* ids, before)
      }
    }).pipe(Effect.provide(bed()))
  )
})

describe("proxy protocol", () => {
  it.effect("in every spelling, on all ports and on some: in place, the same rules, and the mode of the Service", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService()
      yield* reconcile()
      const { loadBalancerRules: first } = yield* world
      let proxied = ""
      for (const [text, wanted] of [
        ["true", "80,443"],
        ["False", ""],
        ["ENABLED", "80,443"],
        ["disabled", ""],
        ["yes", "80,443"],
        ["No", ""],
        ["on", "80,443"],
        ["OFF", ""],
        ["1", "80,443"],
        ["0", ""],
        ["80", "80"],
        ["https", "443"],
        ["http,443", "80,443"],
        [" 443 ", "443"],
        ["https http", "80,443"],
        [null, ""]
      ] as const) {
        const annotations = { "service.beta.kubernetes.io/cloudstack-load-balancer-proxy-protocol": text }
        yield* editService({ metadata: { annotations } })
        const { mutations } = yield* counting(reconcile())
        const { loadBalancerRules } = yield* world
        const on = loadBalancerRules.filter(({ protocol }) => protocol === "tcp-proxy")
        assert.strictEqual(
          on
            .map(({ publicPort }) => publicPort)
            .sort((a, b) => a - b)
            .join(),
          wanted,
          text ?? "none"
        )
        const list = (ports: string) => ports.split(",").filter(Boolean)
        const toggled = list("80,443").filter((one) => list(proxied).includes(one) !== list(wanted).includes(one))
        assert.deepStrictEqual(mutations, toggled.length === 0 ? {} : { updateLoadBalancerRule: toggled.length })
        assert.deepStrictEqual(
          loadBalancerRules.map(({ id }) => id),
          first.map(({ id }) => id)
        )
        assert.strictEqual((yield* ingress())?.[0]?.ipMode, wanted === "" ? "VIP" : "Proxy")
        proxied = wanted
      }
      assert.deepStrictEqual(
        (yield* world).loadBalancerRules.map(({ name }) => name),
        first.map(({ name }) => name)
      )
    }).pipe(Effect.provide(bed()))
  )

  const rulesAre = (...wanted: ReadonlyArray<string>) =>
    Effect.map(balanced, ({ rules }) => assert.deepStrictEqual(rules, [...wanted].sort()))

  it.effect("by port name and number, while a port is renamed, another removed and a node joins", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const ports = portsOf(80, 443, 8443)
      yield* applyService({ annotations: annotated("proxy-protocol", "p80, 443"), spec: { ports } })
      yield* reconcile()
      yield* rulesAre(
        "tcp 8443>31402 roundrobin n1",
        "tcp-proxy 443>30443 roundrobin n1",
        "tcp-proxy 80>30080 roundrobin n1"
      )
      const ids = new Map((yield* world).loadBalancerRules.map(({ id, publicPort }) => [publicPort, id]))
      yield* applyNodes("n2")
      yield* editService({
        metadata: { annotations: annotated("proxy-protocol", "web 8443") },
        spec: { ports: [{ name: "web", port: 80, nodePort: 30_080 }, portsOf(8443)[0]] }
      })
      const { mutations } = yield* counting(reconcile())
      yield* rulesAre("tcp-proxy 80>30080 roundrobin n1,n2", "tcp-proxy 8443>31402 roundrobin n1,n2")
      for (const { id, publicPort } of (yield* world).loadBalancerRules) assert.strictEqual(id, ids.get(publicPort))
      assert.deepStrictEqual(mutations, {
        assignToLoadBalancerRule: 2,
        updateLoadBalancerRule: 1,
        deleteFirewallRule: 1,
        deleteLoadBalancerRule: 1
      })
      assert.strictEqual((yield* ingress())?.[0]?.ipMode, "Proxy")
      yield* editService({ metadata: { annotations: annotated("proxy-protocol", "DISABLED") } })
      yield* reconcile()
      yield* rulesAre("tcp 80>30080 roundrobin n1,n2", "tcp 8443>31402 roundrobin n1,n2")
      assert.strictEqual((yield* ingress())?.[0]?.ipMode, "VIP")
    }).pipe(Effect.provide(bed()))
  )

  it.effect("a list that names a port that is gone: that one is told, the others keep what they have", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService({ annotations: annotated("proxy-protocol", "p80,p443"), spec: { ports: portsOf(80, 443) } })
      yield* reconcile()
      yield* editService({ spec: { ports: portsOf(80, 8080) } })
      yield* reconcile()
      yield* reconcile()
      const { rules } = yield* balanced
      assert.deepStrictEqual(rules, ["tcp-proxy 80>30080 roundrobin n1"])
      assert.strictEqual((yield* events()).filter((reason) => reason === "InvalidAnnotation").length, 1)
      yield* editService({ metadata: { annotations: annotated("proxy-protocol", "p80") } })
      yield* reconcile()
      yield* rulesAre("tcp 8080>31039 roundrobin n1", "tcp-proxy 80>30080 roundrobin n1")
    }).pipe(Effect.provide(bed()))
  )
})

describe("what the virtual router refuses to take", () => {
  it.effect("is tried again and told in few words, each reason once per spell", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const simulator = yield* Simulator
      yield* simulator.inject(
        Array.from({ length: 6 }, (_, index) => ({
          command: "assignToLoadBalancerRule",
          occurrence: index + 1,
          fault: { _tag: "failJob", code: 530, result: true } as const
        }))
      )
      yield* started
      yield* applyService({ spec: { ports: portsOf(80) } })
      yield* pass(120)
      assert.strictEqual((yield* ingress())?.length, 1, (yield* eventMessages()).join("\n"))
    }).pipe(Effect.provide(bed()))
  )
})
