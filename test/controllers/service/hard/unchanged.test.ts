/** What every kind of Service costs when nothing changes: nothing, also for a process that begins with nothing in memory. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { associate, leftBy } from "../../../support/goProviders.ts"
import { tierWorld } from "../../../support/networkKinds.ts"
import {
  annotated,
  applyNodes,
  applyService,
  type BedOptions,
  bed,
  counting,
  editNode,
  editService,
  eventMessages,
  ingress,
  kubeWrites,
  narrowRole,
  pass,
  restarted,
  type ServiceInput,
  started,
  worldOf
} from "../../../support/testBed.ts"

const port = (number: number, more: object = {}) => ({
  name: `p${number}`,
  port: number,
  nodePort: 30_000 + (number % 2_347),
  ...more
})
const udp = { ports: [port(80), port(53, { protocol: "UDP" })] }
const both = { ports: [port(53), port(53, { name: "u", protocol: "UDP", nodePort: 30_999 })] }
const sources = { loadBalancerSourceRanges: ["192.0.2.0/24", "10.0.0.1/8"] }

const narrow: BedOptions = { world: worldOf({ allow: narrowRole }) }
const tier: BedOptions = { world: tierWorld() }
const narrowTier: BedOptions = { world: tierWorld({ allow: narrowRole }), account: "bob", project: "p1" }

const made = (input: ServiceInput = {}) => applyService(input)
const given = Effect.flatMap(associate, ({ ip }) => applyService({ spec: { loadBalancerIP: ip } }))

const cases = [
  ["a plain one", made()],
  ["PROXY protocol on one port", made({ annotations: annotated("proxy-protocol", "80") })],
  ["source ranges", made({ spec: sources })],
  ["UDP beside TCP", made({ spec: udp })],
  ["UDP with source ranges", made({ spec: { ...udp, ...sources } })],
  ["UDP alone", made({ spec: { ports: [port(53, { protocol: "UDP" })] } })],
  ["both protocols forwarded", made({ spec: both, annotations: annotated("forward-ports", "53") })],
  ["stickiness", made({ annotations: annotated("stickiness", "LbCookie cookie-name=x mode=insert") })],
  ["keep-ip", made({ annotations: annotated("keep-ip", "true") })],
  ["a hostname", made({ annotations: annotated("hostname", "lb.example.org") })],
  ["session affinity", made({ spec: { sessionAffinity: "ClientIP" } })],
  ["max-members", made({ annotations: annotated("max-members", "2") })],
  ["a given address", given],
  ["taken over from Apache's provider", leftBy("Apache v1.2")],
  [
    "taken over, with its list on the rules",
    leftBy("Apache v1.2", { annotations: annotated("source-cidrs", "10.0.0.0/8") })
  ],
  ["taken over from Leaseweb's", leftBy("Leaseweb")],
  ["a plain one, narrow role", made(), narrow],
  ["source ranges, narrow role", made({ spec: sources }), narrow],
  ["a given address, narrow role", given, narrow],
  ["taken over, narrow role", leftBy("Apache v1.1"), narrow],
  ["in a VPC tier", made(), tier],
  ["in a VPC tier with source ranges", made({ spec: sources }), tier],
  ["in a VPC tier with UDP", made({ spec: { ...udp, ...sources } }), tier],
  ["in a VPC tier, narrow role", made({ spec: sources }), narrowTier],
  [
    "one of which several things are told",
    made({
      annotations: annotated("colour", "blue"),
      spec: {
        ipFamilies: ["IPv4", "IPv6"],
        ipFamilyPolicy: "RequireDualStack",
        loadBalancerSourceRanges: ["10.0.0.0/8", "2001:db8::/32"]
      }
    })
  ]
] as const

describe("an unchanged world", () => {
  it.effect("a refusal: it is not said again after a restart", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "ghost")
      yield* applyService({ spec: { ports: [port(8081)] } })
      yield* Effect.scoped(Effect.andThen(started, pass(20)))
      const told = yield* eventMessages()
      assert.strictEqual(told.length, 2, told.join("\n"))
      yield* restarted()(Effect.scoped(Effect.andThen(started, pass(700))))
      assert.deepStrictEqual(yield* eventMessages(), told)
    }).pipe(Effect.provide(bed()))
  )

  for (const [name, make, options = {}] of cases) {
    it.effect(`${name}: nothing is done or written after a restart, on events without meaning, at resyncs`, () =>
      Effect.gen(function* () {
        yield* applyNodes("n1", "n2", "n3")
        yield* make
        yield* Effect.scoped(Effect.andThen(started, pass(40)))
        assert.strictEqual((yield* ingress())?.length, 1, (yield* eventMessages()).join("\n"))
        const [writes, told] = [yield* kubeWrites, yield* eventMessages()]
        const life = Effect.gen(function* () {
          yield* started
          yield* pass(20)
          for (let n = 0; n < 20; n++) {
            yield* editNode("n1", { metadata: { annotations: { heartbeat: String(n) } } })
            yield* editService({ metadata: { labels: { seen: String(n) } } })
          }
          yield* pass(1_400)
        })
        const { mutations } = yield* counting(restarted(options.account)(Effect.scoped(life)))
        assert.deepStrictEqual(mutations, {})
        assert.deepStrictEqual(yield* kubeWrites, writes)
        assert.deepStrictEqual(yield* eventMessages(), told)
      }).pipe(Effect.provide(bed(options)))
    )
  }
})
