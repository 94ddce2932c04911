/** One run: a world, a scenario, the real controller, and what goes wrong. Tells what came of it. */
import { Effect, Exit, Fiber, Layer, Metric, Random, Scope } from "effect"
import { CloudStackApi } from "../../../src/cloudstack/Api.ts"
import { layer as cloudServices } from "../../../src/cloudstack/layers.ts"
import { Settings } from "../../../src/config/Settings.ts"
import { ClusterId } from "../../../src/controllers/ClusterIdentity.ts"
import { ServiceOptions } from "../../../src/controllers/service/options.ts"
import { ServiceController } from "../../../src/controllers/service/ServiceController.ts"
import { Events } from "../../../src/kubernetes/Events.ts"
import { textAt } from "../../../src/kubernetes/json.ts"
import { KubeApi } from "../../../src/kubernetes/KubeApi.ts"
import { nodesLayer, servicesLayer } from "../../../src/kubernetes/layers.ts"
import { settings as cloudSettings } from "../../support/testBed.ts"
import { makeActor } from "./actions.ts"
import { makeCloudSide } from "./cloudSide.ts"
import { type Call, type Fault, mutates } from "./faults.ts"
import { acquired, cloudLines, foreignChanges, serviceLines } from "./judge.ts"
import { makeKubeSide } from "./kubeSide.ts"
import { makeOutside, type Process } from "./outside.ts"
import type { Scenario } from "./scenarios.ts"
import type { Setting } from "./settings.ts"
import { makeStage } from "./stage.ts"
import { makeTime } from "./time.ts"
import { makeWitness } from "./witness.ts"

const start = 1_800_000_000_000
/** Nothing was said for so long, which is longer than a server that fails is left alone: what was begun is over. */
const quietMillis = 17_000
/** The next action does not wait for ever. */
const actionMillis = 180_000
const restartMillis = 1_000
/** Longer than a resync period and its jitter. */
const holdMillis = 12 * 60_000

/** What one process sees of the world. */
export interface Seen {
  readonly api: CloudStackApi["Service"]
  readonly kube: KubeApi["Service"]
}

/** Breaks a controller on purpose by what it sees: the tests of these tests. */
export type Sabotage = (seen: Seen) => Seen

export interface End {
  readonly started: ReadonlyArray<string>
  readonly lines: ReadonlyArray<string>
  readonly userDeleted: boolean
}

export interface RunInput {
  readonly scenario: Scenario
  readonly setting: Setting
  readonly faults: ReadonlyArray<Fault>
  readonly sabotage?: Sabotage
  /** Whether this is the end that the run is to come to; `started` is what was there before the controller. */
  readonly isEnd: (end: End) => boolean
  /** Virtual time for coming to the end after the last action. */
  readonly patience: number
  /** Whether to go on until after a resync and see that nothing is changed any more. */
  readonly hold: boolean
  /** The user deletes all Services when the scenario is over. */
  readonly deleteAtEnd?: boolean
  readonly onCall?: (line: string) => void
}

export interface Outcome {
  readonly calls: ReadonlyArray<Call>
  readonly mutations: number
  readonly end: End
  /** What must never be, whatever the end. */
  readonly wrong: ReadonlyArray<string>
  readonly events: ReadonlyArray<string>
  readonly mostAcquired: number
  /** Virtual milliseconds from the last action to the end; undefined if it was not reached. */
  readonly took: number | undefined
  readonly lives: number
}

export const live = (input: RunInput): Outcome => {
  const time = makeTime(start)
  const server = time.domain()
  const scope = Scope.makeUnsafe()
  const stage = makeStage(time, server, scope, input)
  const { before, kube, simulator, world } = stage
  const witness = makeWitness(stage, time, server, scope)

  let mostAcquired = 0
  const api: CloudStackApi["Service"] = {
    call: (command, parameters) => {
      const call = stage.api.call(command, parameters)
      if (command !== "associateIpAddress") return call
      return Effect.ensuring(
        call,
        Effect.sync(() => {
          mostAcquired = Math.max(mostAcquired, acquired(before, world()).length)
        })
      )
    }
  }

  let userDeleted = false
  const deleteAll = () => {
    userDeleted = true
    for (const service of Effect.runSync(kube.list("services"))) {
      const key = `${textAt(service, "metadata", "namespace")}/${textAt(service, "metadata", "name")}`
      time.fork(server, Effect.exit(kube.remove("services", key)))
    }
  }

  const { faults, onCall } = input
  const outside = makeOutside({
    time,
    server,
    faults,
    userDeletes: deleteAll,
    ...(onCall === undefined ? {} : { onCall })
  })
  const kubeSide = makeKubeSide(outside, kube)
  const cloudSide = makeCloudSide(outside, { api, kubeSide, simulator })

  let lives = 0
  let current: Process | undefined
  const begin = () => {
    lives++
    const process: Process = { domain: time.domain(), doomed: false, stop: "no", waiting: new Set() }
    current = process
    const honest: Seen = { api: cloudSide.of(process), kube: kubeSide.of(process) }
    const seen = input.sabotage?.(honest) ?? honest
    const { projectId } = stage
    const settings = { ...cloudSettings, ...(projectId === undefined ? {} : { projectId }) }
    const layers = Layer.mergeAll(
      cloudServices.pipe(Layer.provide(Layer.succeed(CloudStackApi, seen.api))),
      ServiceController.layer,
      ServiceOptions.layerOf(),
      ClusterId.layerOf("test-cluster")
    ).pipe(
      Layer.provideMerge(
        Layer.mergeAll(
          servicesLayer,
          nodesLayer,
          Layer.succeed(Events, { record: witness.record }),
          Settings.layerOf(settings)
        ).pipe(Layer.provide(Layer.succeed(KubeApi, seen.kube)))
      )
    )
    const running = ServiceController.run.pipe(
      Effect.provide(layers),
      Effect.provideService(Metric.MetricRegistry, new Map()),
      Random.withSeed(`life ${lives}`)
    )
    const fiber = time.fork(process.domain, running)
    process.interrupt = () => void time.fork(process.domain, Fiber.interrupt(fiber))
    fiber.addObserver((exit) => {
      if (process.stop === "no" && Exit.isFailure(exit)) witness.blame(`the controller ended: ${String(exit.cause)}`)
      process.doomed = true
    })
  }

  /** Looks after the process: one that is dead is followed by another. */
  const tick = (): boolean => {
    const process = current
    if (process === undefined) return false
    if (process.stop === "asked") {
      process.stop = "stopping"
      process.interrupt?.()
      time.drain()
    }
    if (process.doomed || !process.domain.alive()) {
      process.domain.kill()
      current = undefined
      time.fork(server, Effect.delay(Effect.sync(begin), restartMillis))
    }
    return false
  }
  const pass = (millis: number) => time.pass(time.now() + millis, tick)

  /** Until nobody has said anything for a while, or time is up. */
  const settle = (limit: number) => {
    let quietFrom = time.now()
    while (time.now() < limit) {
      time.pass(Math.min(limit, quietFrom + quietMillis), tick)
      const rests = outside.inFlight() === 0 && current?.waiting.size === 0 && kubeSide.calm()
      const last = rests ? outside.lastAt() : time.now()
      if (last <= quietFrom) return
      quietFrom = last
    }
  }
  const settleForAction = () => settle(time.now() + actionMillis)

  const act = makeActor({ time, server, stage, settle: settleForAction, pass, isOver: () => userDeleted })

  begin()
  pass(1_000)
  for (const { action, after } of input.scenario.steps) {
    if (after === undefined) settleForAction()
    else pass(after)
    act(action)
  }
  if (input.deleteAtEnd === true) {
    settleForAction()
    deleteAll()
  }

  /** Everything there is, as lines. */
  const linesNow = () => {
    const now = world()
    return [...cloudLines(before, now), ...serviceLines(before, now, Effect.runSync(kube.list("services")))]
  }
  const begun = time.now()
  const limit = begun + input.patience
  const started = cloudLines(before, before)
  const endNow = (): End => ({ started, lines: linesNow(), userDeleted })
  let end = endNow()
  let took: number | undefined
  while (took === undefined && time.now() < limit) {
    settle(limit)
    end = endNow()
    if (cloudSide.calm() && kubeSide.calm() && input.isEnd(end)) took = Math.max(0, outside.lastAt() - begun)
    else time.pass(Math.min(limit, time.now() + 5_000), tick)
  }
  const mutations = cloudSide.mutations()
  const said = outside.calls.length
  if (took !== undefined && input.hold) {
    outside.relent()
    pass(holdMillis)
    const later = outside.calls.slice(said).filter(mutates)
    if (later.length > 0) witness.blame(`changes go on after the end: ${later.map(({ what }) => what).join(", ")}`)
    end = endNow()
    if (!input.isEnd(end)) witness.blame("the end does not last")
  }
  for (const change of foreignChanges(before, world())) witness.blame(change)
  const { events, wrong } = witness
  return { calls: outside.calls, mutations, end, wrong: [...wrong], events, mostAcquired, took, lives }
}
