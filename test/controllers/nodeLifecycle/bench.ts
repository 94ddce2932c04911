/** A cluster whose lifecycle controller is run period by period, on VMs and an API server in memory. */
import { Duration, Effect, Layer, Option, Ref, Stream } from "effect"
import { TestClock } from "effect/testing"
import { CloudStackError, Throttled } from "../../../src/cloudstack/Api.ts"
import { Settings } from "../../../src/config/Settings.ts"
import { type Memory, makeMemory } from "../../../src/controllers/nodeLifecycle/Memory.ts"
import { reconcile } from "../../../src/controllers/nodeLifecycle/reconcile.ts"
import { encodeSeenVm } from "../../../src/domain/SeenVm.ts"
import type { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { kubernetesMemory } from "../../../src/kubernetes/memory/layers.ts"
import { Nodes } from "../../../src/kubernetes/Nodes.ts"
import { settingsOf } from "../../cloudstack/settings.ts"
import {
  makeNodeCloud,
  type NodeCloud,
  type Registration,
  registerNode,
  setReady,
  vmOf
} from "../../support/nodeCloud.ts"

export const period = 5_000
export const throttled = new CloudStackError({
  command: "listVirtualMachines",
  reason: new Throttled({ retryAfter: Duration.seconds(1) })
})

export interface Bench {
  readonly cloud: NodeCloud
  readonly memory: Memory
  /** Another process takes over: so many periods of it. */
  readonly restarted: (count: number) => Effect.Effect<void, never, Effect.Services<ReturnType<typeof reconcile>>>
  /** So many monitor periods. */
  readonly periods: (count: number) => Effect.Effect<void, never, Effect.Services<ReturnType<typeof reconcile>>>
  readonly settings: Ref.Ref<ReturnType<typeof settingsOf>>
}

/** A cluster of these nodes, each on the VM of its name, all seen. */
export const cluster = <A, E>(
  names: ReadonlyArray<string>,
  body: (bench: Bench) => Effect.Effect<A, E, KubeMemory | Effect.Services<ReturnType<typeof reconcile>>>
) =>
  Effect.gen(function* () {
    const cloud = makeNodeCloud()
    const memory = yield* makeMemory
    const settings = yield* Ref.make(settingsOf())
    const live = (memory: Memory, count: number) =>
      Effect.andThen(reconcile(memory, { period }), TestClock.adjust(period)).pipe(
        Effect.repeat({ times: count - 1 }),
        Effect.asVoid
      )
    const periods = (count: number) => live(memory, count)
    const restarted = (count: number) => Effect.flatMap(makeMemory, (anew) => live(anew, count))
    const layers = Layer.mergeAll(
      kubernetesMemory,
      cloud.layer,
      Layer.succeed(Settings, { current: Ref.get(settings), changes: Stream.empty })
    )
    return yield* Effect.gen(function* () {
      for (const name of names) {
        cloud.put(vmOf(name))
        yield* registerSeen(name)
      }
      return yield* body({ cloud, memory, periods, restarted, settings })
    }).pipe(Effect.provide(layers))
  })

export const registerSeen = (name: string, over: Registration = {}) =>
  registerNode(name, {
    providerID: `external-cloudstack://${name}`,
    annotations: { "cloudstack-ccm/seen-vm": encodeSeenVm(vmOf(name)) },
    ...over
  })

/** The VMs are gone, and their kubelets silent. */
export const unplug = (cloud: NodeCloud, ...names: ReadonlyArray<string>) =>
  Effect.forEach(names, (name) => {
    cloud.expunge(name)
    return setReady(name, "Unknown")
  })

export const taintsOf = (name: string) =>
  Effect.map(
    Effect.flatMap(Nodes, (nodes) => nodes.find(name)),
    (node) => Option.getOrThrow(node).taints.map(({ key, effect }) => `${key}:${effect}`)
  )

export const many = (count: number) => Array.from({ length: count }, (_, at) => `node-${String(at).padStart(3, "0")}`)
