import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { TestClock } from "effect/testing"
import * as baseMetrics from "../../src/observability/baseMetrics.ts"
import { pull, touch } from "../../src/observability/Family.ts"
import * as metrics from "../../src/observability/metrics.ts"
import { format } from "../../src/observability/prometheus.ts"
import { declarations, metricsReference } from "../../src/observability/reference.ts"
import * as WorkQueue from "../../src/runtime/WorkQueue.ts"
import { readPromText } from "./promText.ts"

/** A registry of its own, so that tests do not see each other. */
const isolated = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())
const scrape = Effect.map(format, readPromText)

describe("metrics", () => {
  it.effect("are text that Prometheus reads, whatever the labels hold", () =>
    isolated(
      Effect.gen(function* () {
        yield* Metric.update(metrics.apiCalls.of({ command: 'a"b\\c\nd', outcome: "success" }), 3)
        yield* Metric.update(metrics.apiCalls.of({ command: "listZones", outcome: "success" }), 1)
        for (const took of [0.001, 0.3, 0.3, 100]) {
          yield* Metric.update(metrics.apiCallDuration.of({ command: "listZones" }), took)
        }
        yield* Metric.update(metrics.apiRate.of({}), 12.5)
        const families = yield* scrape
        assert.deepStrictEqual(
          [...families.keys()],
          [
            "cloudstack_ccm_api_call_duration_seconds",
            "cloudstack_ccm_api_calls_total",
            "cloudstack_ccm_api_rate_limit_qps"
          ]
        )
        const calls = families.get("cloudstack_ccm_api_calls_total")
        assert.strictEqual(calls?.samples[0]?.labels.get("command"), 'a\\"b\\\\c\\nd')
        const buckets = families.get("cloudstack_ccm_api_call_duration_seconds")?.samples ?? []
        const at = (le: string) => buckets.find(({ labels }) => labels.get("le") === le)?.value
        assert.deepStrictEqual([at("0.005"), at("0.25"), at("0.5"), at("60"), at("+Inf")], [1, 1, 3, 3, 4])
      })
    )
  )

  it.effect("exist with their zeros from the start, beside what the process costs", () =>
    isolated(
      Effect.gen(function* () {
        yield* touch(metrics.restClientRequests.of({ code: "200", host: "h", method: "GET" }))
        const families = yield* scrape
        const value = (name: string) => families.get(name)?.samples[0]?.value ?? Number.NaN
        assert.strictEqual(value("service_controller_loadbalancer_sync_total"), 0)
        assert.strictEqual(families.get("service_controller_nodesync_latency_seconds")?.samples.length, 15 + 3)
        for (const of of ["cloud_provider_taint_removal", "initial_node_sync"]) {
          const samples = families.get(`node_controller_${of}_delay_seconds`)?.samples ?? []
          const bounds = samples.flatMap(({ labels, value }) => (value === 0 ? [labels.get("le")] : []))
          assert.deepStrictEqual(bounds.slice(0, 7), ["1", "4", "16", "64", "256", "1024", "+Inf"])
        }
        assert.isAbove(value("process_resident_memory_bytes"), 1_000_000)
        assert.isAbove(value("process_cpu_seconds_total"), 0)
        assert.isAbove(value("process_start_time_seconds"), 1_600_000_000)
        assert.strictEqual(value("cloudstack_ccm_build_info"), 1)
        assert.isFalse(families.has("cloudstack_ccm_credentials_valid"))
      }).pipe(Effect.provide(baseMetrics.layer("1.2.3")))
    )
  )

  it.effect("a queue reports depth and age by priority at the moment of the scrape", () =>
    isolated(
      Effect.gen(function* () {
        const queue = yield* WorkQueue.make<string, "edit" | "resync", never, never>({
          name: "service",
          workers: 1,
          priorities: ["edit", "resync"],
          handle: () => Effect.as(Effect.sleep("10 seconds"), {})
        })
        yield* Effect.forkScoped(queue.run, { startImmediately: true })
        yield* queue.add("a", "edit")
        yield* TestClock.adjust("1 second")
        yield* queue.add("b", "resync")
        yield* queue.add("c", "resync")
        yield* TestClock.adjust("3 seconds")
        const families = yield* scrape
        const value = (name: string, priority?: string) =>
          families.get(name)?.samples.find(({ labels }) => labels.get("priority") === priority)?.value
        assert.strictEqual(value("workqueue_depth"), 2)
        assert.strictEqual(value("workqueue_adds_total"), 3)
        assert.strictEqual(value("workqueue_unfinished_work_seconds"), 4)
        assert.strictEqual(value("workqueue_longest_running_processor_seconds"), 4)
        assert.strictEqual(value("cloudstack_ccm_queue_depth", "edit"), 0)
        assert.strictEqual(value("cloudstack_ccm_queue_depth", "resync"), 2)
        assert.strictEqual(value("cloudstack_ccm_queue_oldest_age_seconds", "edit"), 0)
        assert.strictEqual(value("cloudstack_ccm_queue_oldest_age_seconds", "resync"), 3)
      })
    )
  )

  it.effect("what is pulled is gone with its source", () =>
    isolated(
      Effect.gen(function* () {
        yield* Effect.scoped(pull(metrics.cacheAge.of({ cache: "vms" }), () => 1))
        assert.strictEqual((yield* scrape).size, 0)
      })
    )
  )

  it("are named as Prometheus wants", () => {
    const names = declarations.map(({ name }) => name)
    assert.strictEqual(new Set(names).size, names.length)
    for (const { help, name, type } of declarations) {
      assert.match(name, /^[a-z][a-z0-9_]*$/)
      assert.strictEqual(name.endsWith("_total"), type === "counter")
      assert.isAbove(help.length, 10)
    }
  })

  it("the reference page says what the declarations say", () => {
    const page = new URL("../../docs/reference/metrics.md", import.meta.url)
    assert.strictEqual(readFileSync(page, "utf8"), metricsReference(), "run: node scripts/docs.ts")
  })
})
