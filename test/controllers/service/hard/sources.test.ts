import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Simulator } from "../../../../src/cloudstack/memory/Simulator.ts"
import {
  annotated,
  applyNodes,
  applyService,
  balanced,
  bed,
  byHand,
  counting,
  editService,
  eventMessages,
  events,
  kubeWrites,
  narrowRole,
  reconcile,
  removeService,
  wholeWorld,
  world,
  worldOf
} from "../../../support/testBed.ts"

const onePort = { ports: [{ name: "http", port: 80, nodePort: 30_080 }] }
const standard = "service.beta.kubernetes.io/load-balancer-source-ranges"
const startWith = (sourceRanges: ReadonlyArray<string>) =>
  Effect.andThen(applyNodes("n1"), applyService({ spec: { ...onePort, loadBalancerSourceRanges: sourceRanges } })).pipe(
    Effect.andThen(reconcile())
  )

/** Opens and closes in order, as CloudStack was asked. */
const borderCalls = (log: ReadonlyArray<{ readonly command: string }>) =>
  log.filter(({ command }) => /FirewallRule$/.test(command)).map(({ command }) => command.replace("FirewallRule", ""))

const firewallByHand = Effect.fnUntraced(function* (parameters: Record<string, string>) {
  const { addresses, loadBalancerRules } = yield* world
  const id = addresses.find(({ ip }) => ip === loadBalancerRules[0]?.address)?.id ?? ""
  return yield* byHand("createFirewallRule", { ipaddressid: id, protocol: "tcp", ...parameters })
})

describe("sources", () => {
  it.effect("overlapping networks of three places meet in what all admit", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService({
        annotations: {
          [standard]: "198.51.100.0/24",
          ...annotated("source-cidrs", "10.1.2.3/32,10.1.0.0/16 192.0.2.0/24")
        },
        spec: { ...onePort, loadBalancerSourceRanges: ["10.0.0.0/8", "2001:db8::/32"] }
      })
      yield* reconcile()
      assert.deepStrictEqual((yield* balanced).firewall, ["tcp 80-80 10.1.0.0/16,10.1.2.3/32"])
      assert.strictEqual((yield* events()).filter((r) => r === "LoadBalancerSourceRangesIgnored").length, 1)
      yield* reconcile()
      assert.strictEqual((yield* events()).filter((r) => r === "LoadBalancerSourceRangesIgnored").length, 1)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("wider and narrower again: never shut for who stays, two pushes each", () =>
    Effect.gen(function* () {
      yield* startWith(["10.1.0.0/16"])
      yield* editService({ spec: { loadBalancerSourceRanges: ["10.0.0.0/8"] } })
      const wider = yield* counting(reconcile())
      assert.deepStrictEqual(borderCalls(wider.log), ["create", "delete"])
      yield* editService({ spec: { loadBalancerSourceRanges: ["10.1.0.0/16", "10.2.0.0/16"] } })
      const narrower = yield* counting(reconcile())
      assert.deepStrictEqual(borderCalls(narrower.log), ["create", "delete"])
      assert.deepStrictEqual((yield* balanced).firewall, ["tcp 80-80 10.1.0.0/16,10.2.0.0/16"])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("a change that mixes, over several rules of ours: each that stays is out for one push", () =>
    Effect.gen(function* () {
      yield* startWith(["10.0.0.0/16", "10.1.0.0/16"])
      yield* editService({
        spec: { loadBalancerSourceRanges: ["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"] }
      })
      yield* reconcile()
      assert.deepStrictEqual((yield* balanced).firewall, [
        "tcp 80-80 10.0.0.0/16,10.1.0.0/16",
        "tcp 80-80 10.2.0.0/16,10.3.0.0/16"
      ])
      yield* editService({ spec: { loadBalancerSourceRanges: ["10.0.0.0/16", "10.2.0.0/16", "10.9.0.0/16"] } })
      const { log } = yield* counting(reconcile())
      const calls = borderCalls(log)
      assert.deepStrictEqual(calls, ["delete", "create", "delete", "create"])
      assert.strictEqual(yield* reconcile(), "Converged")
    }).pipe(Effect.provide(bed()))
  )

  it.effect("a user's rule with wider sources is left, and what we had goes if it is admitted", () =>
    Effect.gen(function* () {
      yield* startWith(["10.0.0.0/8"])
      yield* firewallByHand({ startport: "80", endport: "80", cidrlist: "192.0.2.0/24" })
      yield* editService({ spec: { loadBalancerSourceRanges: ["10.0.0.0/16"] } })
      yield* reconcile()
      assert.deepStrictEqual((yield* balanced).firewall, ["tcp 80-80 10.0.0.0/16", "tcp 80-80 192.0.2.0/24"])
      assert.strictEqual(yield* reconcile(), "Converged")
      assert.strictEqual((yield* events()).filter((r) => r === "FirewallAdmitsMore").length, 1)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("a user's rule on the port is not taken for ours", () =>
    Effect.gen(function* () {
      yield* startWith(["10.0.0.0/8"])
      yield* firewallByHand({ startport: "80", endport: "80", cidrlist: "192.0.2.0/24" })
      const before = (yield* balanced).firewall
      yield* counting(reconcile())
      yield* reconcile()
      assert.deepStrictEqual((yield* balanced).firewall, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("nor where the role may not tag", () =>
    Effect.gen(function* () {
      yield* startWith(["10.0.0.0/8"])
      yield* firewallByHand({ startport: "80", endport: "80", cidrlist: "192.0.2.0/24" })
      const before = (yield* balanced).firewall
      yield* reconcile()
      assert.deepStrictEqual((yield* balanced).firewall, before)
      yield* editService({ spec: { loadBalancerSourceRanges: ["10.1.0.0/16"] } })
      yield* reconcile()
      assert.deepStrictEqual((yield* balanced).firewall, ["tcp 80-80 10.1.0.0/16", "tcp 80-80 192.0.2.0/24"])
    }).pipe(Effect.provide(bed({ world: worldOf({ allow: narrowRole }) })))
  )

  it.effect("a user's rule over all ports, equal or inside: no conflict, no false alarm", () =>
    Effect.gen(function* () {
      yield* startWith(["10.0.0.0/8"])
      yield* firewallByHand({ startport: "1", endport: "65535", cidrlist: "10.7.0.0/16" })
      yield* editService({ metadata: { labels: { a: "b" } } })
      yield* reconcile()
      assert.notInclude(yield* events(), "FirewallAdmitsMore")
      yield* editService({ spec: { loadBalancerSourceRanges: ["10.7.0.0/16", "10.8.0.0/16"] } })
      assert.strictEqual(yield* reconcile(), "Changed")
      assert.deepStrictEqual((yield* balanced).firewall, ["tcp 1-65535 10.7.0.0/16", "tcp 80-80 10.8.0.0/16"])
      assert.strictEqual(yield* reconcile(), "Converged")
      yield* removeService()
      yield* reconcile()
      assert.include((yield* eventMessages()).join("\n"), "AddressKept")
    }).pipe(Effect.provide(bed()))
  )

  it.effect("a list gone wrong closes and opens nothing, told once, over resyncs", () =>
    Effect.gen(function* () {
      yield* startWith(["10.0.0.0/8"])
      yield* editService({ metadata: { annotations: annotated("source-cidrs", " ") } })
      const before = yield* wholeWorld
      yield* reconcile()
      const writes = yield* kubeWrites
      yield* reconcile()
      yield* reconcile()
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.deepStrictEqual(yield* kubeWrites, writes)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("revoked sources close even when what follows cannot be opened", () =>
    Effect.gen(function* () {
      yield* startWith(["10.0.0.0/8", "192.0.2.0/24"])
      const simulator = yield* Simulator
      yield* simulator.inject(
        Array.from({ length: 20 }, (_, i) => ({
          command: "createFirewallRule",
          occurrence: i + 1,
          fault: { _tag: "error", code: 530, text: "no" } as const
        }))
      )
      yield* editService({ spec: { loadBalancerSourceRanges: ["10.0.0.0/8"] } })
      yield* Effect.exit(reconcile())
      assert.deepStrictEqual((yield* balanced).firewall, [])
    }).pipe(Effect.provide(bed()))
  )
})
