/**
 * Virtual time for worlds in which processes die: everything runs synchronously in one order, time jumps to the next
 * timer when nobody is busy, and a process that is killed never runs again, finalizers included.
 */
import { Clock, Context, Duration, Effect, References, type Scheduler } from "effect"

/** What runs together and dies together: a controller process, or the server side. */
export interface Domain {
  readonly context: Context.Context<never>
  readonly scheduler: Scheduler.Scheduler
  readonly alive: () => boolean
  readonly kill: () => void
}

interface Timer {
  readonly at: number
  readonly order: number
  readonly domain: Domain
  readonly fire: () => void
  cancelled: boolean
}

const isBefore = (a: Timer, b: Timer) => a.at < b.at || (a.at === b.at && a.order < b.order)

const makeHeap = () => {
  const items: Array<Timer> = []
  const push = (timer: Timer) => {
    let at = items.push(timer) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = items[parent]
      if (above === undefined || isBefore(above, timer)) break
      items[at] = above
      at = parent
    }
    items[at] = timer
  }
  const pop = (): Timer | undefined => {
    const top = items[0]
    const last = items.pop()
    if (top === undefined || last === undefined || top === last) return top
    let at = 0
    for (;;) {
      const [left, right] = [items[2 * at + 1], items[2 * at + 2]]
      if (left === undefined) break
      const [child, where] =
        right !== undefined && isBefore(right, left) ? ([right, 2 * at + 2] as const) : ([left, 2 * at + 1] as const)
      if (!isBefore(child, last)) break
      items[at] = child
      at = where
    }
    items[at] = last
    return top
  }
  return { push, pop, peek: () => items[0] }
}

/** A run that does not come to rest even without time passing has gone wrong. */
const mostTasksAtOnce = 1_000_000

export const makeTime = (start: number) => {
  let now = start
  let order = 0
  const timers = makeHeap()
  let tasks: Array<{ readonly domain: Domain; readonly task: () => void }> = []

  const nanos = (millis: number) => BigInt(Math.round(millis)) * 1_000_000n

  const makeDomain = (): Domain => {
    let alive = true
    const kill = () => {
      alive = false
    }
    const sleep = (duration: Duration.Duration) =>
      Effect.callback<void>((resume) => {
        const millis = Duration.toMillis(duration)
        if (millis === Number.POSITIVE_INFINITY) return
        const timer: Timer = {
          at: now + Math.max(0, millis),
          order: order++,
          domain,
          fire: () => resume(Effect.void),
          cancelled: false
        }
        timers.push(timer)
        return Effect.sync(() => {
          timer.cancelled = true
        })
      })
    const clock: Clock.Clock = {
      currentTimeMillisUnsafe: () => now,
      currentTimeMillis: Effect.sync(() => now),
      currentTimeNanosUnsafe: () => nanos(now),
      currentTimeNanos: Effect.sync(() => nanos(now)),
      monotonicTimeNanosUnsafe: () => nanos(now - start),
      monotonicTimeNanos: Effect.sync(() => nanos(now - start)),
      sleep
    }
    const dispatcher: Scheduler.SchedulerDispatcher = {
      scheduleTask: (task) => void tasks.push({ domain, task }),
      flush: () => drain()
    }
    const scheduler: Scheduler.Scheduler = {
      executionMode: "async",
      shouldYield: (fiber) => fiber.currentOpCount >= 2_048,
      makeDispatcher: () => dispatcher
    }
    // Nobody reads logs and spans of a hundred thousand runs.
    const context = Context.make(Clock.Clock, clock).pipe(
      Context.add(References.MinimumLogLevel, "None"),
      Context.add(References.TracerEnabled, false)
    )
    const domain: Domain = { context, scheduler, alive: () => alive, kill }
    return domain
  }

  const drain = () => {
    for (let done = 0; tasks.length > 0; ) {
      const due = tasks
      tasks = []
      for (const { domain, task } of due) {
        if (domain.alive()) task()
        if (++done > mostTasksAtOnce) throw new Error("busy without end")
      }
    }
  }

  /** Starts something in a domain. */
  const fork = <A, E>(domain: Domain, effect: Effect.Effect<A, E>) =>
    Effect.runFork(Effect.provideContext(effect, domain.context), { scheduler: domain.scheduler })

  /** The result of something that needs no time. */
  const sync = <A, E>(domain: Domain, effect: Effect.Effect<A, E>): A => {
    const fiber = fork(domain, effect)
    drain()
    const exit = fiber.pollUnsafe()
    if (exit === undefined) throw new Error("it takes time")
    if (exit._tag === "Failure") throw new Error("it failed", { cause: exit.cause })
    return exit.value
  }

  /** Lets time pass until the moment, or until somebody says so (asked whenever nobody is busy). */
  const pass = (until: number, enough: () => boolean) => {
    for (;;) {
      drain()
      if (enough()) return
      const next = timers.peek()
      if (next === undefined || next.at > until) {
        now = Math.max(now, until)
        return
      }
      timers.pop()
      if (next.cancelled || !next.domain.alive()) continue
      now = Math.max(now, next.at)
      next.fire()
    }
  }

  return { now: () => now, domain: makeDomain, drain, fork, sync, pass }
}

export type Time = ReturnType<typeof makeTime>
