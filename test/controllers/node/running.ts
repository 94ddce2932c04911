/** The node controller at work over VMs and an API server in memory, on virtual time. */
import { Duration, Effect, Layer, Metric, Option } from "effect"
import { TestClock } from "effect/testing"
import { CloudStackError, Unavailable } from "../../../src/cloudstack/Api.ts"
import type { CloudSettings } from "../../../src/config/Settings.ts"
import { type Options, run } from "../../../src/controllers/node/NodeController.ts"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { kubernetesMemory } from "../../../src/kubernetes/memory/layers.ts"
import { Nodes } from "../../../src/kubernetes/Nodes.ts"
import { format } from "../../../src/observability/prometheus.ts"
import { layerSettings } from "../../cloudstack/settings.ts"
import { readPromText } from "../../observability/promText.ts"
import { makeNodeCloud, type NodeCloud, uninitialised, vmOf } from "../../support/nodeCloud.ts"
import { inBackground } from "../../support/testBed.ts"

const usual: Options = {
  providerIdFormat: "external-cloudstack",
  nodeStatusUpdateFrequency: Duration.minutes(5),
  concurrentNodeSyncs: 1,
  concurrentNodeStatusUpdates: 0
}

export const unavailable = new CloudStackError({
  command: "listVirtualMachines",
  reason: new Unavailable({ status: 503, text: "starting" })
})

interface Changed {
  readonly options?: Partial<Options>
  /** What the controller has for the API server. */
  readonly around?: (nodes: Nodes["Service"]) => Nodes["Service"]
}

/** The controller runs over `cloud` while the body does what people and kubelets do. */
export const running = <A, E>(
  prepare: (cloud: NodeCloud) => Effect.Effect<unknown, E, KubeMemory>,
  body: (cloud: NodeCloud) => Effect.Effect<A, E, KubeMemory | Nodes>,
  { around = (nodes) => nodes, options = {}, ...settings }: Partial<CloudSettings> & Changed = {}
) =>
  Effect.suspend(() => {
    const cloud = makeNodeCloud()
    return Effect.gen(function* () {
      yield* prepare(cloud)
      const nodes = around(yield* Nodes)
      yield* inBackground(Effect.provideService(run({ ...usual, ...options }), Nodes, nodes))
      yield* TestClock.adjust(100)
      return yield* body(cloud)
    }).pipe(
      Effect.provide(Layer.mergeAll(kubernetesMemory, cloud.layer, layerSettings(settings))),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  })

export const nodeOf = (name: string) =>
  Effect.map(
    Effect.flatMap(Nodes, (nodes) => nodes.find(name)),
    Option.getOrThrow
  )

export const addressesOf = (name: string) =>
  Effect.map(nodeOf(name), ({ addresses }) => addresses.map(({ type, address }) => `${type} ${address}`))

/** Virtual time stands still while fibers work; a millisecond at a time gives them their turns. */
export const until = <E, R>(done: Effect.Effect<boolean, E, R>) =>
  Effect.gen(function* () {
    for (let turns = 0; turns < 3_000 && !(yield* done); turns++) yield* TestClock.adjust(1)
  })

export const taint = [uninitialised]
export const writes = Effect.flatMap(KubeMemory, (kube) => kube.writes)

/** These VMs are there. */
export const put =
  (...ids: ReadonlyArray<string>) =>
  (cloud: NodeCloud) =>
    Effect.sync(() => cloud.put(...ids.map((id) => vmOf(id))))

/** What was written to `nodes` or `nodes/status`, in order. */
export const bodies = (resource: string) =>
  Effect.map(
    Effect.flatMap(KubeMemory, ({ journal }) => journal),
    (all) => all.filter((write) => write.resource === resource).map(({ body }) => body)
  )

/** Of a metric with one series: the sample whose name ends so. */
export const sample = (name: string, suffix = "") =>
  Effect.map(format, (text) => {
    const samples = readPromText(text).get(name)?.samples ?? []
    return samples.find(({ labels, name: of }) => of.endsWith(suffix) && !labels.has("le"))?.value
  })
