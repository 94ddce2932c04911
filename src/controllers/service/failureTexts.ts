/** What upstream says of a run that failed, in its own words: scripts and dashboards look for them. Pure. */
import { Cause, type Duration, Option } from "effect"
import { CloudStackError } from "../../cloudstack/Api.ts"
import { formatDuration } from "../../config/goSyntax.ts"
import { StillUnknown } from "./Predecessor.ts"
import { WriteFailed } from "./publish.ts"

/** What the run was about. */
export type Doing = "ensure" | "delete"

const textOf = (error: unknown): string => {
  if (error instanceof CloudStackError) return error.told
  return error instanceof Error ? error.message : "interrupted"
}

/** Without ids that differ from try to try, so that a repeated failure is one Event with a count. */
export const reasonOf = (cause: Cause.Cause<unknown>, doing: Doing): string => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  return error instanceof WriteFailed ? error.message : `failed to ${doing} load balancer: ${textOf(error)}`
}

export const isWaiting = (cause: Cause.Cause<unknown>): boolean =>
  Option.exists(Cause.findErrorOption(cause), (error) => error instanceof StillUnknown)

export const syncFailed = (reason: string): string => `Error syncing load balancer: ${reason}`

const namesShown = 20

/** `nodes` are the names of all candidates. */
export const updateFailed = (cause: Cause.Cause<unknown>, nodes: ReadonlyArray<string>): string => {
  const names = nodes.slice(0, namesShown).toSorted()
  const more = nodes.length > namesShown ? [`<${nodes.length - namesShown} more>`] : []
  const list = [...names, ...more].join(" ")
  const error = textOf(Option.getOrUndefined(Cause.findErrorOption(cause)))
  return `Error updating load balancer with new hosts [${list}] [node names limited, total number of nodes: ${nodes.length}], error: ${error}`
}

export interface Retry {
  readonly retryIn: Duration.Duration
  /** False if the error itself named the delay. */
  readonly counted: boolean
}

/** The line in the log. */
export const willRetry = (key: string, reason: string, { counted, retryIn }: Retry): string =>
  `error processing service ${key} (retrying ${counted ? "with exponential backoff" : `in ${formatDuration(retryIn)}`}): ${reason}`
