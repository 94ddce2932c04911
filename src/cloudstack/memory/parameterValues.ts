/** From the text of a parameter to its value, by its declared type. */
import { Result } from "effect"
import type { Parameters } from "../Api.ts"
import type { Declaration } from "./declarations.ts"
import { shownName } from "./envelopes.ts"
import { type ApiError, apiError } from "./errors.ts"
import { javaNames, kindOf, listKindOf } from "./parameterKinds.ts"
import type { Kind } from "./records.ts"
import { rowByNumber, rowOf, type State } from "./state.ts"

export type Value = string | number | boolean | ReadonlyArray<string> | ReadonlyArray<Parameters>

/** The value of one parameter that was sent; undefined if it counts as not sent. */
export const decodeValue = (
  state: State,
  command: string,
  parameter: Declaration,
  value: string,
  sent: ReadonlyMap<string, string>
): Result.Result<Value | undefined, ApiError> => {
  const invalid = () =>
    apiError(
      431,
      `Unable to execute API command ${shownName(command)} due to invalid value ${value} for parameter ${parameter.name}`
    )
  switch (parameter.type) {
    case "b":
      return Result.succeed(value.toLowerCase() === "true")
    case "i": {
      if (value.trim() === "") return Result.succeed(undefined)
      return /^[+-]?\d{1,10}$/.test(value) && Math.abs(Number(value)) < 2 ** 31
        ? Result.succeed(Number(value))
        : invalid()
    }
    case "u":
      return uuid(state, command, parameter, value, kindOf(command, parameter.name))
    case "l":
      return list(state, command, parameter, value)
    case "m":
      return map(parameter.name, sent, invalid)
    case "d":
      return isDate(value)
        ? Result.succeed(value)
        : apiError(
            431,
            `Unable to parse date ${value} for command ${shownName(command)}, please pass dates in the format mentioned in the api documentation`
          )
    default:
      return value.length > parameter.length
        ? apiError(
            431,
            `Unable to execute API command ${shownName(command)} due to invalid value. Value greater than max allowed length ${parameter.length} for param: ${javaNames[`${command}.${parameter.name}`] ?? javaNames[parameter.name] ?? parameter.name}`
          )
        : Result.succeed(value)
  }
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * The server looks a UUID up in its tables at once. Older parameters take the internal number as well, which it believes
 * unseen, and everywhere -1 means something of its own or nothing at all.
 */
const uuid = (
  state: State,
  command: string,
  parameter: Declaration,
  value: string,
  kind: Kind | undefined
): Result.Result<string | undefined, ApiError> => {
  if (value === "-1") return Result.succeed(value)
  if (parameter.sinceKnown && !uuidPattern.test(value)) return Result.succeed(undefined)
  if (kind === undefined) return Result.succeed(value === "" ? undefined : value)
  const invalid = (why: string) =>
    apiError(431, `Unable to execute API command ${shownName(command)} due to invalid value. ${why}`)
  if (/^[+-]?\d{1,18}$/.test(value)) {
    const n = Number(value)
    return n < 1
      ? invalid(`Invalid value provided for API arg: ${parameter.name}`)
      : Result.succeed(rowByNumber(state, kind, n)?.id ?? String(n))
  }
  const row = rowOf(state, kind, value.toLowerCase())
  return row === undefined
    ? invalid(
        `Invalid parameter ${parameter.name} value=${value} due to incorrect long value format, or entity does not exist or due to incorrect parameter annotation for the field in api cmd class.`
      )
    : Result.succeed(row.id)
}

/** Blanks around the items stay: only the load balancer's `cidrlist` loses them, later and by itself. */
const list = (
  state: State,
  command: string,
  parameter: Declaration,
  value: string
): Result.Result<ReadonlyArray<string>, ApiError> =>
  Result.gen(function* () {
    const items = value.split(",").filter((item) => item !== "")
    const kind = listKindOf(command, parameter.name)
    if (kind === undefined) return items
    const ids: Array<string> = []
    for (const item of items) {
      const id = yield* uuid(state, command, parameter, item, kind)
      if (id !== undefined) ids.push(id)
    }
    return ids
  })

/** `name[0].field=value`, as one record per index in the order of the indexes; the names have been checked before. */
const map = (
  name: string,
  sent: ReadonlyMap<string, string>,
  invalid: () => Result.Result<never, ApiError>
): Result.Result<ReadonlyArray<Parameters>, ApiError> => {
  if (sent.has(name)) return invalid()
  const entries = new Map<number, Record<string, string>>()
  for (const [key, value] of sent) {
    const [, map, index, field = ""] = /^([^[]+)\[(-?\d+)\]\.(.*)$/s.exec(key) ?? []
    if (map !== name) continue
    const entry = entries.get(Number(index)) ?? {}
    entry[field] = value
    entries.set(Number(index), entry)
  }
  return Result.succeed([...entries].sort(([a], [b]) => a - b).map(([, entry]) => entry))
}

const isDate = (value: string): boolean =>
  /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d{4})| \d\d:\d\d:\d\d)?$/.test(value)
