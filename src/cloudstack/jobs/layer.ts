/**
 * `Jobs`: every asynchronous command carries a job id of our choice, so that an answer that got lost can be looked up
 * instead of sending the command again, which could do it twice.
 */
import { Clock, Duration, Effect, Layer, Option, Random, Result, Schema } from "effect"
import { Settings } from "../../config/Settings.ts"
import { monotonicMillis } from "../../wire/monotonic.ts"
import { type Answer, CloudStackApi, CloudStackError, Malformed, type Parameters, Unreachable } from "../Api.ts"
import { classifyJob } from "../classify.ts"
import { createPhase, Jobs, type Pending } from "../Jobs.ts"
import { JobSubject, Submitted, WithId } from "../schemas/jobs.ts"
import { millisOf } from "../schemas/wire.ts"
import { makePoller } from "./Poller.ts"

/** How long "unknown" says nothing: all but creating commands get their job at once. */
const unknownFor = (command: string): number =>
  /^(create|associate|deploy)/.test(command) && command !== "createTags" ? Duration.toMillis(createPhase) : 10_000

const decodeSubmitted = Schema.decodeUnknownOption(Submitted)
const decodeSubject = Schema.decodeUnknownOption(JobSubject)
const hasId = Schema.is(WithId)

export const layer: Layer.Layer<Jobs, never, CloudStackApi | Settings> = Layer.effect(
  Jobs,
  Effect.gen(function* () {
    const api = yield* CloudStackApi
    const settings = yield* Settings
    const outcome = yield* makePoller

    const pending = (jobId: string, command: string, since: number, objectId: string | undefined): Pending => ({
      jobId,
      command,
      done: outcome(jobId, command, since),
      ...(objectId === undefined ? {} : { objectId })
    })

    const lookUp = Effect.fnUntraced(function* (jobId: string, knownCommand?: string) {
      const answer = yield* api.call("queryAsyncJobResult", { jobid: jobId }).pipe(
        Effect.asSome,
        Effect.catchReason("CloudStackError", "NotFound", () => Effect.succeedNone)
      )
      if (Option.isNone(answer)) return Option.none<Pending>()
      const subject = Option.getOrUndefined(decodeSubject(answer.value))
      const command = knownCommand ?? subject?.cmd?.split(".").at(-1) ?? "queryAsyncJobResult"
      const made = Object.values(subject?.jobresult ?? {}).find(hasId)
      const running = pending(jobId, command, yield* monotonicMillis, subject?.jobinstanceid ?? made?.id)
      const ended = classifyJob(command, jobId, answer.value)
      if (Option.isNone(ended)) return Option.some(running)
      const from = millisOf(subject?.created ?? "")
      // A job that was killed may not say when.
      const to = millisOf(subject?.completed ?? "") ?? (yield* Clock.currentTimeMillis)
      const ran = from === undefined ? {} : { ran: { from, to } }
      return Option.some({ ...running, ...ran, done: Effect.fromResult(ended.value) })
    })

    /** The answer is lost, the command perhaps not: ask for its job until it is there or certain never to come. */
    const recover = Effect.fnUntraced(function* (command: string, jobId: string, lost: CloudStackError) {
      // The call may have waited for its turn: when it failed is the latest time at which it can have been sent.
      const failedAt = yield* monotonicMillis
      const { jobTimeout } = yield* settings.current
      yield* Effect.logWarning("the answer to a command is lost, asking for its job", { command, jobId })
      for (let wait = 250; ; wait = Math.min(5_000, wait * 2)) {
        const found = yield* Effect.result(lookUp(jobId, command))
        const waited = (yield* monotonicMillis) - failedAt
        if (Result.isFailure(found)) {
          if (waited >= Duration.toMillis(jobTimeout)) return yield* lost
        } else if (Option.isSome(found.success)) {
          return found.success.value
        } else if (waited >= unknownFor(command)) {
          const reason = new Unreachable({ sent: false, text: `it never arrived (${lost.reason._tag})` })
          return yield* new CloudStackError({ command, jobId, reason })
        }
        yield* Effect.sleep(wait)
      }
    })

    const submit = Effect.fn("Jobs.submit")(function* (
      command: string,
      parameters: Parameters,
      options?: { readonly jobId?: string }
    ) {
      const jobId = options?.jobId ?? (yield* randomUuid)
      yield* Effect.annotateCurrentSpan({ command, jobId })
      const since = yield* monotonicMillis
      const answer = yield* Effect.result(
        Effect.flatMap(api.call(command, { ...parameters, customjobid: jobId }), (content) =>
          submitted(command, content)
        )
      )
      if (Result.isSuccess(answer)) return pending(answer.success.jobid, command, since, answer.success.id)
      if (!isLost(answer.failure)) return yield* answer.failure
      return yield* recover(command, jobId, answer.failure)
    })

    return Jobs.of({ submit, find: (jobId) => lookUp(jobId) })
  })
)

const submitted = (command: string, content: Answer) =>
  Option.match(decodeSubmitted(content), {
    onSome: Effect.succeed,
    onNone: () =>
      Effect.fail(new CloudStackError({ command, reason: new Malformed({ text: "no job id in the answer" }) }))
  })

/** A 530 is an answer: the call is over, and no job will come of it. */
const isLost = (error: CloudStackError): boolean => error.ambiguous && error.reason._tag !== "ServerFault"

const randomUuid = Effect.map(Effect.replicateEffect(Random.nextIntBetween(0, 255), 16), (bytes) => {
  const hex = bytes
    .map((byte, i) => (i === 6 ? (byte % 16) + 0x40 : i === 8 ? (byte % 64) + 0x80 : byte))
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("")
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-")
})
