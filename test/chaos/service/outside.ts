/**
 * Everything a controller says to the outside passes here, one counted call after another, and here it goes wrong. The
 * server's side of a call runs apart from the caller's: a caller that dies or gives up stops nothing that was sent.
 */
import { Effect } from "effect"
import type { Parameters } from "../../../src/cloudstack/Api.ts"
import { type Call, type Fault, type FaultName, faultsFor } from "./faults.ts"
import type { Domain, Time } from "./time.ts"

/** One life of a controller. */
export interface Process {
  readonly domain: Domain
  /** Nothing that it sends goes out any more. */
  doomed: boolean
  /** Whether it was asked to end. */
  stop: "no" | "asked" | "stopping"
  interrupt?: () => void
  /** The calls that it waits for. */
  readonly waiting: Set<object>
}

export interface OutsideOptions {
  readonly time: Time
  readonly server: Domain
  readonly faults: ReadonlyArray<Fault>
  readonly userDeletes: () => void
  readonly onCall?: (line: string) => void
}

export const makeOutside = (options: OutsideOptions) => {
  const { server, time } = options
  const calls: Array<Call> = []
  const due: Array<Fault> = [...options.faults].sort((a, b) => a.at - b.at)
  const begun = time.now()
  let inFlight = 0
  let lastAt = begun

  /** On the server's side, whatever becomes of the caller. */
  const apart = <A, E>(process: Process, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.callback<A, E>((resume) => {
      inFlight++
      const fiber = time.fork(server, effect)
      fiber.addObserver((exit) => {
        inFlight--
        lastAt = time.now()
        if (process.domain.alive()) resume(exit)
      })
    })

  /** Counts the call; what is to go wrong with it. */
  const note = (process: Process, call: Call, parameters: Parameters = {}): FaultName | "gone" | undefined => {
    if (process.doomed) return "gone"
    lastAt = time.now()
    calls.push(call)
    // What comes too late for the call it was meant for hits the next that it can hit.
    const at = due.findIndex((fault) => fault.at <= calls.length && faultsFor(call).includes(fault.name))
    const [fault] = at < 0 ? [] : due.splice(at, 1)
    options.onCall?.(
      `${lastAt - begun} ms, call ${calls.length}: ${call.what} ${JSON.stringify(parameters)}${fault === undefined ? "" : ` !! ${fault.name}`}`
    )
    return fault?.name
  }

  /** The process is killed as soon as it has done what it can without time and without the outside. */
  const doom = (process: Process) => {
    process.doomed = true
  }
  const kill = (process: Process) => {
    process.doomed = true
    process.domain.kill()
  }

  /** Counted as long as somebody waits for it. */
  const awaited = <A, E>(process: Process, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      const call = {}
      process.waiting.add(call)
      return Effect.ensuring(
        effect,
        Effect.sync(() => {
          process.waiting.delete(call)
          lastAt = time.now()
        })
      )
    })

  /** What can happen with a call to either side; none if it is something else. */
  const common = <A, E>(
    process: Process,
    name: FaultName | undefined,
    plainly: Effect.Effect<A, E>
  ): Effect.Effect<A, E> | undefined => {
    switch (name) {
      case "die before":
        kill(process)
        return Effect.never
      case "die after effect":
        return Effect.andThen(
          Effect.exit(plainly),
          Effect.suspend(() => {
            kill(process)
            return Effect.never
          })
        )
      case "die after answer":
        return Effect.onExit(plainly, () => Effect.sync(() => doom(process)))
      case "terminate":
        process.stop = "asked"
        return plainly
      case "user deletes":
        options.userDeletes()
        return plainly
      default:
        return undefined
    }
  }

  return {
    time,
    server,
    apart,
    note,
    awaited,
    common,
    kill,
    calls,
    inFlight: () => inFlight,
    lastAt: () => lastAt,
    /** From now on nothing goes wrong any more. */
    relent: () => due.splice(0)
  }
}

export type Outside = ReturnType<typeof makeOutside>
