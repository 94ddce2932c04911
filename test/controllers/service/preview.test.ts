import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { layerMemory } from "../../../src/cloudstack/memory/layerMemory.ts"
import { type LogEntry, Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { preview, layer as previewLayer, routerCommandsOf } from "../../../src/controllers/service/preview.ts"
import { tierWorld } from "../../support/networkKinds.ts"
import {
  annotated,
  applyNodes,
  applyService,
  bed,
  byHand,
  counting,
  editService,
  inTime,
  isRead,
  kubeWrites,
  narrowRole,
  reconcile,
  removeService,
  wholeWorld,
  world,
  worldOf
} from "../../support/testBed.ts"

const previewed = (key = "shop/web") =>
  inTime(Effect.provide(preview({ key }), previewLayer.pipe(Layer.provide(layerMemory("alice")))))

/** The calls of a run that changed something, but for ids and addresses that were not known before. */
const changesIn = (log: ReadonlyArray<LogEntry>) =>
  log
    .filter(({ account, command, status }) => account === "alice" && status === 200 && !isRead(command))
    .map(({ command, parameters: { customjobid: _, ...parameters } }) => ({ command, parameters }))

const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** As lines in alphabetical order; what the simulator named in the run, and what the plan calls new, is `*`. */
const lines = (
  calls: ReadonlyArray<{ readonly command: string; readonly parameters: Readonly<Record<string, string>> }>,
  known: string
) =>
  calls
    .map(({ command, parameters }) => {
      const shown = Object.entries(parameters)
        .map(([name, value]) => `${name}=${value.replace(uuid, (id) => (known.includes(id) ? id : "*"))}`)
        .sort()
      return `${command} ${shown.join(" ")}`.replace(/\(new[^)]*\)/g, "*")
    })
    .sort()

const statusPatches = Effect.map(kubeWrites, (writes) => writes["patch services/status"] ?? 0)

/** Plans and runs: what was planned is what was done, call by call, and planning changed nothing. */
const planThenRun = Effect.gen(function* () {
  const simulator = yield* Simulator
  const before = yield* world
  const [cloud, cluster] = [yield* wholeWorld, yield* kubeWrites]
  const logged = (yield* simulator.log).length
  const patched = yield* statusPatches
  const plan = yield* previewed()
  assert.deepStrictEqual(changesIn((yield* simulator.log).slice(logged)), [])
  assert.deepStrictEqual(yield* wholeWorld, cloud)
  assert.deepStrictEqual(yield* kubeWrites, cluster)
  const { log, result } = yield* counting(reconcile())
  // The UID of a Service is none of CloudStack's ids.
  const known = JSON.stringify([before, plan.calls])
  assert.deepStrictEqual(lines(plan.calls, known), lines(changesIn(log), known))
  assert.strictEqual(plan.result, result)
  assert.strictEqual(plan.writes.length, (yield* statusPatches) - patched)
  const after = yield* world
  return { plan, pushes: after.pushes - before.pushes }
})

const start = Effect.andThen(applyNodes("n1", "n2", "n3"), applyService())

describe("a plan", () => {
  it.effect("of a new Service names each call of the run, and counts what the router has to take", () =>
    Effect.gen(function* () {
      yield* start
      const { plan, pushes } = yield* planThenRun
      assert.strictEqual(routerCommandsOf(plan), pushes)
      assert.strictEqual(routerCommandsOf(plan), 4)
      assert.deepStrictEqual(
        plan.notes.map(({ reason }) => reason),
        ["EnsuringLoadBalancer", "EnsuredLoadBalancer"]
      )
      assert.lengthOf(
        plan.writes.filter((patch) => JSON.stringify(patch).includes("finalizers")),
        1
      )
    }).pipe(Effect.provide(bed()))
  )

  const changes: Readonly<Record<string, { readonly metadata?: unknown; readonly spec?: unknown }>> = {
    "a port that goes and one that comes": {
      spec: {
        ports: [
          { name: "http", port: 80, nodePort: 30_080 },
          { name: "alt", port: 8443, nodePort: 30_444 }
        ]
      }
    },
    "another node port": {
      spec: {
        ports: [
          { name: "http", port: 80, nodePort: 31_000 },
          { name: "https", port: 443, nodePort: 30_443 }
        ]
      }
    },
    "the PROXY protocol": { metadata: { annotations: annotated("proxy-protocol", "true") } },
    "other sources": { spec: { loadBalancerSourceRanges: ["192.0.2.0/24", "198.51.100.0/24"] } },
    "another algorithm": { spec: { sessionAffinity: "ClientIP" } },
    "fewer members": { metadata: { annotations: annotated("max-members", "1") } },
    "an address that is kept": { metadata: { annotations: annotated("keep-ip", "true") } },
    "ports by forwarding": { metadata: { annotations: annotated("forward-ports", "http") } },
    "no load balancer any more": { spec: { type: "ClusterIP" } },
    "nothing at all": { metadata: { labels: { colour: "blue" } } }
  }
  for (const [what, patch] of Object.entries(changes)) {
    it.effect(`of a change (${what}) names each call of the run`, () =>
      Effect.gen(function* () {
        yield* start
        yield* reconcile()
        yield* editService(patch)
        const { plan, pushes } = yield* planThenRun
        // A release takes several rules with it.
        if (!plan.calls.some(({ command }) => command === "disassociateIpAddress")) {
          assert.strictEqual(routerCommandsOf(plan), pushes)
        }
      }).pipe(Effect.provide(bed()))
    )
  }

  it.effect("of a deletion names each call of the run", () =>
    Effect.gen(function* () {
      yield* start
      yield* reconcile()
      yield* removeService()
      const { plan } = yield* planThenRun
      assert.deepStrictEqual(
        plan.calls.map(({ command }) => command),
        ["disassociateIpAddress"]
      )
    }).pipe(Effect.provide(bed()))
  )

  it.effect("of a deletion beside what is others' names each call of the run", () =>
    Effect.gen(function* () {
      yield* start
      yield* reconcile()
      const address = (yield* world).addresses.find(({ sourceNat }) => !sourceNat)?.id ?? ""
      yield* byHand("createLoadBalancerRule", {
        publicipid: address,
        name: "by hand",
        publicport: "8080",
        privateport: "8080",
        algorithm: "roundrobin",
        openfirewall: "false"
      })
      yield* removeService()
      yield* planThenRun
    }).pipe(Effect.provide(bed()))
  )

  it.effect("of a deletion where lists have several pages names each call of the run, once", () =>
    Effect.gen(function* () {
      yield* start
      yield* applyService({ name: "blog", spec: { ports: [{ name: "http", port: 80, nodePort: 31_080 }] } })
      yield* reconcile()
      yield* reconcile("shop/blog")
      yield* removeService()
      const { plan } = yield* planThenRun
      assert.deepStrictEqual(plan.calls.map(({ command }) => command).sort(), [
        "deleteNetworkACL",
        "deleteNetworkACL",
        "disassociateIpAddress"
      ])
    }).pipe(Effect.provide(bed({ world: { ...tierWorld(), settings: { defaultPageSize: 3 } } })))
  )

  it.effect("of drift names each call of the run", () =>
    Effect.gen(function* () {
      yield* start
      yield* reconcile()
      const { firewallRules, loadBalancerRules } = yield* world
      yield* byHand("deleteLoadBalancerRule", { id: loadBalancerRules[0]?.id ?? "" })
      yield* byHand("deleteFirewallRule", { id: firewallRules[0]?.id ?? "" })
      const { plan } = yield* planThenRun
      assert.strictEqual(plan.calls.length, 4)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("of a Service that is refused says why, and does nothing", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService({ spec: { ipFamilies: ["IPv6"] } })
      const { plan } = yield* planThenRun
      assert.deepStrictEqual(plan.calls, [])
      assert.strictEqual(plan.result, "Refused")
      assert.include(
        plan.notes.map(({ reason }) => reason),
        "IPFamilyUnsupported"
      )
    }).pipe(Effect.provide(bed()))
  )

  it.effect("with the narrow role is that of the run once it has learnt that it may not tag", () =>
    Effect.gen(function* () {
      yield* start
      const plan = yield* previewed()
      const { log } = yield* counting(reconcile())
      const commands = (calls: ReadonlyArray<{ readonly command: string }>) =>
        calls
          .map(({ command }) => command)
          .filter((command) => command !== "createTags")
          .sort()
      assert.deepStrictEqual(commands(plan.calls), commands(changesIn(log)))
    }).pipe(Effect.provide(bed({ world: worldOf({ allow: narrowRole }) })))
  )
})
