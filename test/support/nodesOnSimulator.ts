/** Both node controllers over the in-memory CloudStack with its real reader, and the in-memory API server. */
import { Duration, Effect, Layer, Option } from "effect"
import { layer as cloudServices } from "../../src/cloudstack/layers.ts"
import { layer as simulator } from "../../src/cloudstack/memory/layer.ts"
import { layerMemory } from "../../src/cloudstack/memory/layerMemory.ts"
import { Simulator } from "../../src/cloudstack/memory/Simulator.ts"
import { Settings } from "../../src/config/Settings.ts"
import * as NodeController from "../../src/controllers/node/NodeController.ts"
import * as NodeLifecycleController from "../../src/controllers/nodeLifecycle/NodeLifecycleController.ts"
import type { KubeMemory } from "../../src/kubernetes/memory/KubeMemory.ts"
import { kubernetesMemory } from "../../src/kubernetes/memory/layers.ts"
import { Nodes } from "../../src/kubernetes/Nodes.ts"
import { registerNode, uninitialised } from "./nodeCloud.ts"
import { byHand, callsOf, inBackground, pass, settings, world, worldOf } from "./testBed.ts"

const controllers = Effect.all(
  [
    NodeController.run({
      providerIdFormat: "external-cloudstack",
      nodeStatusUpdateFrequency: Duration.minutes(5),
      concurrentNodeSyncs: 1,
      concurrentNodeStatusUpdates: 0
    }),
    NodeLifecycleController.run({ nodeMonitorPeriod: Duration.seconds(5) })
  ],
  { concurrency: "unbounded" }
)

/** The project's id is chosen by the simulator. */
const settingsIn = (project: string | undefined, changed: Partial<typeof settings> = {}) =>
  Layer.unwrap(
    Effect.map(world, ({ projects }) => {
      const projectId = projects.find(({ name }) => name === project)?.id
      return Settings.layerOf({ ...settings, ...(projectId === undefined ? {} : { projectId }), ...changed })
    })
  )

/** n1, n2, … on VMs of their names, with a role that may only list VMs. */
export const cluster = <A, E>(count: number, body: Effect.Effect<A, E, Simulator | KubeMemory | Nodes>) =>
  clusterOf(
    {
      nodes: Array.from({ length: count }, (_, at) => `n${at + 1}`),
      cloud: worldOf({ nodes: count, allow: ["listVirtualMachines"] })
    },
    body
  )

export interface ClusterOptions {
  /** Names of Nodes that register before the controllers start. */
  readonly nodes: ReadonlyArray<string>
  readonly cloud?: unknown
  readonly settings?: Partial<typeof settings>
  /** Name of the project that the cluster is in. */
  readonly project?: string
}

/** Nodes as their kubelets register them, and both controllers at work. */
export const clusterOf = <A, E>(
  { cloud, nodes, project, settings: changed }: ClusterOptions,
  body: Effect.Effect<A, E, Simulator | KubeMemory | Nodes>
) =>
  Effect.gen(function* () {
    for (const name of nodes) yield* registerNode(name, { taints: [uninitialised] })
    yield* inBackground(controllers)
    yield* pass(2)
    return yield* body
  }).pipe(
    Effect.provide(
      cloudServices.pipe(
        Layer.provide(layerMemory("alice")),
        Layer.provideMerge(settingsIn(project, changed)),
        Layer.provideMerge(Layer.merge(kubernetesMemory, simulator(cloud ?? worldOf(), { seed: 7 })))
      )
    )
  )

export const nodeOf = (name: string) =>
  Effect.map(
    Effect.flatMap(Nodes, (nodes) => nodes.find(name)),
    Option.getOrThrow
  )

export const idOf = (name: string) =>
  Effect.map(world, ({ machines }) => machines.find((machine) => machine.name === name)?.id ?? "")

export const byName = Effect.fnUntraced(function* (
  command: string,
  name: string,
  more: Readonly<Record<string, string>> = {}
) {
  return yield* byHand(command, { id: yield* idOf(name), ...more })
})

export const listCalls = Effect.flatMap(Simulator, (cloud) =>
  Effect.map(cloud.log, (log) => callsOf(log)["listVirtualMachines"] ?? 0)
)
