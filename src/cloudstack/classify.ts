/**
 * From what the server answered to the content of the answer or a typed reason: the one place that reads error codes
 * and error texts, for HTTP answers and failed jobs alike.
 */
import { Duration, Option, Predicate, Result } from "effect"
import {
  type Answer,
  CloudStackError,
  Conflict,
  Forbidden,
  LimitReached,
  Malformed,
  NoCapacity,
  NotFound,
  type Reason,
  Refused,
  ServerFault,
  Throttled,
  Unauthorised,
  Unavailable
} from "./Api.ts"

/** `body` is the decoded JSON; undefined if the answer was empty or no JSON. */
export const classify = (command: string, status: number, body: unknown): Result.Result<Answer, CloudStackError> => {
  const content = contentOf(body)
  const code = content === undefined ? undefined : codeOf(content)
  if (content !== undefined && code !== undefined) return failed(command, reasonOf(code, content))
  if (status < 200 || status >= 300) return failed(command, reasonOfStatus(status))
  if (content === undefined)
    return failed(command, new Malformed({ text: "the answer is empty or no CloudStack answer" }))
  return Result.succeed(content)
}

/** The outcome in an answer of `queryAsyncJobResult`; none while the job runs. `command` is the one that made the job. */
export const classifyJob = (
  command: string,
  jobId: string,
  job: Answer
): Option.Option<Result.Result<Answer, CloudStackError>> => {
  const result = Predicate.isReadonlyObject(job["jobresult"]) ? job["jobresult"] : undefined
  switch (job["jobstatus"]) {
    case 0:
      return Option.none()
    case 1:
      return Option.some(
        result?.["success"] === false ? failed(command, reasonOf(530, result), jobId) : Result.succeed(result ?? {})
      )
    case 2:
    case 3: {
      // A job killed by a restart leaves no result, one killed for blocking its queue not even a code.
      const code = (result && codeOf(result)) ?? intOf(job["jobresultcode"]) ?? 530
      return Option.some(failed(command, reasonOf(code === 0 ? 530 : code, result ?? {}), jobId))
    }
    default:
      return Option.some(failed(command, new Malformed({ text: "the job has no known status" }), jobId))
  }
}

/** The envelope's name is no help: several commands answer under another one's. */
const contentOf = (body: unknown): Answer | undefined => {
  if (!Predicate.isReadonlyObject(body)) return undefined
  const contents = Object.values(body)
  return contents.length === 1 && Predicate.isReadonlyObject(contents[0]) ? contents[0] : undefined
}

const intOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isInteger(value) ? value : undefined

const codeOf = (content: Answer): number | undefined => intOf(content["errorcode"])

const failed = (command: string, reason: Reason, jobId?: string) =>
  Result.fail(new CloudStackError(jobId === undefined ? { command, reason } : { command, reason, jobId }))

/** The server's texts name each other's objects at length; an Event has room for about this much. */
const maxText = 800

const textOf = (content: Answer): string => {
  const text = content["errortext"] ?? content["displaytext"]
  return typeof text === "string" && text !== "" ? text.slice(0, maxText) : "the server gave no reason"
}

const reasonOf = (code: number, content: Answer): Reason => {
  const text = textOf(content)
  switch (code) {
    case 401:
      return /does not exist, is not available/i.test(text)
        ? new Forbidden({ what: "command", text })
        : new Unauthorised({ text })
    case 429:
      return new Throttled({ retryAfter: waitIn(text) })
    case 431:
      return isAbsence(text) ? new NotFound({ text }) : new Refused({ code, text })
    case 432:
      return new Forbidden({ what: "command", text })
    case 503:
      return new Unavailable({ status: code, text })
    case 530:
    case 534:
      return reasonOfFault(code, text, intOf(content["cserrorcode"]))
    case 531:
      return new Forbidden({ what: "object", text })
    case 532:
    case 535:
      return new LimitReached({ code, text })
    case 533:
      return new NoCapacity({ text })
    case 536:
    case 537:
      return new Conflict({ code, text })
    default:
      return code >= 500 ? new ServerFault({ code, text }) : new Refused({ code, text })
  }
}

const waitIn = (text: string): Duration.Duration => {
  const millis = /retry after \[?(\d+)\]? ?ms/i.exec(text)?.[1]
  return millis === undefined ? Duration.seconds(1) : Duration.millis(Number(millis))
}

/**
 * Ids that never were, rules that are gone (hard-deleted rows), and the forms for rows that only look gone: expunged
 * machines, and objects deleted between the call and its job.
 */
const absence = [
  /entity does not exist/i,
  /^unable to find (uuid for id|a virtual machine with id|virtual machine id|resource by uuid|load balancer rule)/i,
  /the load balancer was not found/i,
  /^unable to find (lb rule|ip address|network acl item|\d+ having purpose)/i
]
const isAbsence = (text: string) => absence.some((form) => form.test(text))

/** Inside jobs every exception but a few becomes 530, so the text has to tell a refusal from a real fault. */
const refusals = [
  /^tag .* already on /i,
  /used for source nat purposes and can not be disassociated/i,
  /only ip addresses that belong to a virtual network/i,
  /because it is being used by \d+ autoscale/i,
  /^service \w+ is not supported in the network/i,
  /is still associated with \d+ tier/i,
  /^api discovery plugin was unable to find/i
]

const reasonOfFault = (code: number, text: string, cause: number | undefined): Reason => {
  if (cause === 4365 || /does not have permission|is not authorized/i.test(text)) {
    return new Forbidden({ what: "object", text })
  }
  if (cause === 4320 || /^insufficient .*capacity/i.test(text)) return new NoCapacity({ text })
  if (cause === 4280 || cause === 4370 || /^maximum (number|amount) of .* exceeded/i.test(text)) {
    return new LimitReached({ code, text })
  }
  if (cause === 4360) return new Conflict({ code, text })
  if (cause === 4390 || refusals.some((form) => form.test(text))) return new Refused({ code, text })
  return new ServerFault({ code, text })
}

/** An answer that CloudStack did not write: a proxy's page, or an exception that left the body empty. */
const reasonOfStatus = (status: number): Reason => {
  const text = `HTTP ${status} without a CloudStack answer`
  if (status === 429) return new Throttled({ retryAfter: Duration.seconds(1) })
  return status >= 500 ? new Unavailable({ status, text }) : new Malformed({ text })
}
