/** Replays a recording against an endpoint that holds its world, and reports every step that is answered differently. */
import { Clock, Effect } from "effect"
import { type Call, dig, freshId, inner, type Reply } from "./caller.ts"
import { comparedPart } from "./fields.ts"
import { differ, Names } from "./judge.ts"
import type { Recording, Step } from "./recording.ts"

export interface Failure {
  /** 0 = before the first step. */
  readonly step: number
  readonly problems: ReadonlyArray<string>
}

const patience = 60_000

const resolveAll = (names: Names, values: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, names.resolve(value)]))

const bindWorld = Effect.fnUntraced(function* (call: Call, recording: Recording, names: Names) {
  for (const name of recording.fresh ?? []) names.bind(name, freshId())
  for (const { as, command, list, params = {}, symbol, take = "id", where } of recording.bind) {
    const reply = yield* call({ as, command, params: resolveAll(names, params) })
    const items = inner(reply.body)[list]
    const wanted = Object.entries(resolveAll(names, where))
    const hit = Array.isArray(items)
      ? items.find((item: unknown) => wanted.every(([key, value]) => dig(item, key) === value))
      : undefined
    const value = dig(hit, take)
    if (typeof value !== "string") return [`bind \${${symbol}}: ${command} found no ${list} (HTTP ${reply.status})`]
    names.bind(symbol, value)
  }
  return []
})

/** Waits until the job of an answer has ended. */
const jobOf = Effect.fnUntraced(function* (call: Call, step: Step, reply: Reply) {
  const jobid = inner(reply.body)["jobid"]
  if (step.wait !== true || typeof jobid !== "string" || reply.status !== 200) return undefined
  const end = (yield* Clock.currentTimeMillis) + patience
  while (true) {
    const job = yield* call({ as: step.as, command: "queryAsyncJobResult", params: { jobid } })
    if (job.status !== 200 || inner(job.body)["jobstatus"] !== 0) return job
    if ((yield* Clock.currentTimeMillis) > end) return job
    yield* Effect.sleep("10 millis")
  }
})

/** Repeats the call until what the step waits for holds, or the patience is used up. */
const replyTo = Effect.fnUntraced(function* (call: Call, step: Step, params: Readonly<Record<string, string>>) {
  const end = (yield* Clock.currentTimeMillis) + patience
  while (true) {
    const reply = yield* call({ ...step, params })
    const holds = Object.entries(step.until ?? {}).every(([path, value]) => dig(inner(reply.body), path) === value)
    if (holds || (yield* Clock.currentTimeMillis) > end) return reply
    yield* Effect.sleep("200 millis")
  }
})

const problemsOf = Effect.fnUntraced(function* (call: Call, step: Step, names: Names) {
  const unknown = Object.values(step.params).flatMap((value) => names.unknownIn(value))
  if (unknown.length > 0) return [`params: no value for ${unknown.join(", ")} (an earlier step failed)`]
  const reply = yield* replyTo(call, step, resolveAll(names, step.params))
  const job = yield* jobOf(call, step, reply)
  const { expect, ordered = false } = step
  names.addressesMayReturn = step.command === "associateIpAddress"
  const problems: Array<string> = []
  if (reply.status !== expect.status) problems.push(`HTTP status: expected ${expect.status}, got ${reply.status}`)
  for (const [name, value] of Object.entries(expect.headers ?? {})) {
    problems.push(...differ(names, value, reply.headers.get(name), `header ${name}`, ordered))
  }
  problems.push(...differ(names, expect.body, comparedPart(reply.body), "", ordered))
  if (step.wait !== true) return problems
  const expectsJob = expect.job !== undefined && expect.job !== null
  if (job === undefined) return expectsJob ? [...problems, "job: expected one, the call started none"] : problems
  if (!expectsJob) return [...problems, `job: expected none, got ${JSON.stringify(comparedPart(job.body))}`]
  const status = expect.jobhttp ?? 200
  if (job.status !== status) problems.push(`job HTTP status: expected ${status}, got ${job.status}`)
  return [...problems, ...differ(names, expect.job, comparedPart(job.body), "job ", ordered)]
})

export const replay = Effect.fnUntraced(function* (call: Call, recording: Recording) {
  const names = new Names()
  const unbound = yield* bindWorld(call, recording, names)
  const failures: Array<Failure> = []
  if (unbound.length > 0) return [{ step: 0, problems: unbound }]
  for (const step of recording.steps) {
    const problems = yield* problemsOf(call, step, names)
    if (problems.length > 0) failures.push({ step: step.step, problems })
  }
  return failures
})
