import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import {
  hostUpdateLatency,
  loadBalancerSyncs,
  nodeSyncErrors,
  nodeSyncLatency
} from "../../../src/observability/metrics.ts"
import {
  applyNodes,
  applyService,
  bed,
  editNode,
  pass,
  removeService,
  started,
  worldOf
} from "../../support/testBed.ts"

const counts = Effect.gen(function* () {
  return {
    syncs: (yield* Metric.value(nodeSyncLatency.of({}))).count,
    updates: Number((yield* Metric.value(loadBalancerSyncs.of({}))).count),
    latencies: (yield* Metric.value(hostUpdateLatency.of({}))).count,
    errors: Number((yield* Metric.value(nodeSyncErrors.of({}))).count)
  }
})
/** What happened since. */
const during = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const before = yield* counts
  yield* effect
  const after = yield* counts
  return {
    syncs: after.syncs - before.syncs,
    updates: after.updates - before.updates,
    latencies: after.latencies - before.latencies,
    errors: after.errors - before.errors
  }
})
/** Metrics are global: each test counts for itself. */
const alone = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(Effect.scoped(effect), Metric.MetricRegistry, new Map())

describe("the metrics of a change of nodes", () => {
  const start = Effect.gen(function* () {
    yield* applyNodes("n1", "n2")
    for (const [index, name] of ["a", "b"].entries()) {
      yield* applyService({ name, spec: { ports: [{ port: 80, nodePort: 30_080 + index }] } })
    }
    yield* started
    yield* pass(30)
  })

  it.effect("count one sync, and each load balancer that it changes", () =>
    Effect.gen(function* () {
      yield* start
      assert.deepStrictEqual(yield* during(Effect.andThen(applyNodes("n3"), pass(20))), {
        syncs: 1,
        updates: 2,
        latencies: 2,
        errors: 0
      })
    }).pipe(alone, Effect.provide(bed()))
  )

  it.effect("count nothing of nodes that change nobody's members", () =>
    Effect.gen(function* () {
      yield* start
      yield* applyNodes("stranger")
      yield* pass(20)
      const label = { metadata: { labels: { "node.kubernetes.io/exclude-from-external-load-balancers": "" } } }
      assert.deepStrictEqual(yield* during(Effect.andThen(editNode("stranger", label), pass(20))), {
        syncs: 1,
        updates: 0,
        latencies: 0,
        errors: 0
      })
    }).pipe(alone, Effect.provide(bed()))
  )

  it.effect("count what fails, and its tries", () =>
    Effect.gen(function* () {
      yield* start
      const simulator = yield* Simulator
      yield* simulator.inject([
        { command: "assignToLoadBalancerRule", fault: { _tag: "error", code: 532, text: "no more" } }
      ])
      assert.deepStrictEqual(yield* during(Effect.andThen(applyNodes("n3"), pass(60))), {
        syncs: 1,
        updates: 3,
        latencies: 3,
        errors: 1
      })
    }).pipe(alone, Effect.provide(bed()))
  )

  it.effect("come to an end though a Service of the sync goes", () =>
    Effect.gen(function* () {
      yield* start
      const gone = Effect.gen(function* () {
        yield* applyNodes("n3")
        yield* removeService("a")
        yield* pass(60)
      })
      assert.deepStrictEqual((yield* during(gone)).syncs, 1)
    }).pipe(alone, Effect.provide(bed({ world: worldOf({ nodes: 3 }) })))
  )
})
