import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import { auditGone, auditRunning, command } from "../../src/cli/audit.ts"
import { CommandError } from "../../src/cli/Command.ts"
import { CloudStackApi } from "../../src/cloudstack/Api.ts"
import { Inventory } from "../../src/cloudstack/Inventory.ts"
import { layerMemory } from "../../src/cloudstack/memory/layerMemory.ts"
import { Simulator } from "../../src/cloudstack/memory/Simulator.ts"
import { ClusterId } from "../../src/controllers/ClusterIdentity.ts"
import type { Finding } from "../../src/controllers/service/audit.ts"
import { ServiceController } from "../../src/controllers/service/ServiceController.ts"
import { KubeMemory } from "../../src/kubernetes/memory/KubeMemory.ts"
import { cloudOverHttp, commandWorld, serviceJson } from "../support/cliWorld.ts"
import { associate } from "../support/goProviders.ts"
import { tierWorld } from "../support/networkKinds.ts"
import {
  annotated,
  applyNodes,
  applyService,
  bed,
  byHand,
  counting,
  editService,
  events,
  inTime,
  narrowRole,
  reconcile,
  removeService,
  wholeWorld,
  world,
  worldOf
} from "../support/testBed.ts"

const api = layerMemory("alice")
/** Each is a process of its own, which knows nothing of the controller's. */
const runningBy = <R>(by: Layer.Layer<CloudStackApi, never, R>, fix: boolean) =>
  inTime(Effect.provide(auditRunning(fix), by, { local: true }))
const running = (fix = false) => runningBy(api, fix)
const gone = (fix: boolean, id = "test-cluster") =>
  inTime(Effect.provide(auditGone(fix), Layer.merge(api, ClusterId.layerOf(id)), { local: true }))

/** Before the first question of this kind something happens. */
const meanwhile = <R>(command: string, happens: Effect.Effect<unknown, unknown, R>) =>
  Layer.effect(
    CloudStackApi,
    Effect.gen(function* () {
      const { call } = yield* CloudStackApi
      const context = yield* Effect.context<R>()
      const once = yield* Effect.cached(Effect.orDie(Effect.provide(happens, context)))
      return CloudStackApi.of({
        call: (name, parameters) => Effect.andThen(name === command ? once : Effect.void, call(name, parameters))
      })
    })
  ).pipe(Layer.provide(api))

/** The so many-th question of this kind gets an empty answer. */
const lying = (command: string, occurrence: number) => {
  const asked = (count: number) => (name: string) => name === command && ++count === occurrence
  const lies = ({ call }: CloudStackApi["Service"], isDue: (name: string) => boolean) =>
    CloudStackApi.of({
      call: (name, parameters) => (isDue(name) ? Effect.as(call(name, parameters), {}) : call(name, parameters))
    })
  const made = Effect.map(CloudStackApi, (honest) => lies(honest, asked(0)))
  return Layer.effect(CloudStackApi, made).pipe(Layer.provide(api))
}

const kubernetes = Effect.flatMap(KubeMemory, (memory) =>
  memory.apply({
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "default", name: "kubernetes" },
    spec: { type: "ClusterIP", ports: [{ port: 443 }] }
  })
)

const port = (number: number) => ({ ports: [{ name: `p${number}`, port: number, nodePort: 30_000 + number }] })

const made = (name: string, number: number, more: Readonly<Record<string, unknown>> = {}, annotations = {}) =>
  Effect.andThen(applyService({ name, annotations, spec: { ...port(number), ...more } }), reconcile(`shop/${name}`))

/** Gone without a clean-up, as from a cluster that was restored from a backup. */
const vanish = (name: string) =>
  Effect.andThen(editService({ metadata: { finalizers: null } }, name), removeService(name))

const ipOf = (name: string) =>
  Effect.map(
    Effect.flatMap(KubeMemory, (memory) => memory.object("services", `shop/${name}`)),
    (service) => JSON.stringify(service).match(/"ip":"([0-9.]+)"/)?.[1] ?? ""
  )

const idsOf = (findings: ReadonlyArray<Finding>, kind: Finding["kind"]) =>
  findings
    .filter((one) => one.kind === kind)
    .map(({ id }) => id)
    .sort()

/** Ids of all that could be named, but for the source NAT address. */
const everything = Effect.map(world, ({ addresses, firewallRules, loadBalancerRules }) => [
  ...addresses.filter(({ sourceNat }) => !sourceNat).map(({ id }) => id),
  ...firewallRules.map(({ id }) => id),
  ...loadBalancerRules.map(({ id }) => id)
])

const handMade = (address: string) =>
  Effect.gen(function* () {
    const { addresses } = yield* world
    const id = addresses.find(({ ip }) => ip === address)?.id ?? ""
    yield* byHand("createLoadBalancerRule", {
      publicipid: id,
      name: "by hand",
      publicport: "8080",
      privateport: "8080",
      algorithm: "roundrobin",
      openfirewall: "false"
    })
    yield* byHand("createFirewallRule", { ipaddressid: id, protocol: "tcp", startport: "8080", endport: "8080" })
  })

/** Services that stay: one of its own address with things made by hand on it, one that shares, one on a given address. */
const wanted = Effect.gen(function* () {
  yield* kubernetes
  yield* applyNodes("n1", "n2", "n3")
  yield* made("web", 80)
  yield* handMade(yield* ipOf("web"))
  const given = yield* associate
  yield* made("given", 81, { loadBalancerIP: given.ip })
  return { given, web: yield* ipOf("web") }
})

/** Leaks of each kind: alone, beside a living Service, on the user's address, two on one address, and with a keeper. */
const plant = Effect.fnUntraced(function* ({ given, web }: Effect.Success<typeof wanted>) {
  yield* made("alone", 90)
  yield* made("beside", 91, { loadBalancerIP: web })
  yield* made("guest", 92, { loadBalancerIP: given.ip })
  yield* made("first", 93)
  yield* made("second", 94, { loadBalancerIP: yield* ipOf("first") })
  for (const name of ["alone", "beside", "guest", "first", "second"]) yield* vanish(name)
})

describe("audit", () => {
  it.effect("names each leak and no other; --fix leaves exactly the wanted world", () =>
    Effect.gen(function* () {
      const stays = yield* wanted
      const before = yield* wholeWorld
      const known = new Set(yield* everything)
      yield* plant(stays)
      const planted = (yield* everything).filter((id) => !known.has(id)).sort()
      assert.lengthOf(planted, 12)
      const looked = yield* counting(running())
      assert.deepStrictEqual(looked.mutations, {})
      assert.deepStrictEqual(idsOf(looked.result.findings, "leaked"), planted)
      assert.deepStrictEqual(looked.result.drifted, [])
      // The rule and the firewall rule made by hand.
      assert.lengthOf(idsOf(looked.result.findings, "foreign"), 2)
      const fixed = yield* running(true)
      assert.deepStrictEqual(fixed.released.map(({ id }) => id).sort(), planted)
      assert.deepStrictEqual(idsOf(fixed.findings, "leaked"), [])
      assert.deepStrictEqual(yield* wholeWorld, before)
      assert.deepStrictEqual((yield* counting(running(true))).mutations, {})
    }).pipe(Effect.provide(bed()))
  )

  it.effect("is the same with the commands of CKS's project role alone", () =>
    Effect.gen(function* () {
      const stays = yield* wanted
      const before = yield* wholeWorld
      const known = new Set(yield* everything)
      yield* made("alone", 90)
      yield* made("beside", 91, { loadBalancerIP: stays.web })
      for (const name of ["alone", "beside"]) yield* vanish(name)
      const planted = (yield* everything).filter((id) => !known.has(id)).sort()
      const { findings } = yield* running()
      assert.deepStrictEqual(idsOf(findings, "leaked"), planted)
      yield* running(true)
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed({ world: worldOf({ allow: narrowRole }) })))
  )

  describe("of firewall rules that cannot be tagged, and of which a port has several since sources were added", () => {
    const narrow = bed({ world: worldOf({ allow: narrowRole }) })
    const widened = Effect.gen(function* () {
      yield* kubernetes
      yield* applyNodes("n1", "n2", "n3")
      const before = yield* wholeWorld
      yield* made("web", 80, { loadBalancerSourceRanges: ["192.0.2.0/24"] })
      yield* editService({ spec: { loadBalancerSourceRanges: ["192.0.2.0/24", "198.51.100.0/24"] } })
      yield* reconcile()
      assert.lengthOf((yield* world).firewallRules, 2)
      yield* vanish("web")
      return before
    })

    it.effect("knows them by the jobs that made them", () =>
      Effect.gen(function* () {
        const before = yield* widened
        const { findings } = yield* running()
        assert.deepStrictEqual(
          findings.map(({ kind, what }) => `${kind} ${what}`),
          ["leaked address", "leaked rule", "leaked firewall rule", "leaked firewall rule"]
        )
        yield* running(true)
        assert.deepStrictEqual(yield* wholeWorld, before)
      }).pipe(Effect.provide(narrow))
    )

    it.effect("once those are forgotten, leaves what says whose the address is until the address can go with it", () =>
      Effect.gen(function* () {
        const before = yield* widened
        yield* TestClock.adjust("25 hours")
        const all = yield* wholeWorld
        const { findings, released } = yield* running(true)
        assert.deepStrictEqual(yield* wholeWorld, all)
        assert.deepStrictEqual(released, [])
        assert.deepStrictEqual(
          findings.map(({ kind, what }) => `${kind} ${what}`),
          ["leaked rule", "foreign firewall rule", "foreign firewall rule"]
        )
        for (const { id } of all.firewallRules) yield* byHand("deleteFirewallRule", { id })
        yield* running(true)
        assert.deepStrictEqual(yield* wholeWorld, before)
      }).pipe(Effect.provide(narrow))
    )
  })

  it.effect("after the cluster is gone releases all of it, and nothing of another cluster or of people", () =>
    Effect.gen(function* () {
      yield* kubernetes
      yield* applyNodes("n1", "n2", "n3")
      const given = yield* associate
      yield* handMade(given.ip)
      const before = yield* wholeWorld
      yield* made("web", 80)
      yield* made("given", 81, { loadBalancerIP: given.ip })
      const all = yield* wholeWorld
      yield* gone(true, "another-cluster")
      assert.deepStrictEqual(yield* wholeWorld, all)
      const { released } = yield* gone(true)
      assert.lengthOf(released, 5)
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("tells of an allocation that came to no end, but not of one that has just begun", () =>
    Effect.gen(function* () {
      yield* kubernetes
      const { networks } = yield* world
      const simulator = yield* Simulator
      const customjobid = "11111111-2222-4333-8444-555555555555"
      const allocate = simulator.callAs("alice", "associateIpAddress", {
        networkid: networks[0]?.id ?? "",
        customjobid
      })
      yield* inTime(allocate)
      yield* byHand("listZones", {})
      // Sent twice with one id: the second is refused, and its address stays behind.
      yield* inTime(allocate)
      const stuck = (yield* world).addresses.find(({ state }) => state === "Allocating")
      const names = Effect.map(running(), ({ findings }) => findings.map(({ name }) => name))
      assert.notInclude(yield* names, `${stuck?.ip} (Allocating)`)
      yield* TestClock.adjust("2 minutes")
      assert.include(yield* names, `${stuck?.ip} (Allocating)`)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("an address with others' things on it loses ours and stays", () =>
    Effect.gen(function* () {
      yield* wanted
      yield* made("alone", 90)
      yield* handMade(yield* ipOf("alone"))
      yield* vanish("alone")
      yield* running(true)
      const { addresses, loadBalancerRules } = yield* world
      assert.deepStrictEqual(loadBalancerRules.map(({ name }) => name).filter((name) => name === "by hand").length, 2)
      assert.lengthOf(
        addresses.filter(({ sourceNat }) => !sourceNat),
        3
      )
      assert.isFalse(loadBalancerRules.some(({ publicPort }) => publicPort === 90))
    }).pipe(Effect.provide(bed()))
  )

  it.effect.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "releases no address of which one list (the %i. of the rules) shows nothing of the others on it",
    (occurrence) =>
      Effect.gen(function* () {
        yield* kubernetes
        yield* applyNodes("n1", "n2", "n3", "n4")
        yield* made("gone", 80)
        const address = yield* ipOf("gone")
        yield* made("stays", 81, { loadBalancerIP: address })
        yield* vanish("gone")
        yield* runningBy(lying("listLoadBalancerRules", occurrence), true)
        const { addresses, loadBalancerRules } = yield* world
        assert.include(
          addresses.map(({ ip }) => ip),
          address
        )
        assert.include(
          loadBalancerRules.map(({ publicPort }) => publicPort),
          81
        )
      }).pipe(Effect.provide(bed({ world: tierWorld() })))
  )

  for (const [role, options] of [
    ["a user's role", {}],
    ["CKS's narrow role", { world: worldOf({ allow: narrowRole }) }],
    ["a VPC tier", { world: tierWorld() }]
  ] as const) {
    it.effect(`an address that a Service names, which is there again from a backup, stays for it (${role})`, () =>
      Effect.gen(function* () {
        yield* kubernetes
        yield* applyNodes("n1", "n2", "n3", "n4")
        yield* made("web", 80)
        const address = yield* ipOf("web")
        yield* vanish("web")
        // Another UID: its ports are taken.
        yield* made("web", 80, { loadBalancerIP: address })
        assert.include(yield* events("web"), "PortTaken")
        const { findings } = yield* running()
        assert.notInclude(
          findings.filter(({ kind }) => kind === "leaked").map(({ what }) => what),
          "address"
        )
        const fixed = yield* running(true)
        const { addresses, loadBalancerRules } = yield* world
        assert.deepStrictEqual(loadBalancerRules, [])
        assert.include(
          addresses.map(({ ip }) => ip),
          address
        )
        assert.deepStrictEqual(idsOf(fixed.findings, "unused"), [])
        yield* Effect.flatMap(Inventory, (inventory) => inventory.expire)
        assert.strictEqual(yield* reconcile(), "Changed")
        assert.strictEqual(yield* ipOf("web"), address)
      }).pipe(Effect.provide(bed(options)))
    )
  }

  it.effect("what a Service has that comes while CloudStack is read has not leaked", () =>
    Effect.gen(function* () {
      yield* wanted
      const comes = applyService({ name: "new", spec: port(90) })
      const begins = Effect.andThen(comes, ServiceController.reconcile("shop/new"))
      const { findings } = yield* runningBy(meanwhile("listPublicIpAddresses", begins), false)
      assert.deepStrictEqual(idsOf(findings, "leaked"), [])
      assert.include(
        findings.filter(({ kind }) => kind === "used").map(({ service }) => service),
        "shop/new"
      )
    }).pipe(Effect.provide(bed()))
  )

  it.effect("keeps what is kept, tells what nothing uses, and what has drifted", () =>
    Effect.gen(function* () {
      yield* wanted
      yield* made("keeper", 90, {}, annotated("keep-ip", "true"))
      const kept = yield* ipOf("keeper")
      yield* removeService("keeper")
      yield* reconcile("shop/keeper")
      const unused = yield* associate
      const rule = (yield* world).loadBalancerRules.find(({ publicPort }) => publicPort === 81)
      yield* byHand("deleteLoadBalancerRule", { id: rule?.id ?? "" })
      const before = yield* wholeWorld
      const { drifted, findings } = yield* running(true)
      assert.deepStrictEqual(
        findings.filter(({ kind }) => kind === "kept").map(({ name, service }) => [name, service]),
        [[kept, "shop/keeper"]]
      )
      assert.deepStrictEqual(idsOf(findings, "unused"), [unused.id])
      assert.deepStrictEqual(
        drifted.map(({ service }) => service),
        ["shop/given"]
      )
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("concludes nothing from a list of Services that can not be complete", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* made("web", 80)
      yield* vanish("web")
      const before = yield* wholeWorld
      assert.match(String(yield* Effect.flip(running(true))), /lacks default\/kubernetes/)
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.live("as a command says what it finds", () =>
    Effect.gen(function* () {
      const { flags } = yield* commandWorld([serviceJson("default", "kubernetes", "k", { type: "ClusterIP" })])
      yield* command(flags)
      yield* command(["--fix", "--cluster-id", "test-cluster", "--output=json", ...flags])
      const [text, json] = yield* TestConsole.logLines
      assert.match(String(text), /0 leaked, 0 foreign, 0 unused, 0 kept, 0 used, 0 drifted$/)
      assert.deepStrictEqual(JSON.parse(String(json)), {
        findings: [],
        released: [],
        unreleased: [],
        drifted: [],
        unplanned: []
      })
    }).pipe(Effect.provide(TestConsole.layer), Effect.scoped, Effect.provide(cloudOverHttp))
  )

  it.effect("reads all that the account holds twice for each Service that is gone, and no oftener", () =>
    Effect.gen(function* () {
      yield* kubernetes
      yield* applyNodes("n1")
      const looks = Effect.fnUntraced(function* (...names: ReadonlyArray<string>) {
        for (const [index, name] of names.entries()) yield* made(name, 80 + index)
        for (const name of names) yield* vanish(name)
        const { calls, result } = yield* counting(running(true))
        assert.lengthOf(result.released, 3 * names.length)
        return calls["listLoadBalancerRules"] ?? 0
      })
      const [one, two, three] = [yield* looks("a"), yield* looks("b", "c"), yield* looks("d", "e", "f")]
      assert.deepStrictEqual([two - one, three - two], [2, 2])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("what cannot be released is named, and keeps nothing else from being released", () =>
    Effect.gen(function* () {
      yield* kubernetes
      yield* applyNodes("n1", "n2", "n3")
      yield* made("first", 80)
      yield* made("second", 81)
      for (const name of ["first", "second"]) yield* vanish(name)
      const fault = { _tag: "error", code: 431, text: "not this one" } as const
      yield* (yield* Simulator).inject([{ command: "disassociateIpAddress", fault }])
      const { released, unreleased } = yield* running(true)
      assert.deepStrictEqual(
        unreleased.map(({ service }) => service),
        ["shop/first"]
      )
      assert.match(unreleased[0]?.error ?? "", /not this one/)
      assert.deepStrictEqual(
        released.map(({ service, what }) => `${service} ${what}`),
        ["shop/second address", "shop/second rule", "shop/second firewall rule"]
      )
    }).pipe(Effect.provide(bed()))
  )

  it.live("releases nothing in a dry run", () =>
    Effect.gen(function* () {
      const { asked, flags } = yield* commandWorld([])
      const error = yield* Effect.flip(command(["--fix", "--dry-run", ...flags]))
      assert.isTrue(error instanceof CommandError && error.exitCode === 1)
      assert.match(String(error), /--fix and --dry-run exclude each other/)
      assert.deepStrictEqual(asked, [])
    }).pipe(Effect.provide(TestConsole.layer), Effect.scoped, Effect.provide(cloudOverHttp))
  )

  it.live("names a Service of which not all could be released, and ends with 1", () =>
    Effect.gen(function* () {
      const { flags } = yield* commandWorld([serviceJson("default", "kubernetes", "k", { type: "ClusterIP" })])
      const simulator = yield* Simulator
      const networkid = (yield* world).networks[0]?.id ?? ""
      yield* simulator.callAs("alice", "associateIpAddress", { networkid })
      yield* Effect.sleep("1 second")
      const resourceids = (yield* world).addresses.find(({ sourceNat }) => !sourceNat)?.id ?? ""
      yield* simulator.callAs("alice", "createTags", {
        resourcetype: "PublicIpAddress",
        resourceids,
        "tags[0].key": "cloudstack-ccm/cluster",
        "tags[0].value": "test-cluster",
        "tags[1].key": "cloudstack-ccm/service",
        "tags[1].value": "shop/web/u1"
      })
      yield* Effect.sleep("1 second")
      const fault = { _tag: "error", code: 431, text: "not this one" } as const
      yield* simulator.inject([{ command: "disassociateIpAddress", fault }])
      const error = yield* Effect.flip(command(["--fix", ...flags]))
      assert.isTrue(error instanceof CommandError && error.exitCode === 1)
      assert.match(String(error), /could not be released: shop\/web$/)
      const [text] = yield* TestConsole.logLines
      assert.match(String(text), /\nUNRELEASED +Service +.*not this one +shop\/web\n/)
      assert.match(String(text), /1 unreleased, 1 leaked/)
    }).pipe(Effect.provide(TestConsole.layer), Effect.scoped, Effect.provide(cloudOverHttp))
  )

  it.live("names a Service that could not be planned, and ends with 1", () =>
    Effect.gen(function* () {
      const kubernetes = serviceJson("default", "kubernetes", "k", { type: "ClusterIP" })
      const { flags } = yield* commandWorld([kubernetes, serviceJson("shop", "web", "u1")])
      // The first list is that of the audit itself.
      const fault = { _tag: "error", code: 431, text: "no such thing" } as const
      yield* (yield* Simulator).inject([{ command: "listLoadBalancerRules", occurrence: 2, fault }])
      const error = yield* Effect.flip(command(flags))
      assert.isTrue(error instanceof CommandError && error.exitCode === 1)
      assert.match(String(error), /could not be planned: shop\/web$/)
      const [text] = yield* TestConsole.logLines
      assert.match(String(text), /\nUNPLANNED +Service +.*no such thing +shop\/web\n/)
      assert.match(String(text), /0 drifted, 1 unplanned$/)
    }).pipe(Effect.provide(TestConsole.layer), Effect.scoped, Effect.provide(cloudOverHttp))
  )
})
