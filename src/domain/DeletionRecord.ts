/** The record of the Nodes deleted lately, kept on one that stays: a restart must not begin the limit anew. */
import { Result, Schema } from "effect"

/** Annotation on any Node whose VM is there. */
export const deletionsAnnotation = "cloudstack-ccm/recent-deletions"

/** `node` is the UID; `at` in milliseconds since the epoch, written before the deletion. */
const Deletion = Schema.Struct({ node: Schema.NonEmptyString, at: Schema.Int })
export interface Deletion extends Schema.Schema.Type<typeof Deletion> {}

/** Each is written with all before it that still count; of several the one with the highest number is the truth. */
const DeletionRecord = Schema.Struct({ number: Schema.Int, deletions: Schema.Array(Deletion) })
export interface DeletionRecord extends Schema.Schema.Type<typeof DeletionRecord> {}

const none: DeletionRecord = { number: 0, deletions: [] }
const decode = Schema.decodeUnknownResult(Schema.fromJsonString(DeletionRecord))

export const encodeDeletions = ({ deletions, number }: DeletionRecord): string =>
  JSON.stringify({ number, deletions: deletions.map(({ node, at }) => ({ node, at: Math.round(at) })) })

/** One that cannot be read is none. */
export const readDeletions = (annotations: Readonly<Record<string, string>>): DeletionRecord => {
  const text = annotations[deletionsAnnotation]
  return text === undefined ? none : Result.getOrElse(decode(text), () => none)
}

/** By number and not by time, because clocks are set. */
export const newestOf = (records: ReadonlyArray<DeletionRecord>): DeletionRecord =>
  records.reduce((best, record) => (record.number > best.number ? record : best), none)
