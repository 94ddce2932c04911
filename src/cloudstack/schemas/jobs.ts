/** What asynchronous commands and `listAsyncJobs` answer. The outcome of a job is read by `classifyJob`. */
import { Schema } from "effect"

/** `id` only of commands that create. */
export const Submitted = Schema.Struct({ jobid: Schema.NonEmptyString, id: Schema.optionalKey(Schema.NonEmptyString) })

export const PendingJobs = Schema.Struct({
  asyncjobs: Schema.optionalKey(Schema.Array(Schema.Struct({ jobid: Schema.String })))
})

/** The part of `queryAsyncJobResult` that identifies what the job is about. */
export const JobSubject = Schema.Struct({
  /** A Java class name. */
  cmd: Schema.optionalKey(Schema.String),
  /** Dates; the job is made when the create phase of its command has ended. */
  created: Schema.optionalKey(Schema.String),
  completed: Schema.optionalKey(Schema.String),
  jobinstanceid: Schema.optionalKey(Schema.NonEmptyString),
  /** One object under a name of its kind. */
  jobresult: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
})

export const WithId = Schema.Struct({ id: Schema.NonEmptyString })
