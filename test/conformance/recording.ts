/** Recordings of a real CloudStack: a header with the world they start from, then one line per call. */
import { readFileSync } from "node:fs"
import { Schema } from "effect"

const optional = Schema.optionalKey
const Values = Schema.Record(Schema.String, Schema.String)

const Bind = Schema.Struct({
  symbol: Schema.String,
  as: Schema.String,
  command: Schema.String,
  params: optional(Values),
  list: Schema.String,
  where: Values,
  take: optional(Schema.String)
})

const Header = Schema.Struct({
  recording: Schema.String,
  format: Schema.Literal(1),
  server: Schema.String,
  shows: Schema.String,
  world: Schema.Unknown,
  /** Names that get a new UUID before the first step. */
  fresh: optional(Schema.Array(Schema.String)),
  bind: Schema.Array(Bind)
})

const Step = Schema.Struct({
  step: Schema.Int,
  as: Schema.String,
  command: Schema.String,
  params: Values,
  note: optional(Schema.String),
  method: optional(Schema.Literals(["GET", "POST"])),
  /** How the call is signed instead of correctly. */
  auth: optional(
    Schema.Literals([
      ...(["none", "nosig", "badsig", "badkey", "expired", "noexpires", "badexpires", "v1expired"] as const)
    ])
  ),
  /** Overrides parts of the request; null leaves a parameter out. */
  send: optional(Schema.Record(Schema.String, Schema.NullOr(Schema.String))),
  /** The answer names a job: its result is compared too. */
  wait: optional(Schema.Boolean),
  ordered: optional(Schema.Boolean),
  /** The call is repeated until all paths have these values. */
  until: optional(Schema.Record(Schema.String, Schema.Unknown)),
  expect: Schema.Struct({
    status: Schema.Int,
    /** null = not JSON. */
    body: Schema.Unknown,
    job: optional(Schema.Unknown),
    jobhttp: optional(Schema.Int),
    /** null = the header must not be there. */
    headers: optional(Schema.Record(Schema.String, Schema.NullOr(Schema.String)))
  })
})
export type Step = typeof Step.Type

export interface Recording extends Schema.Schema.Type<typeof Header> {
  readonly steps: ReadonlyArray<Step>
}

const strict = { onExcessProperty: "error" } as const
const decodeHeader = Schema.decodeUnknownSync(Schema.fromJsonString(Header), strict)
const decodeStep = Schema.decodeUnknownSync(Schema.fromJsonString(Step), strict)

export const readRecording = (file: URL): Recording => {
  const [header = "", ...steps] = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
  return { ...decodeHeader(header), steps: steps.map((line) => decodeStep(line)) }
}
