/**
 * From a new Service to its published address: the controller over HTTP, against a CloudStack with the locks of the
 * real one, 100 ms for each call that takes one, and a router that needs 100 ms a push. Beside it, the time of a script
 * that knows the best order and hears at once when a job is done.
 */
import { Duration, Effect, Layer, Schedule } from "effect"
import { layer as cloudServices } from "../src/cloudstack/layers.ts"
import { layerLive } from "../src/cloudstack/live/layerLive.ts"
import { Listener, layerHttp } from "../src/cloudstack/memory/http.ts"
import { layer as simulator } from "../src/cloudstack/memory/layer.ts"
import type { Simulator } from "../src/cloudstack/memory/Simulator.ts"
import { Settings } from "../src/config/Settings.ts"
import { ClusterId } from "../src/controllers/ClusterIdentity.ts"
import { ServiceOptions } from "../src/controllers/service/options.ts"
import { ServiceController } from "../src/controllers/service/ServiceController.ts"
import { KubeMemory } from "../src/kubernetes/memory/KubeMemory.ts"
import { kubernetesMemory } from "../src/kubernetes/memory/layers.ts"
import { Services } from "../src/kubernetes/Services.ts"
import type { Bench } from "./Bench.ts"
import { clusterId, many, nodeName, nodeOf, serviceOf, settings, worldOf } from "./support/cluster.ts"
import { makeScript } from "./support/script.ts"

const nodes = 3
const timing = { locks: true, createTime: "100 millis", pushTime: "100 millis", seed: 1 } as const

const cloud = simulator(worldOf(nodes, 200), timing)

const controller = (rateLimit: { readonly qps: number; readonly burst: number }) =>
  Layer.mergeAll(
    cloudServices.pipe(Layer.provide(layerLive)),
    ServiceController.layer,
    ServiceOptions.layerOf(),
    ClusterId.layerOf(clusterId)
  ).pipe(
    Layer.provideMerge(
      Layer.unwrap(Effect.map(Listener, ({ url }) => Settings.layerOf({ ...settings, rateLimit, apiUrl: url })))
    ),
    Layer.provideMerge(layerHttp({ bind: "127.0.0.1", port: 0 })),
    Layer.provideMerge(Layer.merge(kubernetesMemory, cloud))
  )

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.timed(effect), ([took]) => Duration.toMillis(took))

const published = (name: string) =>
  Effect.flatMap(Services, ({ find }) => find(`shop/${name}`)).pipe(
    Effect.repeat({
      until: (found) => found._tag === "Some" && found.value.ingress.length > 0,
      schedule: Schedule.spaced("5 millis")
    })
  )

/** Milliseconds until the last of these Services has its address. */
const created = (names: ReadonlyArray<string>, ports: number) =>
  timed(
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      for (const name of names) yield* memory.apply(serviceOf(name, ports))
      yield* Effect.forEach(names, published, { concurrency: "unbounded", discard: true })
    })
  )

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const unlimited = { qps: 0, burst: 1 }
/** As shipped. */
const usual = { qps: 20, burst: 20 }

const byController = <A, E, R>(rateLimit: typeof usual, work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const memory = yield* KubeMemory
    for (const name of many(nodes, nodeName)) yield* memory.apply(nodeOf(name))
    yield* Effect.forkScoped(ServiceController.run)
    // The caches are filled by the first.
    yield* created(["warm"], 1)
    return yield* work
  }).pipe(Effect.scoped, Effect.provide(controller(rateLimit), { local: true }))

const byScript = <A, E>(work: (script: Effect.Success<typeof makeScript>) => Effect.Effect<A, E, Simulator>) =>
  Effect.flatMap(makeScript, work).pipe(Effect.provide(cloud, { local: true }))

const names = (count: number, prefix: string) => many(count, (index) => `${prefix}-${index}`)

const run = Effect.gen(function* () {
  const best = yield* byScript((script) =>
    Effect.gen(function* () {
      yield* script(1)
      return {
        one: median(yield* Effect.forEach(many(5, String), () => timed(script(1)))),
        ten: yield* timed(script(10)),
        twenty: yield* timed(Effect.forEach(many(20, String), () => script(1), { concurrency: "unbounded" }))
      }
    })
  )
  const { one, ten, twenty } = yield* byController(
    unlimited,
    Effect.gen(function* () {
      return {
        one: median(yield* Effect.forEach(names(15, "one"), (name) => created([name], 1))),
        ten: median(yield* Effect.forEach(names(3, "ten"), (name) => created([name], 10))),
        twenty: yield* created(names(20, "twenty"), 1)
      }
    })
  )
  const asShipped = yield* byController(usual, Effect.delay(created(names(20, "limited"), 1), "3 seconds"))
  const row = (what: string, measured: number, budget?: number) => ({
    what,
    measured,
    unit: "ms",
    ...(budget === undefined ? {} : { budget: Math.round(budget) })
  })
  return [
    row("one Service: the script", best.one),
    row("one Service: the controller, median of 15", one),
    row("one Service: the difference", one - best.one, 300),
    row("one Service of ten ports: the script", best.ten),
    row("one Service of ten ports: the controller, median of 3", ten),
    row("one Service of ten ports: the difference", ten - best.ten, 300),
    row("20 Services at once: the script", best.twenty),
    row("20 Services at once: the controller, no limit of calls", twenty, best.twenty * 1.25),
    row("20 Services at once: the controller as shipped, 20 calls/s", asShipped)
  ]
})

export const bench: Bench = {
  title: "New Services",
  note: `From the Service to its published address: the controller over HTTP, against locks as the real server has them,
100 ms for each call that takes one and 100 ms for each push to the router. The script knows the best order and sees at
once when a job is done; it makes neither tags nor checks. On a real server with a simulated hypervisor such a script
took 12.0 s for 20 Services.`,
  run: Effect.orDie(run)
}
