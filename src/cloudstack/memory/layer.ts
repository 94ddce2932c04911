/** The in-memory CloudStack at work: the one Ref of state, and everything about it that takes time. */
import { Clock, Duration, Effect, Layer, Random, Ref, Result } from "effect"
import type { Parameters } from "../Api.ts"
import { type Admitted, admit, authenticate, parameterOf, type Refusal, throttled } from "./auth.ts"
import { boot } from "./boot.ts"
import { dispatch, refused } from "./dispatch.ts"
import type { ApiError } from "./errors.ts"
import { type Arsenal, arm, type Fault, type FaultKind, longestStaleness, pick, strike } from "./faults.ts"
import { makeHistory } from "./history.ts"
import { makeJobRunner, type Store } from "./jobRunner.ts"
import { lockOf, makeLocks } from "./locks.ts"
import { makeLog } from "./requestLog.ts"
import { Simulator, type WireAnswer } from "./Simulator.ts"
import { snapshot } from "./snapshot.ts"
import type { State } from "./state.ts"
import { decodeWorld } from "./World.ts"

export interface SimulatorOptions {
  /** How long a router takes for one push; nothing by default. */
  readonly pushTime?: Duration.Input
  /** Whether the server's locks around create phases are there, with their steps of 5 seconds. */
  readonly locks?: boolean
  /** How long a call takes that holds such a lock: 100 ms with locks, nothing without. */
  readonly createTime?: Duration.Input
  /** What goes wrong from the beginning; more can be injected later. */
  readonly faults?: ReadonlyArray<Fault>
  /** Decides the UUIDs. Without it every load has new ones. */
  readonly seed?: number
}

type Gate = (state: State, now: number) => readonly [State, Result.Result<Admitted, Refusal>]

const proxyPage = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"

/** Answers that a fault gives in the place of the server. */
const impostor = (hits: ReadonlyArray<FaultKind>, command: string, root: boolean): WireAnswer | undefined => {
  const answer = (error: Result.Result<never, ApiError>) =>
    Result.isFailure(error) ? refused(command, error.failure, root) : undefined
  const error = pick(hits, "error")
  if (error !== undefined) {
    const { code, cserrorcode, text } = error
    return answer(Result.fail({ code, cause: cserrorcode ?? 9999, text, masked: false }))
  }
  const throttle = pick(hits, "throttle")
  if (throttle !== undefined) return answer(throttled(throttle.millis))
  if (pick(hits, "html500") !== undefined) {
    return { status: 500, headers: { "Content-Type": "text/html" }, page: proxyPage }
  }
  return pick(hits, "emptyBody") === undefined ? undefined : { status: 200, headers: { "Content-Type": "text/xml" } }
}

const make = Effect.fnUntraced(function* (source: unknown, options: SimulatorOptions) {
  const world = yield* decodeWorld(source)
  const seed = options.seed ?? (yield* Random.nextInt)
  const state = yield* Ref.make(boot(world, seed, yield* Clock.currentTimeMillis))
  const arsenal = yield* Ref.make<Arsenal>(arm(options.faults ?? []))
  const history = makeHistory()
  history.reach(longestStaleness(options.faults ?? []))
  const log = makeLog()
  const locks = yield* makeLocks
  const createTime = Duration.fromInputUnsafe(options.createTime ?? (options.locks === true ? 100 : 0))

  const store: Store = {
    get: Ref.get(state),
    change: Effect.fnUntraced(function* (f) {
      const now = yield* Clock.currentTimeMillis
      return yield* Ref.modify(state, (before) => {
        const [result, after] = f(before, now)
        history.note(before, now)
        return [result, after]
      })
    })
  }
  const runJob = yield* makeJobRunner(store, Duration.fromInputUnsafe(options.pushTime ?? 0))

  /** The command itself, with the lock it needs. */
  const perform = Effect.fnUntraced(function* (
    { caller, command }: Admitted,
    parameters: Parameters,
    hits: ReadonlyArray<FaultKind>
  ) {
    const plan = lockOf(yield* store.get, caller, command, parameters)
    const lock = options.locks === true ? plan : undefined
    if (lock !== undefined) yield* locks.acquire(lock.key)
    if (plan !== undefined && Duration.isPositive(createTime)) yield* Effect.sleep(createTime)
    const { answer, job } = yield* store.change((before, now) => {
      const done = dispatch(before, caller, command, parameters, now)
      return [done, done.state]
    })
    const release = lock === undefined ? Effect.void : locks.release(lock.key)
    const throughJob = lock?.throughJob === true && job !== undefined
    if (!throughJob) yield* release
    if (job !== undefined) yield* runJob(job, hits, throughJob ? release : Effect.void)
    return answer
  })

  const stale = Effect.fnUntraced(function* ({ caller, command }: Admitted, parameters: Parameters, millis: number) {
    const now = yield* Clock.currentTimeMillis
    return dispatch(history.at(now - millis, yield* store.get), caller, command, parameters, now).answer
  })

  const serve = Effect.fnUntraced(function* (parameters: Parameters, account: string | undefined, gate: Gate) {
    const command = parameterOf(parameters, "command") ?? ""
    const at = yield* Clock.currentTimeMillis
    const hits = yield* Ref.modify(arsenal, (armed) => strike(armed, command, account))
    const answer = yield* answerTo(parameters, command, hits, gate)
    log.add(at, account ?? "", command, parameters, answer)
    return answer
  })

  const answerTo = Effect.fnUntraced(function* (
    parameters: Parameters,
    command: string,
    hits: ReadonlyArray<FaultKind>,
    gate: Gate
  ) {
    const unsent: WireAnswer = { status: 0, headers: {}, dropped: true, unsent: true }
    if (pick(hits, "refuseConnection") !== undefined) return unsent
    const delay = pick(hits, "delay")
    if (delay !== undefined) yield* Effect.sleep(delay.millis)
    const admitted = yield* store.change((before, now) => {
      const [after, result] = gate(before, now)
      return [result, after]
    })
    if (Result.isFailure(admitted)) {
      const { account, command, error } = admitted.failure
      return refused(command, error, account?.role === "Admin")
    }
    const instead = impostor(hits, command, admitted.success.caller.role === "Admin")
    if (instead !== undefined) return instead
    const staleList = pick(hits, "staleList")
    if (staleList !== undefined) return yield* stale(admitted.success, parameters, staleList.millis)
    const answer = yield* perform(admitted.success, parameters, hits)
    const lost: WireAnswer = { status: answer.status, headers: {}, dropped: true }
    return pick(hits, "loseAnswer") === undefined ? answer : lost
  })

  return Simulator.of({
    handle: Effect.fnUntraced(function* ({ parameters }) {
      const key = parameterOf(parameters, "apikey")
      const { accounts } = yield* store.get
      const account = [...accounts.values()].find(({ apiKey }) => apiKey === key)
      return yield* serve(parameters, account?.ref, (before, now) => authenticate(before, parameters, now))
    }),
    callAs: Effect.fnUntraced(function* (ref, command, sent) {
      const { accounts } = yield* store.get
      const account = [...accounts.values()].find((candidate) => candidate.ref === ref)
      const parameters = { ...sent, command }
      if (account === undefined) return yield* Effect.die(new Error(`the world has no account "${ref}"`))
      return yield* serve(parameters, ref, (before, now) => admit(before, account, command, parameters, now))
    }),
    world: Effect.map(store.get, snapshot),
    log: Effect.sync(log.all),
    inject: (faults) =>
      Ref.update(arsenal, (armed) => {
        history.reach(longestStaleness(faults))
        return [...armed, ...arm(faults)]
      })
  })
})

/** A CloudStack that starts from a world: the content of a world file, as text or as JSON value. */
export const layer = (world: unknown, options: SimulatorOptions = {}) => Layer.effect(Simulator, make(world, options))
