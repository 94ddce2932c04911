/**
 * A generated cluster and its CloudStack, lived through period by period: VMs die, stop, come back and join, kubelets
 * fall silent, the API lies or fails, clocks jump, the controller restarts. The real reconcile runs in every period.
 */
import { Clock, Effect, Layer, Redacted, Ref, References, Stream } from "effect"
import { Settings } from "../../src/config/Settings.ts"
import { makeMemory as makeNodeMemory } from "../../src/controllers/node/Memory.ts"
import { refresh } from "../../src/controllers/node/refresh.ts"
import { type Memory, makeMemory } from "../../src/controllers/nodeLifecycle/Memory.ts"
import { reconcile } from "../../src/controllers/nodeLifecycle/reconcile.ts"
import { encodeSeenVm, readSeenVm } from "../../src/domain/SeenVm.ts"
import { KubeMemory } from "../../src/kubernetes/memory/KubeMemory.ts"
import { kubernetesMemory } from "../../src/kubernetes/memory/layers.ts"
import { Nodes } from "../../src/kubernetes/Nodes.ts"
import { settingsOf } from "../cloudstack/settings.ts"
import { calm, makeNodeCloud, registerNode, setReady, vmOf } from "../support/nodeCloud.ts"
import { alternating, type Fault, faultFrom, steadyMakers } from "./nodesFaults.ts"
import { makeDice } from "./nodesRandom.ts"

const period = 5_000
/** Share of the time before the calm end in which a fault is active. */
const troubledShare = 0.9

/** Whether and how a Node can be told to be its VM; only `proper` ones may ever be deleted. */
type Kind = "proper" | "legacy" | "nameless" | "foreign" | "invisible"

interface Soul {
  readonly name: string
  readonly vm: string
  readonly owner: string
  readonly kind: Kind
  /** Periods for which the kubelet stays silent although the VM runs. */
  silent: number
  /** Periods until the Node is not Ready after its VM went. */
  lag: number
  /** The VM is destroyed or expunged. */
  dead: boolean
}

export interface Outcome {
  readonly seed: number
  readonly periods: number
  /** Periods in which a living VM was wrongly invisible or the API was in trouble. */
  readonly troubled: number
  readonly deletions: number
  /** Most periods that a Node whose VM was gone waited in the calm end, per Node allowed in ten minutes. */
  readonly slowest: number
  readonly faults: Readonly<Record<string, number>>
  readonly wrong: ReadonlyArray<string>
}

/** Wall clock and monotonic clock apart, so that the former can jump. Nothing may wait. */
const makeClock = () => {
  const time = { wall: 1_800_000_000_000, monotonic: 0 }
  const nanos = (millis: number) => BigInt(Math.round(millis)) * 1_000_000n
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => time.wall,
    currentTimeMillis: Effect.sync(() => time.wall),
    currentTimeNanosUnsafe: () => nanos(time.wall),
    currentTimeNanos: Effect.sync(() => nanos(time.wall)),
    monotonicTimeNanosUnsafe: () => nanos(time.monotonic),
    monotonicTimeNanos: Effect.sync(() => nanos(time.monotonic)),
    sleep: () => Effect.die("a period does not sleep")
  }
  return { time, clock }
}

const settingsFor = (fault: Fault | undefined) => {
  const keys = (text: string) => ({ apiKey: Redacted.make(text), secretKey: Redacted.make(text) })
  switch (fault?.settings) {
    case "credentials":
      return settingsOf({ credentials: keys("other") })
    case "project":
      return settingsOf({ projectId: "p2" })
    case "endpoint":
      return settingsOf({ apiUrl: "http://127.0.0.1:2/client/api" })
    default:
      return settingsOf()
  }
}

const live = Effect.fnUntraced(function* (seed: number, length: number) {
  const dice = makeDice(seed)
  const kube = yield* KubeMemory
  const nodes = yield* Nodes
  const { time, clock } = makeClock()
  const cloud = makeNodeCloud()
  const settings = yield* Ref.make(settingsOf())
  const run = <A, E>(effect: Effect.Effect<A, E, Effect.Services<ReturnType<typeof reconcile | typeof refresh>>>) =>
    effect.pipe(
      Effect.provide([cloud.layer, Layer.succeed(Settings, { current: Ref.get(settings), changes: Stream.empty })]),
      Effect.provideService(Clock.Clock, clock)
    )

  const zones = dice.pick<readonly [string, ...Array<string>]>([["z1"], ["z1", "z2"], ["z1", "z2", "z3"]])
  const owners = dice.pick<readonly [string, ...Array<string>]>([["acme"], ["acme", "project:p1"]])
  const souls: Array<Soul> = []
  let born = 0

  const join = Effect.fnUntraced(function* () {
    const name = `node-${++born}`
    const vm = `vm-${born}`
    const kind = dice.chance(0.85) ? "proper" : dice.pick(["legacy", "nameless", "foreign", "invisible"] as const)
    const machine = vmOf(vm, { name, zone: dice.pick(zones), owner: dice.pick(owners) })
    if (kind !== "invisible" && kind !== "foreign") cloud.put(machine)
    const providerID = {
      proper: `cloudstack:///${vm}`,
      invisible: `cloudstack:///${vm}`,
      legacy: "external-cloudstack"
    }
    const id = kind === "nameless" ? undefined : kind === "foreign" ? `kind://docker/${name}` : providerID[kind]
    yield* registerNode(name, {
      ...(id === undefined ? {} : { providerID: id }),
      annotations: kind === "proper" && dice.chance(0.8) ? { "cloudstack-ccm/seen-vm": encodeSeenVm(machine) } : {}
    })
    souls.push({ name, vm, owner: machine.owner, kind, silent: 0, lag: 0, dead: false })
  })

  const guarded = (owner: string, zone: string) =>
    souls.some(({ name, vm }) => {
      const machine = cloud.vms.get(vm)
      return machine?.owner === owner && machine.zone === zone && readiness.get(name) === "True" && seen.has(name)
    })
  const readiness = new Map<string, string>()
  const seen = new Set<string>()
  const look = Effect.map(nodes.all, (all) => {
    readiness.clear()
    seen.clear()
    for (const node of all) {
      readiness.set(node.name, node.ready)
      const soul = souls.find(({ name }) => name === node.name)
      if (soul !== undefined && readSeenVm(node.annotations)?.vm === soul.vm) seen.add(node.name)
    }
    return all
  })

  const visible = () => [...cloud.vms.values()].filter(({ state }) => state !== "Destroyed")
  const alive = (soul: Soul) => !soul.dead

  /** What VMs and kubelets do in one period. */
  const happen = Effect.fnUntraced(function* (quiet: boolean) {
    for (const soul of [...souls]) {
      const machine = cloud.vms.get(soul.vm)
      if (!quiet && machine !== undefined) {
        if (machine.state === "Running" && dice.chance(0.0015)) {
          soul.dead = true
          soul.lag = dice.below(12)
          if (dice.chance(0.5)) cloud.expunge(soul.vm)
          else cloud.become(soul.vm, "Destroyed")
        } else if (machine.state === "Running" && dice.chance(0.002)) cloud.become(soul.vm, "Stopped")
        else if (machine.state === "Stopped" && dice.chance(0.05)) cloud.become(soul.vm, "Running")
        else if (machine.state === "Destroyed" && dice.chance(0.001)) {
          cloud.become(soul.vm, "Running")
          soul.dead = false
        }
      }
      if (!quiet && soul.silent === 0 && dice.chance(0.008)) soul.silent = 1 + dice.below(120)
      if (quiet) soul.silent = 0
      const running = !soul.dead && (machine === undefined || machine.state === "Running")
      if (soul.silent > 0) soul.silent--
      if (soul.dead && soul.lag > 0) soul.lag--
      const ready = (running && soul.silent === 0) || (soul.dead && soul.lag > 0) ? "True" : "Unknown"
      if (readiness.has(soul.name)) {
        if (readiness.get(soul.name) !== ready) yield* setReady(soul.name, ready)
      } else if (ready === "True" && !soul.dead && soul.kind === "proper") {
        // The kubelet of a VM that was recovered registers again.
        yield* registerNode(soul.name, { providerID: `cloudstack:///${soul.vm}` })
      }
    }
    if (!quiet && readiness.size < 14 && dice.chance(0.004)) yield* join()
  })

  const wrong: Array<string> = []
  const faults: Record<string, number> = {}
  let memory: Memory = yield* makeMemory
  let sinceRestart: Array<number> = []
  let deletions = 0
  let troubled = 0
  let periods = 0

  /** The reconcile, and what must hold of everything it deleted. */
  const step = Effect.fnUntraced(function* (fault: string) {
    yield* look
    const before = new Map(readiness)
    if (dice.chance(0.03)) yield* run(refresh(makeNodeMemory(), 1))
    yield* run(reconcile(memory, { period }))
    yield* look
    periods++
    const gone = [...before.keys()].filter((name) => !readiness.has(name))
    for (const name of gone) {
      deletions++
      sinceRestart.push(time.monotonic)
      const soul = souls.find((each) => each.name === name)
      const tell = (what: string) => wrong.push(`seed ${seed} period ${periods} (${fault}): ${what} ${name} deleted`)
      if (soul === undefined || alive(soul)) tell("living")
      else if (soul.kind !== "proper") tell(soul.kind)
      if (before.get(name) === "True") tell("Ready")
      if (before.size === 1) tell("only")
    }
    sinceRestart = sinceRestart.filter((at) => time.monotonic - at < 600_000)
    const limit = Math.max(1, Math.floor((readiness.size + sinceRestart.length) / 10))
    if (sinceRestart.length > limit)
      wrong.push(`seed ${seed} period ${periods}: ${sinceRestart.length} of ${limit} allowed`)
  })

  const first = dice.pick([1, 2, 3, 4, 6, 9, 12])
  for (let count = 0; count < first; count++) yield* join()
  yield* look

  let fault: Fault | undefined
  let rest = 0
  let past = visible()
  for (let at = 0; at < length; at++) {
    time.monotonic += period
    time.wall += period + (dice.chance(0.01) ? Math.round((dice.next() - 0.5) * 7_200_000) : 0)
    if (at % 60 === 0) past = visible()
    yield* happen(false)
    if (rest-- <= 0) {
      const scene = { past, machines: visible(), zones, guarded }
      fault = dice.chance(troubledShare) ? faultFrom(dice, scene, fault) : undefined
      const brief = fault?.name === "blink"
      rest = brief ? 0 : dice.below(40)
      const disturbance = fault?.disturbance ?? calm
      const other = dice.chance(0.5) ? dice.pick(steadyMakers)(dice, scene).disturbance : calm
      // More calls in a row than one look makes, so that no look sees more than one change.
      cloud.disturb(!brief && dice.chance(0.3) ? alternating(disturbance, other, 8 + dice.below(8)) : disturbance)
      yield* Ref.set(settings, settingsFor(fault))
    }
    if (dice.chance(0.01)) {
      memory = yield* makeMemory
      sinceRestart = []
    }
    const clumsy = dice.chance(0.05)
    yield* kube.onWrite(() => {
      if (!clumsy || dice.chance(0.5)) return undefined
      const status = dice.pick([409, 500, 0])
      return { status, text: "chaos", applied: status !== 409 && dice.chance(0.5) }
    })
    if (fault !== undefined) {
      faults[fault.name] = (faults[fault.name] ?? 0) + 1
      const truth = visible()
      const shown = yield* Effect.result(fault.disturbance.list(truth))
      const hides = shown._tag === "Failure" || truth.some(({ id }) => !shown.success.some((other) => other.id === id))
      if (hides || fault.settings !== "unchanged") troubled++
    }
    yield* step(fault?.name ?? "calm")
  }

  // A calm end: whatever is gone and can be proved to be gone has to go in bounded time.
  cloud.disturb(calm)
  yield* kube.onWrite(() => undefined)
  yield* Ref.set(settings, settingsOf())
  yield* look
  const owed = souls.filter((soul) => {
    if (alive(soul) || soul.kind !== "proper" || !seen.has(soul.name)) return false
    return souls.some((other) => alive(other) && seen.has(other.name) && other.owner === soul.owner)
  })
  const batches = Math.ceil(owed.length / Math.max(1, Math.floor(readiness.size / 10)))
  const bound = owed.length === 0 ? 0 : (batches + 1) * 121 + 40
  const waiting = () => owed.filter(({ name }) => readiness.has(name))
  const started = periods
  while (waiting().length > 0 && periods - started < bound) {
    time.monotonic += period
    time.wall += period
    yield* happen(true)
    yield* step("calm end")
  }
  for (const { name } of waiting()) wrong.push(`seed ${seed}: ${name} is gone and stays after ${bound} calm periods`)
  const slowest = batches === 0 ? 0 : (periods - started) / batches
  return { seed, periods, troubled, deletions, slowest, faults, wrong } satisfies Outcome
})

/** Lives through one world of `length` periods and a calm end. */
export const liveThrough = (seed: number, length: number): Effect.Effect<Outcome> =>
  live(seed, length).pipe(
    Effect.provide(kubernetesMemory),
    Effect.provideService(References.MinimumLogLevel, "None"),
    Effect.scoped,
    Effect.orDie
  )
