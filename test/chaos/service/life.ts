/** One run: a world, a scenario, the real controller, and what goes wrong. Tells what came of it. */
import { Context, Effect, Exit, Fiber, Layer, Metric, Random, Scope } from "effect"
import type { Parameters } from "../../../src/cloudstack/Api.ts"
import { CloudStackApi } from "../../../src/cloudstack/Api.ts"
import { layer as cloudServices } from "../../../src/cloudstack/layers.ts"
import { layer as simulatorLayer } from "../../../src/cloudstack/memory/layer.ts"
import { layerMemory } from "../../../src/cloudstack/memory/layerMemory.ts"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { Settings } from "../../../src/config/Settings.ts"
import { ClusterId } from "../../../src/controllers/ClusterIdentity.ts"
import { ServiceOptions } from "../../../src/controllers/service/options.ts"
import { ServiceController } from "../../../src/controllers/service/ServiceController.ts"
import { Events } from "../../../src/kubernetes/Events.ts"
import { objectAt, textAt, textsAt } from "../../../src/kubernetes/json.ts"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { nodesMemory, servicesMemory } from "../../../src/kubernetes/memory/layers.ts"
import { settings as cloudSettings } from "../../support/testBed.ts"
import type { Call, Fault } from "./faults.ts"
import { makeForeign } from "./foreign.ts"
import { acquired, cloudLines, foreignChanges, type Snapshot, serviceLines, traces } from "./judge.ts"
import { makeOutside, type Process } from "./outside.ts"
import { type Action, freeIp, givenIp, type Place, type Scenario, type Setting, worldFor } from "./scenarios.ts"
import { makeTime } from "./time.ts"

const start = 1_800_000_000_000
const finalizer = "service.kubernetes.io/load-balancer-cleanup"
/** Nothing was said for so long: what was begun is over. */
const quietMillis = 12_000
/** The next action does not wait for ever. */
const actionMillis = 180_000
const restartMillis = 1_000
/** Longer than a resync period and its jitter. */
const holdMillis = 12 * 60_000

/** What one process sees of the world. */
export interface Seen {
  readonly api: CloudStackApi["Service"]
  readonly kube: KubeMemory["Service"]
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

const isMutation = ({ to, what }: Call) => to === "Kubernetes" || !/^(list|get|query)/.test(what)

export const live = (input: RunInput): Outcome => {
  const { scenario, setting } = input
  const time = makeTime(start)
  const server = time.domain()
  const scope = Scope.makeUnsafe()
  const wrong = new Set<string>()
  const events: Array<string> = []

  const built = time.sync(
    server,
    Layer.buildWithMemoMap(
      Layer.mergeAll(layerMemory("alice"), KubeMemory.layer).pipe(
        Layer.provideMerge(
          simulatorLayer(worldFor(setting), {
            seed: 1,
            ...(setting.slow ? { pushTime: 80, locks: true } : {}),
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
  const realApi = Context.get(built, CloudStackApi)
  const kube = Context.get(built, KubeMemory)
  const world = (): Snapshot => Effect.runSync(simulator.world) as Snapshot

  /** Somebody else's hand; what it begins has ended a little later. */
  const byHand = (command: string, parameters: Parameters): string => {
    const fiber = time.fork(server, simulator.callAs("root", command, parameters))
    time.pass(time.now() + 2_000, () => false)
    const exit = fiber.pollUnsafe()
    if (exit === undefined || Exit.isFailure(exit)) throw new Error(`${command} has not ended`)
    const [content] = Object.values({ ...(exit.value.body as Record<string, { id?: string; errortext?: string }>) })
    if (exit.value.status !== 200) throw new Error(`${command}: ${content?.errortext}`)
    return content?.id ?? ""
  }

  const network = (Effect.runSync(simulator.world) as { networks: ReadonlyArray<{ id: string }> }).networks[0]?.id ?? ""
  makeForeign({ make: byHand, network })
  const before = world()

  let mostAcquired = 0
  const api: CloudStackApi["Service"] = {
    call: (command, parameters) => {
      const call = realApi.call(command, parameters)
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
  const attempt = (effect: Effect.Effect<unknown, unknown>) => void time.fork(server, Effect.exit(effect))
  const deleteAll = () => {
    userDeleted = true
    for (const service of Effect.runSync(kube.list("services"))) {
      const key = `${textAt(service, "metadata", "namespace")}/${textAt(service, "metadata", "name")}`
      attempt(kube.remove("services", key))
    }
  }

  const outside = makeOutside({
    time,
    server,
    simulator,
    api,
    kube,
    faults: input.faults,
    userDeletes: deleteAll,
    ...(input.onCall === undefined ? {} : { onCall: input.onCall })
  })

  /** Told whenever an Event says that something is so. */
  const checkEvent = (name: string, uid: string, reason: string) => {
    const found = Effect.runSync(Effect.exit(kube.object("services", `shop/${name}`)))
    const service = Exit.isSuccess(found) ? found.value : undefined
    if (reason === "DeletedLoadBalancer") {
      for (const trace of traces(before, world(), uid)) wrong.add(`DeletedLoadBalancer was said, and there is ${trace}`)
    }
    if (
      reason === "EnsuredLoadBalancer" &&
      service !== undefined &&
      textAt(service, "spec", "type") === "LoadBalancer"
    ) {
      if (textAt(service, "metadata", "deletionTimestamp") !== "") return
      const list = objectAt(service, "status", "loadBalancer")["ingress"]
      const served = world().loadBalancerRules.some((rule) => rule.description?.includes(uid) === true)
      if (!served || !Array.isArray(list)) wrong.add("EnsuredLoadBalancer was said, and it is not served")
    }
  }

  const eventsLayer = Layer.succeed(Events, {
    record: ({ about, message, reason }) =>
      Effect.sync(() => {
        events.push(`${reason} ${about.name}: ${message}`)
        checkEvent(about.name, about.uid, reason)
      })
  })

  // The finalizer is the last word: from the moment it is gone nothing may be left.
  const finalized = new Map<string, boolean>()
  time.sync(
    server,
    Scope.provide(
      kube.follow(({ object, plural, type }) => {
        if (plural !== "services") return
        const uid = textAt(object, "metadata", "uid")
        const has = textsAt(object, "metadata", "finalizers").includes(finalizer) && type !== "DELETED"
        if (finalized.get(uid) === true && !has) {
          for (const trace of traces(before, world(), uid)) wrong.add(`the finalizer is gone, and there is ${trace}`)
        }
        finalized.set(uid, has)
      }),
      scope
    )
  )

  let lives = 0
  let current: Process | undefined
  const begin = () => {
    lives++
    const process: Process = { domain: time.domain(), doomed: false, stop: "no", waiting: new Set() }
    current = process
    const honest: Seen = { api: outside.cloudStack(process), kube: outside.kubernetes(process) }
    const seen = input.sabotage?.(honest) ?? honest
    const layers = Layer.mergeAll(
      cloudServices.pipe(Layer.provide(Layer.succeed(CloudStackApi, seen.api))),
      ServiceController.layer,
      ServiceOptions.layerOf(),
      ClusterId.layerOf("test-cluster")
    ).pipe(
      Layer.provideMerge(
        Layer.mergeAll(servicesMemory, nodesMemory, eventsLayer, Settings.layerOf(cloudSettings)).pipe(
          Layer.provide(Layer.succeed(KubeMemory, seen.kube))
        )
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
      if (process.stop === "no" && Exit.isFailure(exit)) wrong.add(`the controller ended: ${String(exit.cause)}`)
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

  /** Until nobody has said anything for a while, or time is up. */
  const settle = (limit: number) => {
    let quietFrom = time.now()
    while (time.now() < limit) {
      time.pass(Math.min(limit, quietFrom + quietMillis), tick)
      const rests = outside.inFlight() === 0 && current?.waiting.size === 0
      const last = rests ? outside.lastAt() : time.now()
      if (last <= quietFrom) return
      quietFrom = last
    }
  }

  const addressAt = (place: Place): string => {
    const now = world()
    if (place === "own") return acquired(before, now).find(({ state }) => state === "Allocated")?.id ?? ""
    return now.addresses.find(({ ip }) => ip === (place === "given" ? givenIp : freeIp))?.id ?? ""
  }

  const node = (name: string) => ({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name },
    spec: {},
    status: { conditions: [{ type: "Ready", status: "True" }] }
  })

  const act = (action: Action) => {
    switch (action._tag) {
      case "Apply": {
        const { annotations = {}, name, spec } = action
        if (userDeleted) return
        const metadata = { namespace: "shop", name, annotations }
        return attempt(kube.apply({ apiVersion: "v1", kind: "Service", metadata, spec }))
      }
      case "Edit":
        return attempt(kube.edit("services", `shop/${action.name}`, action.patch))
      case "Remove":
        return attempt(kube.remove("services", `shop/${action.name}`))
      case "Join":
        return attempt(kube.apply(node(action.node)))
      case "Leave":
        return attempt(kube.remove("nodes", action.node))
      case "Cloud": {
        // Somebody who wants to put something on the address waits for it.
        for (let waited = 0; waited < 3_600_000 && addressAt(action.on) === "" && !userDeleted; waited += 5_000) {
          time.pass(time.now() + 5_000, tick)
        }
        settle(time.now() + actionMillis)
        const id = addressAt(action.on)
        const parameter = action.command === "createLoadBalancerRule" ? "publicipid" : "ipaddressid"
        if (id === "") return
        return attempt(simulator.callAs("root", action.command, { ...action.parameters, [parameter]: id }))
      }
    }
  }

  for (const name of ["n1", "n2"]) act({ _tag: "Join", node: name })
  time.drain()
  begin()
  time.pass(time.now() + 1_000, tick)
  for (const { action, after } of scenario.steps) {
    if (after === undefined) settle(time.now() + actionMillis)
    else time.pass(time.now() + after, tick)
    act(action)
  }
  if (input.deleteAtEnd === true) {
    settle(time.now() + actionMillis)
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
    if (outside.calm() && input.isEnd(end)) took = Math.max(0, outside.lastAt() - begun)
    else time.pass(Math.min(limit, time.now() + 5_000), tick)
  }
  const mutations = outside.mutations()
  const said = outside.calls.length
  if (took !== undefined && input.hold) {
    outside.relent()
    time.pass(time.now() + holdMillis, tick)
    const later = outside.calls.slice(said).filter(isMutation)
    if (later.length > 0) wrong.add(`changes go on after the end: ${later.map(({ what }) => what).join(", ")}`)
    end = endNow()
    if (!input.isEnd(end)) wrong.add("the end does not last")
  }
  for (const change of foreignChanges(before, world())) wrong.add(change)
  const { calls } = outside
  return { calls, mutations, end, wrong: [...wrong], events, mostAcquired, took, lives }
}
