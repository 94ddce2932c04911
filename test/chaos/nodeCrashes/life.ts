/** One run: a world, a scenario, both node controllers, and what goes wrong. Tells what came of it. */
import { Context, Duration, Effect, Exit, Fiber, Layer, Metric, Random, Result, Scope } from "effect"
import { CloudStackApi, type Parameters } from "../../../src/cloudstack/Api.ts"
import { layer as cloudServices } from "../../../src/cloudstack/layers.ts"
import { layer as simulatorLayer } from "../../../src/cloudstack/memory/layer.ts"
import { layerMemory } from "../../../src/cloudstack/memory/layerMemory.ts"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { Settings } from "../../../src/config/Settings.ts"
import * as NodeController from "../../../src/controllers/node/NodeController.ts"
import * as NodeLifecycleController from "../../../src/controllers/nodeLifecycle/NodeLifecycleController.ts"
import { seenAnnotation } from "../../../src/domain/SeenVm.ts"
import { decodeNode } from "../../../src/kubernetes/decode.ts"
import { Events } from "../../../src/kubernetes/Events.ts"
import { KubeApi } from "../../../src/kubernetes/KubeApi.ts"
import { nodesLayer } from "../../../src/kubernetes/layers.ts"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { registerNode, setReady, uninitialised } from "../../support/nodeCloud.ts"
import { settings } from "../../support/testBed.ts"
import { makeCloudSide } from "../service/cloudSide.ts"
import { type Call, type Fault, mutates } from "../service/faults.ts"
import { makeKubeSide } from "../service/kubeSide.ts"
import { makeOutside, type Process } from "../service/outside.ts"
import { makeTime } from "../service/time.ts"
import { makeJudge } from "./judge.ts"
import { type Action, refreshSeconds, type Scenario, settledNodes, world } from "./scenarios.ts"

const start = 1_800_000_000_000
const restartMillis = 1_000
/** Longer than a refresh, and than a Node that is not Ready is left alone. */
const holdMillis = 5 * 60_000
const sampleMillis = 5_000

/** What one process sees of the world. */
export interface Seen {
  readonly api: CloudStackApi["Service"]
  readonly kube: KubeApi["Service"]
}
/** Breaks the controllers on purpose by what they see: the tests of these tests. */
export type Sabotage = (seen: Seen) => Seen

export interface RunInput {
  readonly scenario: Scenario
  readonly faults: ReadonlyArray<Fault>
  readonly sabotage?: Sabotage
  /** Whether the run may come to its end here; a run without faults does when its steps are over. */
  readonly isEnd: (lines: ReadonlyArray<string>) => boolean
  /** Virtual milliseconds for coming to the end after the last action. */
  readonly patience: number
  readonly onCall?: (line: string) => void
}

export interface Outcome {
  readonly calls: ReadonlyArray<Call>
  /** Writes to the API server. */
  readonly writes: number
  readonly lines: ReadonlyArray<string>
  /** What must never be, whatever the end. */
  readonly wrong: ReadonlyArray<string>
  readonly events: ReadonlyArray<string>
  /** Virtual milliseconds from the last action to the end; undefined if it was not reached. */
  readonly took: number | undefined
  readonly lives: number
}

interface Machines {
  readonly machines: ReadonlyArray<{ readonly id: string; readonly name: string }>
}

const controllers = Effect.all(
  [
    NodeController.run({
      providerIdFormat: "external-cloudstack",
      nodeStatusUpdateFrequency: Duration.seconds(refreshSeconds),
      concurrentNodeSyncs: 2,
      concurrentNodeStatusUpdates: 0
    }),
    NodeLifecycleController.run({ nodeMonitorPeriod: Duration.seconds(5) })
  ],
  { concurrency: "unbounded", discard: true }
)

export const live = (input: RunInput): Outcome => {
  const time = makeTime(start)
  const server = time.domain()
  const scope = Scope.makeUnsafe()
  const built = time.sync(
    server,
    Layer.buildWithMemoMap(
      Layer.merge(layerMemory("alice"), KubeMemory.layer).pipe(
        Layer.provideMerge(
          simulatorLayer(world, {
            seed: 1,
            // Never strikes: it makes the server remember what stale lists will show.
            faults: [{ command: "none", fault: { _tag: "staleList", millis: 60_000 } }]
          })
        )
      ),
      Layer.makeMemoMapUnsafe(),
      scope
    )
  )
  const simulator = Context.get(built, Simulator)
  const kube = Context.get(built, KubeMemory)
  const idOf = (name: string) =>
    (Effect.runSync(simulator.world) as Machines).machines.find((machine) => machine.name === name)?.id ?? ""
  const ids = new Map(["n1", "n2", "n3", "n4", "n5", "n6"].map((name) => [name, idOf(name)]))

  const judge = makeJudge({ now: time.now })
  const nodesNow = () => Effect.runSync(kube.list("nodes")).map((object) => Result.getOrThrow(decodeNode(object)))
  time.sync(
    server,
    Scope.provide(
      kube.follow(({ object, plural, type }) => {
        if (plural === "nodes") judge.saw(Result.getOrThrow(decodeNode(object)), type === "DELETED")
      }),
      scope
    )
  )

  const onServer = <A, E>(effect: Effect.Effect<A, E, KubeMemory>) =>
    time.sync(server, Effect.provideService(effect, KubeMemory, kube))
  const byHand = (command: string, parameters: Parameters) => {
    const fiber = time.fork(server, simulator.callAs("root", command, parameters))
    time.pass(time.now() + 2_000, tick)
    const exit = fiber.pollUnsafe()
    if (exit === undefined || Exit.isFailure(exit) || exit.value.status !== 200) throw new Error(`${command} failed`)
    return JSON.stringify(exit.value.body)
  }

  const outside = makeOutside({
    time,
    server,
    faults: input.faults,
    userDeletes: () => {},
    ...(input.onCall === undefined ? {} : { onCall: input.onCall })
  })
  const kubeSide = makeKubeSide(outside, kube)
  const cloudSide = makeCloudSide(outside, { api: Context.get(built, CloudStackApi), kubeSide, simulator })

  const events: Array<string> = []
  let lives = 0
  let current: Process | undefined
  const begin = () => {
    lives++
    judge.restarted()
    const process: Process = { domain: time.domain(), doomed: false, stop: "no", waiting: new Set() }
    current = process
    const honest: Seen = { api: cloudSide.of(process), kube: kubeSide.of(process) }
    const seen = input.sabotage?.(honest) ?? honest
    const heard = Layer.succeed(Events, {
      record: (note) =>
        Effect.sync(() => {
          events.push(`${note.reason} ${note.about.name}`)
          judge.heard(note)
        })
    })
    const layers = cloudServices.pipe(
      Layer.provide(Layer.succeed(CloudStackApi, seen.api)),
      Layer.provideMerge(Layer.mergeAll(nodesLayer, heard, Settings.layerOf(settings))),
      Layer.provide(Layer.succeed(KubeApi, seen.kube))
    )
    const fiber = time.fork(
      process.domain,
      controllers.pipe(
        Effect.provide(layers),
        Effect.provideService(Metric.MetricRegistry, new Map()),
        Random.withSeed(`life ${lives}`)
      )
    )
    process.interrupt = () => void time.fork(process.domain, Fiber.interrupt(fiber))
    fiber.addObserver((exit) => {
      if (process.stop === "no" && Exit.isFailure(exit)) judge.tell(`the controllers ended: ${String(exit.cause)}`)
      process.doomed = true
    })
  }

  /** One that is dead is followed by another. */
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

  const act = (action: Action) => {
    switch (action._tag) {
      case "Register":
        return void onServer(registerNode(action.node, { taints: [uninitialised], ready: "True" }))
      case "Ready":
        return void onServer(Effect.exit(setReady(action.node, action.status)))
      case "Edit":
        return void onServer(Effect.exit(kube.edit("nodes", action.node, action.patch)))
      case "Cloud":
        if (action.command === "destroyVirtualMachine") judge.doomed(action.vm)
        return void byHand(action.command, { id: ids.get(action.vm) ?? "", ...action.more })
      case "Address": {
        const nics = byHand("listNics", { virtualmachineid: ids.get(action.vm) ?? "" })
        return void byHand("addIpToNic", { nicid: /"id":"([^"]+)"/.exec(nics)?.[1] ?? "" })
      }
    }
  }

  for (const node of settledNodes) act({ _tag: "Register", node })
  begin()
  // What has never been seen could not be missed.
  const isSettled = () => nodesNow().every(({ annotations }) => annotations[seenAnnotation] !== undefined)
  for (let waited = 0; waited < 600 && !isSettled(); waited++) time.pass(time.now() + 1_000, tick)
  time.pass(time.now() + 10_000, tick)
  for (const [action, seconds] of input.scenario.steps) {
    act(action)
    time.pass(time.now() + seconds * 1_000, tick)
  }

  const lines = () => judge.describe(nodesNow(), ids)
  const begun = time.now()
  const limit = begun + input.patience
  let took: number | undefined
  while (took === undefined && time.now() <= limit) {
    if (cloudSide.calm() && kubeSide.calm() && current !== undefined && input.isEnd(lines())) took = time.now() - begun
    else time.pass(time.now() + sampleMillis, tick)
  }
  const { calls } = outside
  const said = calls.length
  const writesIn = (some: ReadonlyArray<Call>) =>
    some.filter((call) => call.to === "Kubernetes" && mutates(call)).length
  const writes = writesIn(calls)
  if (took !== undefined) {
    outside.relent()
    time.pass(time.now() + holdMillis, tick)
    const later = calls.slice(said).filter((call) => call.to === "Kubernetes" && mutates(call))
    if (later.length > 0) judge.tell(`writes go on after the end: ${later.map(({ what }) => what).join(", ")}`)
    if (!input.isEnd(lines())) judge.tell("the end does not last")
  }
  return { calls: calls.slice(0, said), writes, lines: lines(), wrong: judge.wrong, events, took, lives }
}
