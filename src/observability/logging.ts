/**
 * Log lines: one per change, on stderr, as text or JSON.
 *
 * What happened is the message; who and how much are fields, from `Effect.annotateLogs` and from records among the
 * arguments of a log call.
 */
import { Array, Cause, Layer, Logger, type LogLevel, Predicate, Redacted, References } from "effect"
import { redactField, redactText } from "./redact.ts"

export type Format = "text" | "json"

export interface Entry {
  readonly time: Date
  readonly level: LogLevel.LogLevel
  readonly message: string
  readonly fields: ReadonlyArray<readonly [name: string, value: unknown]>
}

/** klog's numbers: decisions show from 4, every call and watch event from 6. */
export const levelOf = (verbosity: number): LogLevel.LogLevel =>
  verbosity >= 6 ? "Trace" : verbosity >= 4 ? "Debug" : "Info"

/** Expected failures are their message; a bug needs its stack. */
const describe = (cause: Cause.Cause<unknown>): string =>
  cause.reasons
    .map((reason) => {
      if (Cause.isFailReason(reason)) return textOf(reason.error)
      return Cause.isDieReason(reason) ? Cause.pretty(Cause.die(reason.defect)) : "interrupted"
    })
    .join("; ")

const textOf = (value: unknown): string => {
  if (typeof value === "string") return value
  if (value instanceof Error) return value.message === "" ? value.name : value.message
  if (Cause.isCause(value)) return describe(value)
  if (Redacted.isRedacted(value) || typeof value === "bigint") return String(value)
  return redactJson(value) ?? String(value)
}

const redactJson = (value: unknown): string | undefined =>
  JSON.stringify(value, (name, inner: unknown) =>
    typeof inner === "bigint" ? String(inner) : redactField(name, inner)
  )

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  Predicate.isObject(value) &&
  !globalThis.Array.isArray(value) &&
  !(value instanceof Error) &&
  !Cause.isCause(value) &&
  !Redacted.isRedacted(value)

export const entryOf = (options: Logger.Options<unknown>): Entry => {
  const parts = Array.ensure(options.message)
  const causes = parts.filter((part) => Cause.isCause(part) || part instanceof Error).map(textOf)
  if (options.cause.reasons.length > 0) causes.push(describe(options.cause))
  const fields = [
    ...Object.entries(options.fiber.getRef(References.CurrentLogAnnotations)),
    ...parts.filter(isFields).flatMap((part) => Object.entries(part)),
    ...(causes.length > 0 ? [["error", causes.join("; ")] as const] : [])
  ]
  return {
    time: options.date,
    level: options.logLevel,
    message: redactText(
      parts
        .filter((part) => !isFields(part) && !Cause.isCause(part) && !(part instanceof Error))
        .map(textOf)
        .join(" ")
    ),
    fields: [...new Map(fields)].map(([name, value]) => [name, redactField(name, plain(value))])
  }
}

/** Fields stay numbers, booleans and strings; the rest becomes its text. */
const plain = (value: unknown): unknown =>
  typeof value === "number" || typeof value === "boolean" || value === null || value === undefined
    ? value
    : textOf(value)

const bare = /^[\w.:/@+<>-]+$/
const quoted = (value: unknown) => (bare.test(String(value)) ? String(value) : JSON.stringify(String(value)))

export const formatText = ({ fields, level, message, time }: Entry): string =>
  [
    time.toISOString(),
    level.toUpperCase().padEnd(5),
    JSON.stringify(message).slice(1, -1).replaceAll('\\"', '"'),
    ...fields.map(([name, value]) => `${name}=${quoted(value)}`)
  ].join(" ")

export const formatJson = ({ fields, level, message, time }: Entry): string => {
  const own = { time: time.toISOString(), level: level.toLowerCase(), msg: message }
  return JSON.stringify({ ...own, ...Object.fromEntries(fields), ...own })
}

/** Replaces the default logger. */
export const layer = (options: { readonly format: Format; readonly verbosity: number }): Layer.Layer<never> => {
  const format = options.format === "json" ? formatJson : formatText
  return Layer.merge(
    Logger.layer([Logger.withConsoleError(Logger.make((entry) => format(entryOf(entry))))]),
    Layer.succeed(References.MinimumLogLevel, levelOf(options.verbosity))
  )
}
