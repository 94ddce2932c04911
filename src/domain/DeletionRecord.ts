/** The record of the Nodes deleted lately, kept on one that stays: a restart must not begin the limit anew. */
import { Result, Schema } from "effect"

/** Annotation on any Node whose VM is there. */
export const deletionsAnnotation = "cloudstack-ccm/recent-deletions"

/** `node` is the UID; `at` in milliseconds since the epoch, written before the deletion. */
const Deletion = Schema.Struct({ node: Schema.NonEmptyString, at: Schema.Int })
export interface Deletion extends Schema.Schema.Type<typeof Deletion> {}

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Array(Deletion)))

export const encodeDeletions = (deletions: ReadonlyArray<Deletion>): string =>
  JSON.stringify(deletions.map(({ node, at }) => ({ node, at: Math.round(at) })))

/** A record that cannot be read is no record. */
export const readDeletions = (annotations: Readonly<Record<string, string>>): ReadonlyArray<Deletion> => {
  const text = annotations[deletionsAnnotation]
  return text === undefined ? [] : Result.getOrElse(decode(text), () => [])
}

/** When the last deletion of a record was; without any, before all time. */
export const lastOf = (deletions: ReadonlyArray<Deletion>): number =>
  deletions.reduce((last, { at }) => Math.max(last, at), Number.NEGATIVE_INFINITY)

/** Of several records the newest holds all that count: each was written with those before it. */
export const newestOf = (records: ReadonlyArray<ReadonlyArray<Deletion>>): ReadonlyArray<Deletion> =>
  records.reduce<ReadonlyArray<Deletion>>((best, record) => (lastOf(record) > lastOf(best) ? record : best), [])
