/** What a command is: a pure function of state, caller and parameters to an answer, or to a job with a pure completion. */
import type { Result } from "effect"
import type { ApiError } from "./errors.ts"
import type { Arguments } from "./parameters.ts"
import type { Account, Kind } from "./records.ts"
import type { State } from "./state.ts"

export interface Call {
  readonly state: State
  readonly caller: Account
  readonly command: string
  readonly args: Arguments
  /** Milliseconds of the Clock. */
  readonly now: number
}

export type Content = Readonly<Record<string, unknown>>

/** What a finished job leaves: its result, and the networks whose router had to be told. */
export interface JobDone {
  readonly state: State
  readonly result: Content
  readonly pushes?: ReadonlyArray<string>
  /** The job fails although its change stays. */
  readonly failure?: { readonly code: number; readonly text: string }
}

export interface JobPlan {
  readonly instanceType?: string
  readonly instance?: { readonly kind: Kind; readonly id: string }
  /** Shown as the job's object although nothing has this UUID. */
  readonly strayInstance?: string
  /** Marks the object as being worked on (Deleting, Stopping, ...) while the job lasts. */
  readonly begin?: (state: State) => State
  /** What a failed job leaves behind, if not simply the state before it. */
  readonly undo?: (state: State) => State
  readonly run: (state: State, now: number) => Result.Result<JobDone, ApiError>
}

export type Outcome =
  | { readonly _tag: "Answered"; readonly state: State; readonly content: Content }
  /** `id` is the new object of the create phase, which `state` already holds. */
  | { readonly _tag: "Submitted"; readonly state: State; readonly id?: string; readonly job: JobPlan }

export type Reply = Result.Result<Outcome, ApiError>
export type Handler = (call: Call) => Reply

export const answered = (state: State, content: Content): Outcome => ({ _tag: "Answered", state, content })

export const submitted = (state: State, job: JobPlan, id?: string): Outcome =>
  id === undefined ? { _tag: "Submitted", state, job } : { _tag: "Submitted", state, job, id }

export const success: Content = { success: true }
