import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { TestConsole } from "effect/testing"
import { runControllers } from "../../../src/cli/controller/controllers.ts"
import { parseFlags } from "../../../src/cli/flags/parse.ts"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { finalizer } from "../../../src/controllers/service/selection.ts"
import { HealthChecks } from "../../../src/observability/HealthChecks.ts"
import {
  annotated,
  applyNodes,
  applyService,
  bed,
  callsOf,
  editService,
  events,
  ingress,
  isRead,
  kubeWrites,
  pass,
  reconcile,
  removeService
} from "../../support/testBed.ts"

const started = (...args: ReadonlyArray<string>) => {
  const parsed = parseFlags(["--cloud-provider=external-cloudstack", ...args])
  if (parsed._tag !== "Run") return Effect.die(parsed)
  return Effect.forkScoped(runControllers(parsed.flags), { startImmediately: true })
}

const layer = () => Layer.merge(bed(), HealthChecks.layer)

const healthz = Effect.flatMap(HealthChecks, (checks) => checks.report("healthz", new URLSearchParams("verbose"))).pipe(
  Effect.map(({ body }) => body.trimEnd().split("\n"))
)

/** Metrics are global: each test counts for itself. */
const alone = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(Effect.scoped(effect), Metric.MetricRegistry, new Map())

describe("the controllers of the process", () => {
  it.effect("all run, and are healthy under their names", () =>
    Effect.gen(function* () {
      yield* started()
      yield* pass(1)
      assert.deepStrictEqual(yield* healthz, [
        "[+]service-lb-controller ok",
        "[+]cloud-node-controller ok",
        "[+]cloud-node-lifecycle-controller ok",
        "healthz check passed"
      ])
    }).pipe(alone, Effect.provide(layer()))
  )

  it.effect("start one after the other if asked to", () =>
    Effect.gen(function* () {
      yield* started("--controller-start-interval=10s", "--controllers=-cloud-node,*")
      yield* pass(9)
      assert.deepStrictEqual(yield* healthz, ["[+]service-lb-controller ok", "healthz check passed"])
      yield* pass(12)
      assert.deepStrictEqual(yield* healthz, [
        "[+]service-lb-controller ok",
        "[+]cloud-node-lifecycle-controller ok",
        "healthz check passed"
      ])
    }).pipe(alone, Effect.provide(layer()))
  )

  it.effect("do their work", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2")
      yield* applyService()
      yield* started("--controllers=service")
      yield* pass(20)
      assert.lengthOf((yield* ingress()) ?? [], 1)
    }).pipe(alone, Effect.provide(layer()))
  )

  it.effect("only say in a dry run what they would do", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2")
      yield* applyService()
      yield* started("--dry-run")
      yield* pass(20)
      const log = yield* Effect.flatMap(Simulator, (simulator) => simulator.log)
      assert.deepStrictEqual(
        Object.keys(callsOf(log)).filter((command) => !isRead(command)),
        []
      )
      assert.deepStrictEqual(yield* kubeWrites, {})
      const said = JSON.stringify(yield* TestConsole.logLines)
      for (const line of ["call associateIpAddress networkid=", "call (router) assignToLoadBalancerRule", "ingress"]) {
        assert.include(said, line)
      }
    }).pipe(alone, Effect.provide(layer()))
  )

  it.effect("say nothing in a dry run of what another controller serves, although it shares the finalizer", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService({ spec: { loadBalancerClass: "example.org/other" } })
      yield* editService({ metadata: { finalizers: [finalizer] } })
      yield* removeService()
      yield* started("--dry-run")
      yield* pass(20)
      const said = JSON.stringify(yield* TestConsole.logLines)
      assert.include(said, "dry run: nothing to do")
      assert.notMatch(said, /finalizers|remove/)
    }).pipe(alone, Effect.provide(layer()))
  )

  it.effect("say in a dry run at each resync what is then to be done", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* started("--dry-run")
      yield* pass(20)
      yield* applyService({ spec: { ports: [{ port: 80, protocol: "SCTP" }] } })
      yield* pass(700)
      const said = JSON.stringify(yield* TestConsole.logLines)
      assert.include(said, "say UnsupportedProtocol: spec.ports[0].protocol: ")
      assert.deepStrictEqual(yield* events(), [])
    }).pipe(alone, Effect.provide(layer()))
  )

  it.effect("say the same in a dry run at each resync, as long as nobody does it", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService({ name: "refused", spec: { ports: [{ port: 80, protocol: "SCTP" }] } })
      yield* applyService()
      yield* reconcile()
      yield* editService({ metadata: { annotations: annotated("proxy-protocol", "true") } })
      yield* started("--dry-run")
      yield* pass(20)
      const rounds = (said: unknown, what: RegExp) => JSON.stringify(said).match(what)?.length
      const lines = [/call \(router\) updateLoadBalancerRule/g, /say UnsupportedProtocol/g]
      const once = yield* TestConsole.logLines
      assert.deepStrictEqual(
        lines.map((line) => rounds(once, line)),
        [2, 1]
      )
      yield* pass(600)
      const twice = yield* TestConsole.logLines
      assert.deepStrictEqual(
        lines.map((line) => rounds(twice, line)),
        [4, 2]
      )
      assert.notInclude(JSON.stringify(twice), "dry run: nothing to do")
    }).pipe(alone, Effect.provide(layer()))
  )
})
