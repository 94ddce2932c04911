/** Asynchronous commands: submit with an id we choose, await with everybody else, find again what an answer lost. */
import { Context, Duration, type Effect, type Option } from "effect"
import type { Answer, CloudStackError, Parameters } from "./Api.ts"

/**
 * How long "unknown" says nothing of a job whose command creates something: it gets its job only after its create phase,
 * which may wait for locks.
 */
export const createPhase = Duration.seconds(90)

/** A command that the server has accepted. */
export interface Pending {
  readonly jobId: string
  readonly command: string
  /** UUID of the object that a create command makes; known as soon as the call is answered. */
  readonly objectId?: string
  /** When it ran, in milliseconds since the epoch, to the second; of jobs that were looked up. */
  readonly ran?: { readonly from: number; readonly to: number }
  /** The content of `jobresult`. Fails with what a failed job says, typed as a synchronous answer would be. */
  readonly done: Effect.Effect<Answer, CloudStackError>
}

export class Jobs extends Context.Service<
  Jobs,
  {
    /**
     * Sends the command once, with `customjobid`. If the answer is lost, the job is looked up by that id instead of
     * sending again: found → as if answered; certain that it never arrived → `Unreachable`, not `sent`.
     */
    readonly submit: (
      command: string,
      parameters: Parameters,
      options?: { readonly jobId?: string }
    ) => Effect.Effect<Pending, CloudStackError>
    /** A job by its id; none if the server does not know it (never arrived, not yet there, or expired). */
    readonly find: (jobId: string) => Effect.Effect<Option.Option<Pending>, CloudStackError>
  }
>()("ccm/cloudstack/Jobs") {}
