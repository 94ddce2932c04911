/** CloudStack as a controller sees it, and what goes wrong with the calls to it. */
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
import { type FaultName, isWatchFault, simulated } from "./faults.ts"
import type { KubeSide } from "./kubeSide.ts"
import type { Outside, Process } from "./outside.ts"
import { makeStuckJobs } from "./stuckJobs.ts"

const deadline = Duration.seconds(30)
const network = Duration.millis(5)
const outageMillis = 120_000

export interface CloudSideOptions {
  readonly simulator: Simulator["Service"]
  readonly api: CloudStackApi["Service"]
  readonly kubeSide: KubeSide
}

const failing = (command: string, reason: Reason) => Effect.fail(new CloudStackError({ command, reason }))

export const makeCloudSide = (outside: Outside, { api, kubeSide, simulator }: CloudSideOptions) => {
  const { apart, awaited, common, note, server, time } = outside
  const stuckJobs = makeStuckJobs(time, api)
  let outage: { readonly until: number; readonly name: FaultName } | undefined
  let mutations = 0

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
      case "die, it arrives later":
        time.fork(server, Effect.delay(Effect.exit(api.call(command, parameters)), Duration.seconds(20)))
        outside.kill(process)
        return Effect.never
      case "empty list":
        return Effect.as(plainly, {})
      case "job stuck, then cancelled":
      case "job stuck, then forgotten":
        stuckJobs.add(parameters, name)
        return serve(process, command, parameters, name)
      default:
        return common(process, name, plainly) ?? serve(process, command, parameters, name)
    }
  }

  const ask = (process: Process, command: string, parameters: Parameters, name: FaultName | undefined) =>
    Effect.suspend(() => {
      if (name === "outage 429" || name === "outage 503") outage = { name, until: time.now() + outageMillis }
      if (outage !== undefined && time.now() < outage.until) {
        return outage.name === "outage 429"
          ? failing(command, new Throttled({ retryAfter: Duration.seconds(1) }))
          : failing(command, new Unavailable({ status: 503, text: "outage" }))
      }
      const over = stuckJobs.givenUp(command, parameters)
      if (over !== undefined) return over
      if (!/^(list|query|get)/.test(command)) mutations++
      return strike(process, command, stuckJobs.reused(parameters), name)
    })

  return {
    of: (process: Process): CloudStackApi["Service"] => ({
      call: (command, parameters) =>
        Effect.suspend(() => {
          const name = note(process, { to: "CloudStack", what: command }, parameters)
          if (name === "gone") return Effect.never
          if (name === undefined || !isWatchFault(name)) {
            return awaited(process, ask(process, command, parameters, name))
          }
          return Effect.andThen(
            kubeSide.breakWatches(process, name),
            awaited(process, ask(process, command, parameters, undefined))
          )
        })
    }),
    /** Commands that change something and were sent. */
    mutations: () => mutations,
    /** It answers. */
    calm: () => time.now() >= (outage?.until ?? 0)
  }
}
