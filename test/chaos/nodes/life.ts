/** The life of one world: a time of faults, a calm end in which what is owed is settled, and two last deeds by the clock. */
import { Effect, Layer, References } from "effect"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { nodesMemory } from "../../../src/kubernetes/memory/layers.ts"
import { setReady } from "../../support/nodeCloud.ts"
import { type Fault, faultFrom, zoneFault } from "./faults.ts"
import type { Soul } from "./population.ts"
import { calm } from "./server.ts"
import { makeWorld, period, type Sabotage, type World } from "./world.ts"

/** Share of the time before the calm end in which a fault is active. */
const troubledShare = 0.9
/** Periods of ten minutes, and one. */
const quotaPeriods = 121

export interface Outcome {
  readonly seed: number
  readonly periods: number
  /** Periods in which a living VM was wrongly invisible or the API was in trouble. */
  readonly troubled: number
  /** Of these, such with a Node that was not Ready although its VM lived: only the proof kept it. */
  readonly perilous: number
  readonly deletions: number
  /** 1 if a deletion and a shutdown taint were measured by the clock at the end. */
  readonly timed: number
  /** Most periods that a Node whose VM was gone waited in the calm end, per Node allowed in ten minutes. */
  readonly slowest: number
  readonly faults: Readonly<Record<string, number>>
  readonly wrong: ReadonlyArray<string>
}

/** Whether a list goes wrong at the moment, and which living VMs it lacks. */
const lacking = ({ state: { disturbance }, visible }: World) => {
  const truth = visible()
  const { fails, ignoresId, mangles, shows } = disturbance
  const shown = new Set(shows({ page: 1 }, truth).map(({ id }) => id))
  return {
    fails: fails?.({ page: 1 }) !== undefined || mangles !== undefined || ignoresId === true,
    hidden: new Set<string>(truth.map(({ id }) => id).filter((id) => !shown.has(id)))
  }
}

const inTrouble = Effect.fnUntraced(function* (world: World, length: number) {
  const { cloud, dice, judge, known, kube, population, readiness, state, time, visible } = world
  const { souls } = population
  const faults: Record<string, number> = {}
  const counted = { troubled: 0, perilous: 0, faults }
  let fault: Fault | undefined
  let phases: ReadonlyArray<Fault["phases"][number]> = []
  let past = visible()

  const guarded = (owner: string, zone: string) =>
    souls.some(({ name, vm }) => {
      const machine = cloud.vms.get(vm)
      return machine?.owner === owner && machine.zone === zone && readiness.get(name) === "True" && known.has(name)
    })
  /** Something else goes wrong from now on, if it is time. */
  const trouble = Effect.fnUntraced(function* () {
    if (time.real() < state.until) return phases[0]?.access ?? "unchanged"
    phases = phases.slice(1)
    if (phases.length === 0) {
      const scene = { past, machines: visible(), zones: world.zones, guarded }
      fault = dice.chance(troubledShare) ? faultFrom(dice, scene, fault) : undefined
      phases = fault?.phases ?? []
    }
    const [phase] = phases
    state.until = time.real() + (phase?.lasts ?? period * dice.below(40))
    state.disturbance = phase?.disturbance ?? calm
    const access = phase?.access ?? "unchanged"
    yield* world.configure(access)
    return access
  })

  for (let at = 1; at <= length; at++) {
    time.pass(period)
    if (dice.chance(0.01)) world.setClock()
    if (dice.chance(0.002)) time.suspend(dice.below(1_200_000))
    if (at % 60 === 0) past = visible()
    yield* population.happen()
    const access = yield* trouble()
    if (dice.chance(0.01)) yield* world.restart
    const lags = dice.chance(state.stale === undefined ? 0.01 : 0.5) && fault?.names.includes(zoneFault) !== true
    state.stale = lags ? (state.stale ?? (yield* world.nodes)) : undefined
    if (lags) judge.lagged()
    state.doom = dice.chance(0.005) ? dice.below(12) : Number.POSITIVE_INFINITY
    const clumsy = dice.chance(0.05)
    yield* kube.onWrite(({ key }) => {
      judge.wrote(key)
      if (!clumsy || dice.chance(0.5)) return undefined
      const status = dice.pick([409, 500, 0])
      return { status, text: "chaos", applied: status !== 409 && dice.chance(0.5) }
    })
    for (const name of fault?.names ?? []) faults[name] = (faults[name] ?? 0) + 1
    const { fails, hidden } = lacking(world)
    if (fails || hidden.size > 0 || access !== "unchanged") {
      counted.troubled++
      const inPeril = ({ deadSince, kind, name, vm }: Soul) =>
        kind === "proper" &&
        deadSince === undefined &&
        (readiness.get(name) ?? "True") !== "True" &&
        (fails || hidden.has(vm))
      if (souls.some(inPeril)) counted.perilous++
    }
    judge.at(`period ${at} (${fault?.names.join(" and ") ?? "calm"})`)
    yield* world.work
  }
  return counted
})

/** Calm periods until it is so; the limit if it never is. */
const until = Effect.fnUntraced(function* (world: World, limit: number, done: () => boolean) {
  for (let count = 0; count < limit; count++) {
    if (done()) return count
    world.time.pass(period)
    yield* world.population.settle()
    yield* world.work
  }
  return limit
})

const isGone = ({ readiness }: World, { deadSince, kind, name }: Soul) =>
  deadSince !== undefined && kind === "proper" && readiness.has(name)

/** Whatever is gone and can be proved to be gone has to go in bounded time. Periods waited, per batch. */
const settlement = Effect.fnUntraced(function* (world: World) {
  const { judge, known, population, readiness } = world
  const { souls } = population
  const gone = souls.filter((soul) => isGone(world, soul))
  const bearsWitness = ({ deadSince, name }: Soul) => deadSince === undefined && known.has(name)
  const owed = gone.filter(
    ({ name, owner }) => known.has(name) && souls.some((other) => other.owner === owner && bearsWitness(other))
  )
  // Some that can not be proved now may be later, and then take their turns.
  const batches = Math.ceil(gone.length / Math.max(1, Math.floor((readiness.size - gone.length) / 10)))
  const waiting = () => owed.filter(({ name }) => readiness.has(name))
  // The last deletion in trouble may have used the limit up; a list may be a minute old.
  const limit = batches * quotaPeriods + 20
  judge.at("calm end")
  const waited = yield* until(world, limit, () => waiting().length === 0)
  for (const { name } of waiting()) judge.tell(`${name} is gone and stays after ${limit} calm periods`)
  return owed.length === 0 ? 0 : waited / batches
})

/** By the clock: an expunged VM's Node goes with the second look, a stopped VM's is tainted until it is back. */
const lastDeeds = Effect.fnUntraced(function* (world: World) {
  const { cloud, judge, known, population, readiness } = world
  // What was deleted in trouble may count for longer than it is ago: the machine's sleep is not counted.
  yield* until(world, quotaPeriods, () => false)
  const { souls } = population
  yield* until(world, 20 * quotaPeriods, () => judge.quiet() && !souls.some((soul) => isGone(world, soul)))
  if (souls.some((soul) => isGone(world, soul))) return false
  const fit = souls.filter(
    ({ deadSince, kind, name, vm }) =>
      kind === "proper" &&
      deadSince === undefined &&
      known.has(name) &&
      readiness.get(name) === "True" &&
      cloud.vms.get(vm)?.state === "Running"
  )
  const victim = fit.find(({ owner, name }) => fit.some((other) => other.owner === owner && other.name !== name))
  if (victim === undefined) return false
  const { name, vm } = victim
  judge.at("last deeds")
  const look = Effect.map(world.nodes, (nodes) => judge.inspect(nodes, (id) => cloud.vms.get(id)?.state))
  cloud.become(vm, "Stopped")
  yield* setReady(name, "Unknown")
  yield* until(world, 1, () => false)
  yield* look
  if (!readiness.has(name)) judge.tell(`${name} was only stopped`)
  cloud.become(vm, "Running")
  yield* setReady(name, "True")
  yield* until(world, 1, () => false)
  yield* look
  population.die(victim, 0)
  yield* setReady(name, "Unknown")
  const waited = yield* until(world, 9, () => !readiness.has(name))
  if (waited > 3) judge.tell(`${name} went after ${waited} periods instead of 3`)
  return true
})

const live = Effect.fnUntraced(function* (seed: number, length: number, sabotage: Sabotage) {
  const world = yield* makeWorld(seed, sabotage)
  const size = world.dice.pick([1, 2, 2, 3, 4, 6, 9, 12, 24, 40])
  for (let count = 0; count < size; count++) yield* world.population.join()
  const counted = yield* inTrouble(world, length)
  yield* world.relent
  const slowest = yield* settlement(world)
  const timed = (yield* lastDeeds(world)) ? 1 : 0
  const { judge } = world
  return {
    seed,
    periods: length,
    ...counted,
    deletions: judge.deletions(),
    timed,
    slowest,
    wrong: judge.wrong
  } satisfies Outcome
})

/** Lives through one world of `length` periods of trouble and a calm end. */
export const liveThrough = (seed: number, length: number, sabotage: Sabotage = {}): Effect.Effect<Outcome> =>
  live(seed, length, sabotage).pipe(
    Effect.provide(Layer.provideMerge(nodesMemory, KubeMemory.layer)),
    Effect.provideService(References.MinimumLogLevel, "None"),
    Effect.scoped,
    Effect.orDie
  )
