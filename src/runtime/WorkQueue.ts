/**
 * The keyed work queue of a controller, with client-go's contract and priorities.
 *
 * A key waits at most once, never runs twice at a time, and runs again if it was added while it ran. A key has one
 * deadline at most: an `add` is a deadline now, the earliest wins, and a run that starts consumes it. So an `add`
 * does not wait for a pending retry, and the retry is not made in addition; the most urgent priority wins.
 */
import { Cause, Clock, Duration, Effect, Exit, Fiber, FiberMap, Latch, Option, type Scope } from "effect"
import { monotonicOf } from "../wire/monotonic.ts"
import { makeLanes, type Waiting } from "./Lanes.ts"
import { makeQueueMetrics } from "./queueMetrics.ts"
import { StopWithin } from "./Supervise.ts"

/** What a handler says about a key when it is done with it. */
export interface Verdict {
  /** Look again after this long, with the least urgent priority. */
  readonly recheckAfter?: Duration.Duration
}

/** How a run that failed goes on; for the handler's own log line and Event. */
export interface Failure<K, P, E> {
  readonly key: K
  readonly priority: P
  readonly cause: Cause.Cause<E>
  readonly retryIn: Duration.Duration
  /** False if the error itself named the delay. */
  readonly counted: boolean
}

export interface Options<K, P extends string, E, R> {
  /** Label `name` of the metrics. */
  readonly name: string
  readonly workers: number
  /** Most urgent first. */
  readonly priorities: readonly [P, ...Array<P>]
  /** A key of the n-th priority is overtaken only by keys that came less than n times this later. Default 30 s. */
  readonly ageing?: Duration.Duration
  readonly handle: (key: K, priority: P) => Effect.Effect<Verdict, E, R>
  /** An exact delay that an error asks for; the failure is then not counted. */
  readonly retryAfter?: (error: E) => Option.Option<Duration.Duration>
  readonly onFailure?: (failure: Failure<K, P, E>) => Effect.Effect<void, never, R>
  /** Delay after the n-th failure in a row: first × 2ⁿ⁻¹, at most `cap`. Default 5 s and 300 s. */
  readonly backoff?: { readonly first: Duration.Duration; readonly cap: Duration.Duration }
}

export interface WorkQueue<K, P, R = never> {
  readonly add: (key: K, priority: P) => Effect.Effect<void>
  readonly addAfter: (key: K, delay: Duration.Duration, priority: P) => Effect.Effect<void>
  /** Keys that wait or run; pending delays do not count. */
  readonly size: Effect.Effect<number>
  /**
   * The workers. Dies with the first defect of a handler; run it under supervision, once.
   * Interrupted, it starts no further key and lets those that run end, if the supervisor gives time for it.
   */
  readonly run: Effect.Effect<never, never, R>
  /** Resolves when no key waits or runs. */
  readonly awaitIdle: Effect.Effect<void>
}

const defaultBackoff = { first: Duration.seconds(5), cap: Duration.seconds(300) }

const nowMillis = Clock.clockWith((clock) => Effect.succeed(monotonicOf(clock)))

export const make = Effect.fnUntraced(function* <K, P extends string, E, R>(
  options: Options<K, P, E, R>
): Effect.fn.Return<WorkQueue<K, P, R>, never, Scope.Scope> {
  const backoff = options.backoff ?? defaultBackoff
  const least = options.priorities[options.priorities.length - 1] ?? options.priorities[0]
  const waiting = makeLanes<K, P>(options.priorities, Duration.toMillis(options.ageing ?? Duration.seconds(30)))
  /** Keys that run, and since when. */
  const active = new Map<K, number>()
  const again = new Map<K, { readonly priority: P; readonly since: number }>()
  const failures = new Map<K, number>()
  const deadlines = new Map<K, { readonly at: number; readonly priority: P }>()
  const timers = yield* FiberMap.make<K>()
  const filled = yield* Latch.make(false)
  const idle = yield* Latch.make(true)
  const quiet = yield* Latch.make(true)
  let draining = false
  const metrics = yield* makeQueueMetrics({
    name: options.name,
    priorities: options.priorities,
    depth: waiting.depth,
    running: () => active.values()
  })

  const moreUrgent = (a: P, b: P) => (options.priorities.indexOf(a) <= options.priorities.indexOf(b) ? a : b)

  const push = (key: K, priority: P, now: number, since?: number) => {
    waiting.push(key, priority, now, since)
    idle.closeUnsafe()
    filled.openUnsafe() // last: it may run a worker before it returns
  }

  const add = Effect.fnUntraced(function* (key: K, priority: P) {
    const now = yield* nowMillis
    yield* metrics.added
    // What is left to do stays as urgent as it was, whatever calls for it earlier.
    const urgent = moreUrgent(priority, deadlines.get(key)?.priority ?? priority)
    if (!active.has(key)) return push(key, urgent, now)
    const known = again.get(key)
    again.set(key, { priority: moreUrgent(urgent, known?.priority ?? urgent), since: known?.since ?? now })
  })

  const addAfter = Effect.fnUntraced(function* (key: K, delay: Duration.Duration, priority: P) {
    if (Duration.toMillis(delay) <= 0) return yield* add(key, priority)
    const now = yield* nowMillis
    const at = now + Duration.toMillis(delay)
    if (waiting.has(key)) return waiting.push(key, priority, now)
    const next = again.get(key)
    if (next !== undefined) return void again.set(key, { ...next, priority: moreUrgent(priority, next.priority) })
    const known = deadlines.get(key)
    const urgent = moreUrgent(priority, known?.priority ?? priority)
    if (known !== undefined && known.at <= at) return void deadlines.set(key, { at: known.at, priority: urgent })
    deadlines.set(key, { at, priority: urgent })
    yield* FiberMap.run(timers, key, Effect.andThen(Effect.sleep(delay), add(key, urgent)))
  })

  const settle = Effect.fnUntraced(function* (key: K, priority: P, exit: Exit.Exit<Verdict, E>) {
    if (Exit.isSuccess(exit)) {
      failures.delete(key)
      if (exit.value.recheckAfter !== undefined) yield* addAfter(key, exit.value.recheckAfter, least)
      return
    }
    if (Cause.hasDies(exit.cause))
      return yield* Effect.failCause(Cause.fromReasons<never>(exit.cause.reasons.filter(Cause.isDieReason)))
    const asked = Option.flatMap(
      Cause.findErrorOption(exit.cause),
      (error) => options.retryAfter?.(error) ?? Option.none()
    )
    const count = Option.isSome(asked) ? 0 : (failures.get(key) ?? 0) + 1
    if (count > 0) failures.set(key, count)
    const retryIn = Option.getOrElse(asked, () =>
      Duration.min(Duration.times(backoff.first, 2 ** (count - 1)), backoff.cap)
    )
    yield* metrics.retried
    yield* addAfter(key, retryIn, priority)
    yield* options.onFailure?.({ key, priority, cause: exit.cause, retryIn, counted: count > 0 }) ?? Effect.void
  })

  /** In one synchronous step with the check of `again`, so that no addition can fall between. */
  const release = (key: K, now: number) => {
    active.delete(key)
    const next = again.get(key)
    again.delete(key)
    if (next !== undefined) push(key, next.priority, now, next.since)
    if (active.size > 0) return
    quiet.openUnsafe()
    if (waiting.size() === 0) idle.openUnsafe()
  }

  const serve = Effect.fnUntraced(
    function* (next: Waiting<K, P>, now: number) {
      yield* FiberMap.remove(timers, next.key)
      yield* metrics.taken(now - next.since)
      const exit = yield* Effect.exit(options.handle(next.key, next.priority))
      yield* settle(next.key, next.priority, exit)
    },
    (effect, next, started) =>
      Effect.onExit(effect, () =>
        Effect.flatMap(nowMillis, (now) => {
          release(next.key, now)
          return metrics.finished(now - started)
        })
      )
  )

  const work = Effect.andThen(filled.await, nowMillis).pipe(
    Effect.flatMap((now) => {
      const next = draining ? undefined : waiting.shift()
      if (next === undefined) {
        filled.closeUnsafe()
        return Effect.void
      }
      active.set(next.key, now)
      quiet.closeUnsafe()
      deadlines.delete(next.key)
      return serve(next, now)
    })
  )

  const drain = (within: Duration.Duration) =>
    Effect.suspend(() => {
      draining = true
      return Duration.isZero(within) ? Effect.void : Effect.timeoutOption(quiet.await, within)
    })

  const run = Effect.gen(function* () {
    const stopWithin = yield* StopWithin
    const workers = Array.from({ length: options.workers }, () => Effect.forever(work))
    const fiber = yield* Effect.forkScoped(Effect.all(workers, { concurrency: "unbounded", discard: true }), {
      startImmediately: true
    })
    yield* Effect.onInterrupt(Fiber.join(fiber), () => drain(stopWithin))
    return yield* Effect.never
  }).pipe(Effect.scoped)

  return {
    add,
    addAfter,
    size: Effect.sync(() => waiting.size() + active.size),
    run,
    awaitIdle: idle.await
  }
})
