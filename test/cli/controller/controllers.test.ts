import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { TestConsole } from "effect/testing"
import { runControllers } from "../../../src/cli/controller/controllers.ts"
import { parseFlags } from "../../../src/cli/flags/parse.ts"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { HealthChecks } from "../../../src/observability/HealthChecks.ts"
import { applyNodes, applyService, bed, callsOf, ingress, isRead, kubeWrites, pass } from "../../support/testBed.ts"

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
      assert.include(said, "acquire address (any) in network net1")
    }).pipe(alone, Effect.provide(layer()))
  )
})
