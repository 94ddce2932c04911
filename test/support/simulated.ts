/** Speaks to the in-memory CloudStack as one of its accounts, and writes its refusals as short comparable texts. */
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Parameters } from "../../src/cloudstack/Api.ts"
import { Simulator, type WireAnswer } from "../../src/cloudstack/memory/Simulator.ts"

export type Json = Readonly<Record<string, unknown>>
export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The content of an answer's single envelope. */
export const inner = (answer: WireAnswer): Json => {
  const [only] = isObject(answer.body) ? Object.values(answer.body) : []
  return isObject(only) ? only : {}
}

const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** What differs from run to run is written as `<uuid>` and `<N>`. */
export const anonymous = (text: unknown) =>
  String(text)
    .replace(uuid, "<uuid>")
    .replace(/("id":\s?|"networkId":|"networkofferingid": |[Ii][Dd]=|id \[|ID |rule:|zone )\d+/g, "$1<N>")
    .replace(/\bi-\d+-\d+-VM/g, "i-<N>-<N>-VM")

/** `200`, or `431/9999 text` (without the second number where the answer has none). */
export const verdict = (answer: WireAnswer) => {
  const { cserrorcode, errortext } = inner(answer)
  if (errortext === undefined) return String(answer.status)
  return `${answer.status}${cserrorcode === undefined ? "" : `/${String(cserrorcode)}`} ${anonymous(errortext)}`
}

const text = (value: unknown) => (typeof value === "string" ? value : "")

/** Lets simulated time pass until the effect is done. */
const inSimulatedTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("100 millis")
    return yield* Fiber.join(fiber)
  })

export const as = (account: string) => {
  const call = (command: string, parameters: Parameters = {}) =>
    inSimulatedTime(Effect.flatMap(Simulator, (simulator) => simulator.callAs(account, command, parameters)))

  /** The content of an answer that has to be a success. */
  const ok = Effect.fnUntraced(function* (command: string, parameters: Parameters = {}) {
    const answer = yield* call(command, parameters)
    if (answer.status !== 200) return yield* Effect.die(`${command}: ${verdict(answer)}`)
    return inner(answer)
  })

  /** The first object of a list. */
  const first = Effect.fnUntraced(function* (command: string, parameters: Parameters = {}) {
    const found = Object.values(yield* ok(command, parameters)).find((value) => Array.isArray(value))
    return isObject(found?.[0]) ? found[0] : {}
  })

  const all = Effect.fnUntraced(function* (command: string, parameters: Parameters = {}) {
    const found = Object.values(yield* ok(command, parameters)).find((value) => Array.isArray(value)) ?? []
    return found.filter(isObject)
  })

  const ended = Effect.fnUntraced(function* (jobid: string) {
    while (true) {
      const job = yield* ok("queryAsyncJobResult", { jobid })
      if (job["jobstatus"] !== 0) return job
      yield* TestClock.adjust("100 millis")
    }
  })

  /** The ended job of an asynchronous command. */
  const job = Effect.fnUntraced(function* (command: string, parameters: Parameters = {}) {
    return yield* ended(text((yield* ok(command, parameters))["jobid"]))
  })

  /** The object a job made or changed; the job has to succeed. */
  const done = Effect.fnUntraced(function* (command: string, parameters: Parameters = {}) {
    const { jobresult, jobstatus } = yield* job(command, parameters)
    if (jobstatus !== 1 || !isObject(jobresult)) return yield* Effect.die(`${command}: ${JSON.stringify(jobresult)}`)
    const [object] = Object.values(jobresult)
    return isObject(object) ? object : jobresult
  })

  return {
    call,
    ok,
    first,
    all,
    job,
    done,
    /** The id of an object that a job made. */
    make: (command: string, parameters: Parameters = {}) =>
      Effect.map(done(command, parameters), (object) => text(object["id"])),
    /** The id of an object of the world. */
    idOf: (command: string, name: string, parameters: Parameters = {}) =>
      Effect.map(all(command, { listall: "true", ...parameters }), (found) =>
        text(found.find((object) => object["name"] === name)?.["id"])
      ),
    /** How a call is answered. */
    verdict: (command: string, parameters: Parameters = {}) => Effect.map(call(command, parameters), verdict),
    /** How a job ended: `ok`, or `530 text`. */
    outcome: (command: string, parameters: Parameters = {}) =>
      Effect.map(job(command, parameters), ({ jobresult, jobstatus }) => {
        if (jobstatus === 1) return "ok"
        const failure = isObject(jobresult) ? jobresult : {}
        return `${String(failure["errorcode"])} ${anonymous(failure["errortext"])}`
      })
  }
}
