/** The scenes of the demo: do something, wait until it has come true, count what it took. */
import { Clock, Console, Effect, Option, Schedule, Schema } from "effect"
import { type LogEntry, Simulator } from "../../cloudstack/memory/Simulator.ts"
import type { KubeError } from "../../kubernetes/KubeError.ts"
import { KubeMemory } from "../../kubernetes/memory/KubeMemory.ts"
import { Nodes } from "../../kubernetes/Nodes.ts"
import { Services } from "../../kubernetes/Services.ts"
import { acquired, type CloudView, decodeCloudView, hasMembers, isEmpty, isOpenFor } from "./CloudView.ts"
import { nodeManifest, traefik } from "./scene.ts"

export interface Row {
  readonly scene: string
  readonly ok: boolean
  readonly reads: number
  readonly changes: number
  readonly pushes: number
  readonly seconds: number
}

interface Scene<R> {
  readonly title: string
  readonly act: Effect.Effect<unknown, KubeError, KubeMemory>
  readonly cameTrue: (view: CloudView) => Effect.Effect<boolean, KubeError, R>
}

const key = "default/traefik"
const patience = "20 seconds"
const office = "192.0.2.0/24"
const isRead = ({ command }: LogEntry): boolean => /^(list|get|query)/.test(command)

const look = Effect.gen(function* () {
  return yield* Effect.orDie(decodeCloudView(yield* (yield* Simulator).world))
})

const ingressIp = Effect.gen(function* () {
  const service = yield* (yield* Services).find(key)
  return Option.flatMap(service, ({ ingress }) => Option.fromNullishOr(ingress[0]?.ip))
})

const initialised = (names: ReadonlyArray<string>) =>
  Effect.map(
    Effect.flatMap(Nodes, (nodes) => nodes.all),
    (all) =>
      names.every((name) =>
        all.some((node) => node.name === name && node.providerID !== "" && node.taints.length === 0)
      )
  )

const register = (names: ReadonlyArray<string>) =>
  Effect.flatMap(KubeMemory, (memory) => Effect.forEach(names, (name) => memory.apply(nodeManifest(name))))

const served = (machines: ReadonlyArray<string>, cidr: string) => (view: CloudView) =>
  Effect.map(
    ingressIp,
    (ip) =>
      Option.isSome(ip) &&
      acquired(view).includes(ip.value) &&
      view.loadBalancerRules.length === 2 &&
      view.loadBalancerRules.every(({ protocol }) => protocol === "tcp-proxy") &&
      hasMembers(view, machines) &&
      isOpenFor(view, 2, cidr)
  )

const first = ["node-1", "node-2", "node-3"]
const scenes: ReadonlyArray<Scene<KubeMemory | Nodes | Services>> = [
  { title: "three nodes register", act: register(first), cameTrue: () => initialised(first) },
  {
    title: "the traefik Service is applied",
    act: Effect.flatMap(KubeMemory, (memory) => memory.apply(traefik)),
    cameTrue: served(first, "0.0.0.0/0")
  },
  { title: "a fourth node joins", act: register(["node-4"]), cameTrue: served([...first, "node-4"], "0.0.0.0/0") },
  {
    title: `sources are restricted to ${office}`,
    act: Effect.flatMap(KubeMemory, (memory) =>
      memory.edit("services", key, { spec: { loadBalancerSourceRanges: [office] } })
    ),
    cameTrue: served([...first, "node-4"], office)
  },
  {
    title: "the Service is deleted",
    act: Effect.flatMap(KubeMemory, (memory) => memory.remove("services", key)),
    cameTrue: (view) =>
      Effect.map(
        Effect.flatMap(Services, (services) => services.find(key)),
        (service) => Option.isNone(service) && isEmpty(view)
      )
  }
]

class NotYet extends Schema.TaggedError<NotYet>()("NotYet", {}) {}

/** The controllers finish what they are at, and the narration with them, before the next title. */
const settled = Effect.gen(function* () {
  const simulator = yield* Simulator
  let before = -1
  while ((yield* simulator.log).length !== before) {
    before = (yield* simulator.log).length
    yield* Effect.sleep("300 millis")
  }
})

const play = Effect.fnUntraced(function* (scene: (typeof scenes)[number]) {
  const simulator = yield* Simulator
  yield* Console.log(`\n${scene.title}`)
  const [logBefore, before, start] = yield* Effect.all([simulator.log, look, Clock.currentTimeMillis])
  yield* scene.act
  const check = Effect.gen(function* () {
    if (!(yield* scene.cameTrue(yield* look))) return yield* new NotYet()
  })
  const came = yield* check.pipe(Effect.retry(Schedule.spaced("50 millis")), Effect.timeoutOption(patience))
  const end = yield* Clock.currentTimeMillis
  yield* settled
  const [logAfter, after] = yield* Effect.all([simulator.log, look])
  const asked = logAfter.slice(logBefore.length)
  const row: Row = {
    scene: scene.title,
    ok: Option.isSome(came),
    reads: asked.filter(isRead).length,
    changes: asked.filter((entry) => !isRead(entry)).length,
    pushes: after.pushes - before.pushes,
    seconds: (end - start) / 1000
  }
  return row
})

/** Stops at the first scene that does not come true: the later ones build on it. */
export const playAll = Effect.gen(function* () {
  const rows: Array<Row> = []
  for (const scene of scenes) {
    const row = yield* play(scene)
    rows.push(row)
    if (!row.ok) break
  }
  return { rows, complete: rows.length === scenes.length && rows.every(({ ok }) => ok) }
})
