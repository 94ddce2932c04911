/** A generated cluster, its CloudStack, and the controllers between them: the real ones, over the real reader of VMs. */
import { Cause, Clock, Context, Effect, Exit, Layer, Redacted, Ref, Result, Stream } from "effect"
import { CloudStackApi } from "../../../src/cloudstack/Api.ts"
import { layer as lists } from "../../../src/cloudstack/Lists.ts"
import { Machines } from "../../../src/cloudstack/Machines.ts"
import { layer as machines } from "../../../src/cloudstack/services/machines.ts"
import { Settings } from "../../../src/config/Settings.ts"
import { makeMemory as makeNodeMemory } from "../../../src/controllers/node/Memory.ts"
import { refresh } from "../../../src/controllers/node/refresh.ts"
import { type Memory, makeMemory } from "../../../src/controllers/nodeLifecycle/Memory.ts"
import { reconcile } from "../../../src/controllers/nodeLifecycle/reconcile.ts"
import { readSeenVm } from "../../../src/domain/SeenVm.ts"
import { decodeNode } from "../../../src/kubernetes/decode.ts"
import { Events } from "../../../src/kubernetes/Events.ts"
import { KubeError } from "../../../src/kubernetes/KubeError.ts"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { Nodes } from "../../../src/kubernetes/Nodes.ts"
import type { Node } from "../../../src/kubernetes/objects.ts"
import { settingsOf } from "../../cloudstack/settings.ts"
import { makeNodeCloud } from "../../support/nodeCloud.ts"
import { makeDice } from "../nodesRandom.ts"
import { makeClock } from "./clock.ts"
import type { Access } from "./faults.ts"
import { makeJudge } from "./judge.ts"
import { makePopulation } from "./population.ts"
import { calm, type Disturbance, makeServer } from "./server.ts"

export const period = 5_000

/** What the controller sees of the world. */
export interface Seen {
  readonly machines: Machines["Service"]
  readonly nodes: Nodes["Service"]
  readonly settings: Settings["Service"]
}

/** A controller broken on purpose: the tests of this test. */
export interface Sabotage {
  readonly see?: (seen: Seen) => Seen
  /** Before each period. */
  readonly forget?: (memory: Memory) => void
  /** Takes ten seconds for passed when none has, and looks again. */
  readonly hasty?: true
}

const settingsFor = (access: Access) => {
  const keys = (text: string) => ({ apiKey: Redacted.make(text), secretKey: Redacted.make(text) })
  switch (access) {
    case "credentials":
      return settingsOf({ credentials: keys("other") })
    case "project":
      return settingsOf({ projectId: "p2" })
    case "endpoint":
      return settingsOf({ apiUrl: "http://127.0.0.1:2/client/api" })
    case "unchanged":
      return settingsOf()
  }
}

const mostJump = 3_600_000

export const makeWorld = Effect.fnUntraced(function* (seed: number, sabotage: Sabotage) {
  const dice = makeDice(seed)
  const kube = yield* KubeMemory
  const nodes = yield* Nodes
  const time = makeClock()
  const cloud = makeNodeCloud()
  const settings = yield* Ref.make(settingsOf())

  const zones = dice.pick<readonly [string, ...Array<string>]>([["z1"], ["z1", "z2"], ["z1", "z2", "z3"]])
  const owners = dice.pick<readonly [string, ...Array<string>]>([["acme"], ["acme", "project:p1"]])
  /** As the API server has it: `Ready` by name, and the Nodes with a true record. */
  const readiness = new Map<string, string>()
  const known = new Set<string>()
  const population = makePopulation({ dice, cloud, zones, owners, real: time.real, readiness })
  const { souls } = population
  const judge = makeJudge({ seed, real: time.real, souls })

  yield* kube.follow(({ object, plural, type }) => {
    if (plural !== "nodes") return
    const node = Result.getOrThrow(decodeNode(object))
    if (type === "DELETED") judge.lost(node, readiness.size)
    else judge.saw(node)
    const soul = souls.find(({ name }) => name === node.name)
    const isKnown = type !== "DELETED" && soul !== undefined && readSeenVm(node.annotations)?.vm === soul.vm
    if (isKnown) known.add(node.name)
    else known.delete(node.name)
    if (type === "DELETED") readiness.delete(node.name)
    else readiness.set(node.name, node.ready)
  })

  const state: {
    disturbance: Disturbance
    /** Real time until which it lasts, even in the middle of a period that drags on. */
    until: number
    /** Calls until the process is killed. */
    doom: number
    /** What a cache that lags shows. */
    stale: ReadonlyArray<Node> | undefined
  } = { disturbance: calm, until: 0, doom: Number.POSITIVE_INFINITY, stale: undefined }
  let calmed = false

  const visible = () => [...cloud.vms.values()].filter(({ state }) => state !== "Destroyed")
  const setClock = () => {
    time.jump(Math.round((2 * dice.next() - 1) * mostJump))
    judge.blur()
  }
  const meanwhile = Effect.fnUntraced(function* (takes: number) {
    time.pass(takes)
    if (calmed) return
    if (dice.chance(0.02)) yield* population.speak().pipe(Effect.provideService(KubeMemory, kube), Effect.orDie)
    if (dice.chance(0.002)) setClock()
    // The process stands still, as when its machine is moved.
    if (dice.chance(0.002)) time.pass(dice.below(900_000))
    if (--state.doom < 0) yield* Effect.interrupt
  })
  const server = makeServer({
    truth: visible,
    disturbance: () => (time.real() < state.until ? state.disturbance : calm),
    meanwhile
  })

  const settingsService = Settings.of({ current: Ref.get(settings), changes: Stream.empty })
  const reader = yield* Layer.build(
    machines.pipe(
      Layer.provide(lists),
      Layer.provide(Layer.merge(Layer.succeed(CloudStackApi, server), Layer.succeed(Settings, settingsService)))
    )
  )
  const surprise = (name: string) =>
    Effect.suspend(() => (!calmed && dice.chance(0.05) ? population.returns(name) : Effect.void)).pipe(
      Effect.provideService(KubeMemory, kube)
    )
  const broken = new KubeError({ operation: "get nodes", status: 500, text: "chaos" })
  const honest: Seen = {
    machines: Context.get(reader, Machines),
    settings: settingsService,
    nodes: {
      ...nodes,
      all: Effect.suspend(() => (state.stale === undefined ? nodes.all : Effect.succeed(state.stale))),
      fetch: (name) =>
        !calmed && dice.chance(0.01) ? Effect.fail(broken) : Effect.andThen(surprise(name), nodes.fetch(name)),
      remove: (node) => Effect.andThen(surprise(node.name), nodes.remove(node))
    }
  }
  const seen = sabotage.see?.(honest) ?? honest
  const context = Context.make(Machines, seen.machines).pipe(
    Context.add(Nodes, seen.nodes),
    Context.add(Settings, seen.settings),
    Context.add(Events, { record: (note) => Effect.sync(() => judge.heard(note)) }),
    Context.add(Clock.Clock, time.clock)
  )

  let memory: Memory = yield* makeMemory
  let nodeMemory = makeNodeMemory()
  /** Another process takes over, with a cache that it has just read. */
  const restart = Effect.gen(function* () {
    state.stale = undefined
    memory = yield* makeMemory
    nodeMemory = makeNodeMemory()
    judge.restarted()
  })

  /** A period of the controllers; if the process is killed in it, another follows. */
  const work = Effect.gen(function* () {
    sabotage.forget?.(memory)
    const lifecycle = reconcile(memory, { period })
    const tasks = Effect.gen(function* () {
      if (dice.chance(0.03)) yield* refresh(nodeMemory, 1)
      yield* lifecycle
      if (sabotage.hasty === undefined) return
      time.deceive(10_000)
      yield* lifecycle
    })
    const exit = yield* Effect.exit(Effect.provideContext(tasks, context))
    if (Exit.isSuccess(exit)) return
    if (!Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.failCause(exit.cause)
    yield* restart
  })

  /** From now on nothing goes wrong any more. */
  const relent = Effect.gen(function* () {
    calmed = true
    state.disturbance = calm
    state.stale = undefined
    yield* kube.onWrite(() => undefined)
    yield* Ref.set(settings, settingsFor("unchanged"))
  })

  return {
    dice,
    kube,
    nodes: nodes.all,
    time,
    cloud,
    zones,
    readiness,
    known,
    population,
    judge,
    state,
    visible,
    setClock,
    configure: (access: Access) => Ref.set(settings, settingsFor(access)),
    restart,
    work,
    relent
  }
})
export type World = Effect.Success<ReturnType<typeof makeWorld>>
