/** What is told of failures and refusals that come from CloudStack and the API server: upstream's words, and no storm. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import type { Fault } from "../../../../src/cloudstack/memory/faults.ts"
import { Simulator } from "../../../../src/cloudstack/memory/Simulator.ts"
import { KubeMemory } from "../../../../src/kubernetes/memory/KubeMemory.ts"
import { entryOf } from "../../../../src/observability/logging.ts"
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
  narrowRole,
  pass,
  reconcile,
  removeService,
  started,
  wholeWorld,
  worldOf
} from "../../../support/testBed.ts"

/** The next `count` calls of the command fail so. */
const failing = (command: string, fault: Fault["fault"], count = 100) =>
  Effect.flatMap(Simulator, (simulator) =>
    simulator.inject(Array.from({ length: count }, (_, index) => ({ command, occurrence: index + 1, fault })))
  )
const web = { spec: { ports: [{ name: "http", port: 80, nodePort: 30_080 }] } }
const told = (reason: string) =>
  Effect.map(eventMessages(), (all) => all.filter((text) => text.startsWith(`${reason}: `)))

const limit = { _tag: "error", code: 532, text: "no more" } as const

describe("a failure", () => {
  it.effect("of new hosts is an Event of its own, its retries are syncs", () =>
    Effect.gen(function* () {
      yield* applyNodes("n2", "n1")
      yield* started
      yield* applyService(web)
      yield* pass(20)
      yield* failing("assignToLoadBalancerRule", limit, 3)
      yield* applyNodes("n3")
      yield* pass(90)
      const cause = "add 1 member(s) to the rule of port 80: assignToLoadBalancerRule: LimitReached 532: no more"
      assert.deepStrictEqual(yield* eventMessages(), [
        "EnsuringLoadBalancer: Ensuring load balancer",
        "EnsuredLoadBalancer: Ensured load balancer",
        `UpdateLoadBalancerFailed: Error updating load balancer with new hosts [n1 n2 n3] [node names limited, total number of nodes: 3], error: ${cause}`,
        `SyncLoadBalancerFailed: Error syncing load balancer: failed to ensure load balancer: ${cause}`,
        `SyncLoadBalancerFailed: Error syncing load balancer: failed to ensure load balancer: ${cause}`,
        "UpdatedLoadBalancer: Updated load balancer with new hosts"
      ])
    }).pipe(Effect.provide(bed()))
  )

  it.effect("of a deletion says so, and keeps the finalizer", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* started
      yield* applyService(web)
      yield* pass(20)
      yield* failing("disassociateIpAddress", limit)
      yield* removeService()
      yield* pass(20)
      const [first = ""] = yield* told("SyncLoadBalancerFailed")
      assert.match(
        first,
        /^SyncLoadBalancerFailed: Error syncing load balancer: failed to delete load balancer: release address \S+: disassociateIpAddress: LimitReached 532: no more$/
      )
      assert.notInclude(yield* events(), "DeletedLoadBalancer")
      assert.isDefined(yield* ingress())
    }).pipe(Effect.provide(bed()))
  )

  it.effect.each<readonly [purpose: string, part: string]>([
    ["add load balancer cleanup finalizer", "finalizers"],
    ["update load balancer status", "ingress"]
  ])("to %s is told as such", ([purpose, part]) =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const before = yield* wholeWorld
      const memory = yield* KubeMemory
      yield* memory.onWrite(({ body, resource }) =>
        resource === "services/status" && JSON.stringify(body).includes(part) ? { status: 403, text: "no" } : undefined
      )
      yield* started
      yield* applyService(web)
      yield* pass(10)
      assert.deepStrictEqual(
        new Set(yield* told("SyncLoadBalancerFailed")),
        new Set([
          `SyncLoadBalancerFailed: Error syncing load balancer: failed to ${purpose}: patch services/status shop/web: 403 no`
        ])
      )
      // The finalizer always precedes what has to be cleaned up.
      if (part === "finalizers") assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("that repeats is told in the same words, whatever the job", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* failing("assignToLoadBalancerRule", { _tag: "failJob", code: 530, text: "out of order", result: true })
      yield* started
      yield* applyService({ spec: {} })
      yield* pass(300)
      const all = yield* told("SyncLoadBalancerFailed")
      assert.isAbove(all.length, 3)
      assert.strictEqual(new Set(all).size, 1, all.join("\n"))
    }).pipe(Effect.provide(bed()))
  )
})

describe("a refusal by CloudStack", () => {
  it.effect("of a job is told once, over resyncs and whatever the job", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* failing("assignToLoadBalancerRule", { _tag: "failJob", code: 431, text: "not that one", result: true })
      yield* started
      yield* applyService({ spec: {} })
      yield* pass(2_100)
      assert.deepStrictEqual(yield* told("CloudStackRefused"), [
        "CloudStackRefused: add 1 member(s) to the rule of port 443: assignToLoadBalancerRule: Refused 431: not that one. Change the Service or what CloudStack objects to; it is tried again then, and at the next resync"
      ])
    }).pipe(Effect.provide(bed()))
  )

  const withoutAssociate = narrowRole.filter((command) => command !== "associateIpAddress")
  it.effect("of an address: one Event with the remedy, nothing made, no storm", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      const before = yield* wholeWorld
      yield* started
      yield* applyService(web)
      const { log } = yield* counting(pass(2_100))
      const [ensuring, refused = "", ...more] = yield* eventMessages()
      assert.strictEqual(ensuring, "EnsuringLoadBalancer: Ensuring load balancer")
      assert.match(
        refused,
        /^CloudStackRefused: an address in network net1: associateIpAddress: Forbidden: .*[^.]\. Allow associateIpAddress to the key's role, or name an address that the account has \(spec\.loadBalancerIP\)$/
      )
      assert.deepStrictEqual(more, [])
      assert.isAtMost(log.filter(({ command }) => command === "associateIpAddress").length, 1)
      assert.deepStrictEqual(yield* wholeWorld, before)
      yield* removeService()
      yield* pass(20)
      assert.isUndefined(yield* ingress())
    }).pipe(Effect.provide(bed({ world: worldOf({ allow: withoutAssociate }) })))
  )

  it.effect("of an address passes: it is tried again at the resync", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* failing("associateIpAddress", { _tag: "error", code: 431, text: "not in this network" }, 1)
      yield* started
      yield* applyService(web)
      yield* pass(700)
      assert.deepStrictEqual(yield* events(), ["EnsuringLoadBalancer", "CloudStackRefused", "EnsuredLoadBalancer"])
      assert.strictEqual((yield* ingress())?.length, 1)
      assert.strictEqual((yield* balanced).rules.length, 1)
    }).pipe(Effect.provide(bed()))
  )
})

describe("the log", () => {
  it.effect("has one line per change, with command, job and duration", () => {
    const lines: Array<Readonly<Record<string, unknown>>> = []
    const logger = Logger.make((options) => {
      const { fields, message } = entryOf(options)
      lines.push({ message, ...Object.fromEntries(fields) })
    })
    return Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService(web)
      const made = yield* counting(reconcile())
      yield* editService({ metadata: { annotations: annotated("proxy-protocol", "true") } })
      const changed = yield* counting(reconcile())
      const wanted = [made, changed]
        .flatMap(({ mutations }) => Object.entries(mutations))
        .flatMap(([command, count]) => Array.from({ length: count }, () => command))
      const logged = lines.filter(({ job }) => job !== undefined)
      assert.deepStrictEqual(logged.map(({ command }) => command).sort(), wanted.sort())
      for (const { job, millis, service } of logged) {
        assert.match(String(job), /^[0-9a-f-]{36}$/)
        assert.isAtLeast(Number(millis), 0)
        assert.strictEqual(service, "shop/web")
      }
    }).pipe(Effect.provide(bed()), Effect.provide(Logger.layer([logger])))
  })
})
