/** An annotation that is not understood, or cannot be had, on a load balancer that is there: it keeps what it has for that setting. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  annotated,
  applyNodes,
  applyService,
  bed,
  counting,
  editService,
  eventMessages,
  ingress,
  kubeWrites,
  pass,
  started,
  wholeWorld,
  world,
  worldOf
} from "../../../support/testBed.ts"

const web = { name: "http", port: 80, nodePort: 30_080 }
const alt = { name: "alt", port: 81, nodePort: 30_081 }
const dns = { name: "dns", port: 53, nodePort: 30_053 }
const both = [dns, { ...dns, name: "dnsu", protocol: "UDP", nodePort: 30_054 }]
const standard = "service.beta.kubernetes.io/load-balancer-source-ranges"

interface Case {
  readonly what: string
  readonly ports?: ReadonlyArray<object>
  readonly spec?: Readonly<Record<string, unknown>>
  readonly before: Readonly<Record<string, string>>
  readonly after: Readonly<Record<string, string>>
  readonly reason: string
}

const typo = (suffix: string, value: string, ports: ReadonlyArray<object> = [web]): Case => ({
  what: suffix,
  ports,
  before: annotated(suffix, value),
  after: annotated(suffix, "a b ??"),
  reason: "InvalidAnnotation"
})

const cases: ReadonlyArray<Case> = [
  typo("proxy-protocol", "http"),
  typo("hostname", "lb.example.org"),
  typo("keep-ip", "true"),
  typo("algorithm", "leastconn"),
  typo("stickiness", "LbCookie cookie-name=x"),
  typo("forward-ports", "53", both),
  { ...typo("address", "none"), before: {} },
  { ...typo("network", "net1"), after: annotated("network", " ") },
  {
    what: "source-cidrs",
    before: annotated("source-cidrs", "10.0.0.0/8"),
    after: annotated("source-cidrs", ""),
    reason: "InvalidSourceRanges"
  },
  {
    what: "the standard source ranges",
    before: { [standard]: "10.0.0.0/8" },
    after: { [standard]: "10.0.0.0" + "/99" },
    reason: "InvalidSourceRanges"
  },
  {
    what: "source ranges that have nothing in common any more",
    spec: { loadBalancerSourceRanges: ["10.0.0.0/8"] },
    before: annotated("source-cidrs", "10.1.0.0/16"),
    after: annotated("source-cidrs", "192.0.2.0/24"),
    reason: "InvalidSourceRanges"
  },
  {
    what: "the whole flag",
    before: {},
    after: { "service.beta.kubernetes.io/cloudstack-load-balancer": "mabye" },
    reason: ""
  },
  {
    what: "a stickiness method that the network has not",
    before: annotated("stickiness", "LbCookie"),
    after: annotated("stickiness", "Glue"),
    reason: "UnsupportedStickiness"
  },
  {
    what: "forward-ports on a port with the PROXY header",
    ports: [web, alt],
    before: annotated("proxy-protocol", "http"),
    after: annotated("forward-ports", "http"),
    reason: "ConflictingAnnotations"
  },
  {
    what: "the PROXY header on a port that is forwarded",
    ports: [web, alt],
    before: annotated("forward-ports", "http"),
    after: annotated("proxy-protocol", "true"),
    reason: "ConflictingAnnotations"
  }
]

describe("on a load balancer that is there", () => {
  for (const { after, before, ports = [web], reason, spec = {}, what } of cases) {
    // What cannot be both leaves the ports that are not meant to what is demanded of them.
    const isPartial = what.startsWith("the PROXY header")
    it.effect(`${what}: nothing changes, it is told once, and nodes still come`, () =>
      Effect.gen(function* () {
        yield* applyNodes("n1")
        yield* applyService({ annotations: before, spec: { ports, ...spec } })
        yield* started
        yield* pass(30)
        const [state, forwards, shown, told, writes] = [
          yield* wholeWorld,
          (yield* world).portForwardingRules,
          yield* ingress(),
          yield* eventMessages(),
          yield* kubeWrites
        ]
        assert.strictEqual(shown?.length, 1, told.join("\n"))
        yield* editService({ metadata: { annotations: after } })
        const { mutations } = yield* counting(pass(1_400))
        if (!isPartial) {
          assert.deepStrictEqual(mutations, {})
          assert.deepStrictEqual(yield* wholeWorld, state)
          assert.deepStrictEqual(yield* ingress(), shown)
          assert.deepStrictEqual(yield* kubeWrites, writes)
        }
        assert.deepStrictEqual((yield* world).portForwardingRules, forwards)
        const news = (yield* eventMessages()).slice(told.length).filter((text) => !/^Ensur/.test(text))
        assert.deepStrictEqual(
          news.map((text) => text.slice(0, text.indexOf(":"))),
          reason === "" ? [] : [reason]
        )
        yield* applyNodes("n2")
        yield* pass(30)
        const { loadBalancerRules } = yield* world
        for (const { members } of loadBalancerRules) assert.strictEqual(members.length, 2)
      }).pipe(Effect.provide(bed({ world: worldOf({ nodes: 2 }) })))
    )
  }
})
