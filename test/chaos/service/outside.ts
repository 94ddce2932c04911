/**
 * Everything a controller says to the outside passes here, one counted call after another, and here it goes wrong. The
 * server's side of a call runs apart from the caller's: a caller that dies or gives up stops nothing that was sent.
 */
import { Duration, Effect } from "effect"
import {
  type Answer,
  type CloudStackApi,
  CloudStackError,
  DeadlineExceeded,
  Malformed,
  type Parameters,
  type Reason,
  Throttled,
  Unavailable,
  Unreachable
} from "../../../src/cloudstack/Api.ts"
import type { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { type KubeRequest, operationOf } from "../../../src/kubernetes/KubeApi.ts"
import { KubeError } from "../../../src/kubernetes/KubeError.ts"
import type { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { type Call, type Fault, type FaultName, simulated } from "./faults.ts"
import type { Domain, Time } from "./time.ts"

const deadline = Duration.seconds(30)
const network = Duration.millis(5)
const outageMillis = 120_000
/** After this long the server cancels a job that never ends, or forgets it. */
const stuckMillis = 20 * 60_000

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
  readonly simulator: Simulator["Service"]
  readonly api: CloudStackApi["Service"]
  readonly kube: KubeMemory["Service"]
  readonly faults: ReadonlyArray<Fault>
  readonly userDeletes: () => void
  readonly onCall?: (line: string) => void
}

const nobodysJob = "00000000-0000-4000-8000-000000000000"

export const makeOutside = (options: OutsideOptions) => {
  const { api, kube, server, simulator, time } = options
  const calls: Array<Call & { readonly at: number; readonly parameters: Parameters }> = []
  const due = new Map(options.faults.map(({ at, name }) => [at, name]))
  const stuck = new Map<string, { readonly since: number; readonly name: FaultName }>()
  const successors = new Map<string, string>()
  let outage: { readonly until: number; readonly name: FaultName } | undefined
  const begun = time.now()
  let inFlight = 0
  let mutations = 0
  let lastAt = time.now()

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

  const note = (process: Process, call: Call, parameters: Parameters): FaultName | "gone" | undefined => {
    if (process.doomed) return "gone"
    lastAt = time.now()
    calls.push({ ...call, at: lastAt, parameters })
    const name = due.get(calls.length)
    due.delete(calls.length)
    options.onCall?.(
      `${lastAt - begun} ms, call ${calls.length}: ${call.what} ${JSON.stringify(parameters)}${name === undefined ? "" : ` !! ${name}`}`
    )
    return name
  }

  /** The process is killed as soon as it has done what it can without time and without the outside. */
  const doom = (process: Process) => {
    process.doomed = true
  }
  const kill = (process: Process) => {
    process.doomed = true
    process.domain.kill()
  }

  const failing = (command: string, reason: Reason) => Effect.fail(new CloudStackError({ command, reason }))

  const serve = (process: Process, command: string, parameters: Parameters, name?: FaultName) => {
    const fault = name === undefined ? undefined : simulated(name)
    const handled = Effect.gen(function* () {
      yield* Effect.sleep(network)
      if (fault !== undefined) yield* simulator.inject([{ command, fault }])
      const answer = yield* api.call(command, parameters)
      yield* Effect.sleep(network)
      return answer
    })
    return apart(process, handled)
  }

  const isOver = (jobId: string): boolean => time.now() - (stuck.get(jobId)?.since ?? time.now()) >= stuckMillis

  /** What the server says of a job that never ended, once it has given up on it. */
  const givenUp = (command: string, parameters: Parameters): Effect.Effect<Answer, CloudStackError> | undefined => {
    const id = parameters["jobid"] ?? ""
    if (command === "listAsyncJobs" && stuck.size > 0) {
      return Effect.map(api.call(command, parameters), (answer) => {
        const { asyncjobs } = answer
        if (!Array.isArray(asyncjobs)) return answer
        return { ...answer, asyncjobs: asyncjobs.filter((job: { readonly jobid: string }) => !isOver(job.jobid)) }
      })
    }
    if (command !== "queryAsyncJobResult" || !isOver(id)) return undefined
    if (stuck.get(id)?.name === "job stuck, then cancelled") {
      return Effect.map(api.call(command, parameters), (job) => ({ ...job, jobstatus: 2, jobresultcode: 0 }))
    }
    return api.call(command, { jobid: successors.get(id) ?? nobodysJob })
  }

  /** A forgotten job's id can be used again; the simulated server itself would still know it. */
  const reused = (parameters: Parameters): Parameters => {
    const { customjobid: id } = parameters
    if (id === undefined || !isOver(id) || stuck.get(id)?.name !== "job stuck, then forgotten") return parameters
    const successor = `${id.slice(0, -4)}ffff`
    successors.set(id, successor)
    return { ...parameters, customjobid: successor }
  }

  const cloudStack = (process: Process): CloudStackApi["Service"] => ({
    call: (command, parameters) =>
      Effect.suspend(() => {
        const name = note(process, { to: "CloudStack", what: command }, parameters)
        if (name === "gone") return Effect.never
        return awaited(process, ask(process, command, parameters, name))
      })
  })

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

  const ask = (process: Process, command: string, parameters: Parameters, name: FaultName | undefined) =>
    Effect.suspend(() => {
      if (name === "outage 429" || name === "outage 503") outage = { name, until: time.now() + outageMillis }
      if (outage !== undefined && time.now() < outage.until) {
        return outage.name === "outage 429"
          ? failing(command, new Throttled({ retryAfter: Duration.seconds(1) }))
          : failing(command, new Unavailable({ status: 503, text: "outage" }))
      }
      const over = givenUp(command, parameters)
      if (over !== undefined) return over
      if (!/^(list|query|get)/.test(command)) mutations++
      return strike(process, command, reused(parameters), name)
    })

  const strike = (
    process: Process,
    command: string,
    parameters: Parameters,
    name: FaultName | undefined
  ): Effect.Effect<Answer, CloudStackError> => {
    const late = Effect.andThen(
      Effect.sleep(deadline),
      Effect.suspend(() => failing(command, new DeadlineExceeded({ after: deadline })))
    )
    const plainly = serve(process, command, parameters)
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
      case "reset before effect":
        return failing(command, new Unreachable({ sent: true, text: "connection reset" }))
      case "empty body after effect":
        return Effect.andThen(Effect.exit(plainly), failing(command, new Malformed({ text: "empty" })))
      case "504 after effect":
        return Effect.andThen(Effect.exit(plainly), failing(command, new Unavailable({ status: 504, text: "timeout" })))
      case "hang":
        return late
      case "hang after effect":
        return Effect.andThen(Effect.exit(plainly), late)
      case "arrives after the deadline": {
        time.fork(server, Effect.delay(Effect.exit(api.call(command, parameters)), Duration.seconds(33)))
        return late
      }
      case "empty list":
        return Effect.as(plainly, {})
      case "job stuck, then cancelled":
      case "job stuck, then forgotten": {
        const { customjobid } = parameters
        if (customjobid !== undefined) stuck.set(customjobid, { since: time.now(), name })
        return serve(process, command, parameters, name)
      }
      default:
        return serve(process, command, parameters, name)
    }
  }

  let downUntil = 0
  const write = (
    process: Process,
    request: KubeRequest,
    name: FaultName | undefined
  ): Effect.Effect<unknown, KubeError> => {
    const operation = operationOf(request)
    mutations++
    const fail = (status: number) => Effect.fail(new KubeError({ operation, status, text: "chaos" }))
    const done = apart(process, Effect.andThen(Effect.sleep(network), kube.request(request)))
    switch (name) {
      case "die before":
        kill(process)
        return Effect.never
      case "die after effect":
        return Effect.andThen(
          Effect.exit(done),
          Effect.suspend(() => {
            kill(process)
            return Effect.never
          })
        )
      case "die after answer":
        return Effect.onExit(done, () => Effect.sync(() => doom(process)))
      case "terminate":
        process.stop = "asked"
        return done
      case "user deletes":
        options.userDeletes()
        return done
      case "write: conflict":
        return fail(409)
      case "write: 500":
        return fail(500)
      case "write: 500 after effect":
        return Effect.andThen(Effect.exit(done), fail(500))
      case "write: no answer":
        return fail(0)
      case "write: no answer after effect":
        return Effect.andThen(Effect.exit(done), fail(0))
      case "write: down":
        downUntil = time.now() + outageMillis
        return fail(0)
      default:
        return time.now() < downUntil ? fail(0) : done
    }
  }

  /** The API server as this process sees it. */
  const kubernetes = (process: Process): KubeMemory["Service"] => ({
    ...kube,
    request: (request) =>
      request.verb === "get" || request.verb === "list"
        ? kube.request(request)
        : Effect.suspend(() => {
            const name = note(process, { to: "Kubernetes", what: operationOf(request) }, {})
            return name === "gone" ? Effect.never : awaited(process, write(process, request, name))
          })
  })

  return {
    cloudStack,
    kubernetes,
    calls,
    inFlight: () => inFlight,
    /** Changes that were sent. */
    mutations: () => mutations,
    lastAt: () => lastAt,
    /** Nothing is down any more. */
    calm: () => time.now() >= (outage?.until ?? 0) && time.now() >= downUntil,
    /** From now on nothing goes wrong any more. */
    relent: () => due.clear(),
    stuckJobs: stuck
  }
}

export type Outside = ReturnType<typeof makeOutside>
