/** Checks and decodes the parameters of a command by what the server declares about them. */
import { Result } from "effect"
import type { Parameters } from "../Api.ts"
import { asyncCommands, syncCommands } from "./apiTable.ts"
import { shownName } from "./envelopes.ts"
import { type ApiError, apiError } from "./errors.ts"
import { javaNames, kindOf, listKindOf } from "./parameterKinds.ts"
import type { Kind } from "./records.ts"
import { rowByNumber, rowOf, type State } from "./state.ts"

export interface Declaration {
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly length: number
  readonly sinceKnown: boolean
}

type Value = string | number | boolean | ReadonlyArray<string> | ReadonlyArray<Parameters>

/** Decoded parameters; what was not sent, or is ignored, is undefined. */
export interface Arguments {
  readonly text: (name: string) => string | undefined
  readonly int: (name: string) => number | undefined
  readonly flag: (name: string) => boolean | undefined
  readonly items: (name: string) => ReadonlyArray<string> | undefined
  readonly entries: (name: string) => ReadonlyArray<Parameters> | undefined
  /** As sent. */
  readonly raw: (name: string) => string | undefined
}

const declared = new Map<string, ReadonlyArray<Declaration>>()

export const declarationsOf = (command: string): ReadonlyArray<Declaration> => {
  const known = declared.get(command)
  if (known !== undefined) return known
  const line = asyncCommands[command] ?? syncCommands[command] ?? ""
  const parsed = line
    .split(" ")
    .filter((part) => part !== "")
    .map((part): Declaration => {
      const [, name = "", type = "s", rest = ""] = /^(\w+):(\w)(.*)$/.exec(part) ?? []
      const length = /\d+/.exec(rest)?.[0]
      return {
        name,
        type,
        required: rest.includes("!"),
        length: length === undefined ? 255 : Number(length),
        sinceKnown: rest.includes("@")
      }
    })
  declared.set(command, parsed)
  return parsed
}

/** Names count in any case; a control character spoils the call whatever the parameter. */
export const normalise = (raw: Parameters): Result.Result<ReadonlyMap<string, string>, ApiError> => {
  const lower = new Map<string, string>()
  for (const [name, value] of Object.entries(raw)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(value)) {
      return apiError(431, `Received value containing illegal ASCII non-printable characters for parameter ${name}`)
    }
    lower.set(name.toLowerCase(), value)
  }
  return Result.succeed(lower)
}

export const decode = (
  state: State,
  command: string,
  sent: ReadonlyMap<string, string>
): Result.Result<Arguments, ApiError> =>
  Result.gen(function* () {
    const values = new Map<string, Value>()
    const shown = shownName(command)
    for (const parameter of declarationsOf(command)) {
      const value = parameter.type === "m" ? undefined : sent.get(parameter.name)
      const present = parameter.type === "m" ? hasMap(sent, parameter.name) : value !== undefined
      if (!present) {
        if (!parameter.required) continue
        return yield* apiError(431, `Unable to execute API command ${shown} due to missing parameter ${parameter.name}`)
      }
      const decoded = yield* one(state, command, parameter, value ?? "", sent)
      if (decoded !== undefined) values.set(parameter.name, decoded)
    }
    return argumentsOf(values, sent)
  })

const argumentsOf = (values: ReadonlyMap<string, Value>, sent: ReadonlyMap<string, string>): Arguments => ({
  raw: (name) => sent.get(name),
  text: (name) => {
    const value = values.get(name)
    return typeof value === "string" ? value : undefined
  },
  int: (name) => {
    const value = values.get(name)
    return typeof value === "number" ? value : undefined
  },
  flag: (name) => {
    const value = values.get(name)
    return typeof value === "boolean" ? value : undefined
  },
  items: (name) => {
    const value = values.get(name)
    return Array.isArray(value) ? value.filter((item) => typeof item === "string") : undefined
  },
  entries: (name) => {
    const value = values.get(name)
    return Array.isArray(value) ? value.filter((item) => typeof item === "object") : undefined
  }
})

const one = (
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
  if (parameter.required && value.trim() === "" && (parameter.type === "s" || parameter.type === "l")) {
    // `virtualmachineids=` and its like are optional; an empty list that is required is refused like an empty text.
    return apiError(431, `Invalid value provided for API arg: ${parameter.name}`, 4350)
  }
  switch (parameter.type) {
    case "b":
      return Result.succeed(value.toLowerCase() === "true")
    case "i": {
      if (value === "") return Result.succeed(undefined)
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

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The server looks a UUID up in its tables at once; older parameters take the internal number as well. */
const uuid = (
  state: State,
  command: string,
  parameter: Declaration,
  value: string,
  kind: Kind | undefined
): Result.Result<string | undefined, ApiError> => {
  if (value === "") return Result.succeed(undefined)
  if (value === "-1" && parameter.name === "projectid") return Result.succeed(value)
  if (parameter.sinceKnown && !uuidPattern.test(value)) return Result.succeed(undefined)
  if (kind === undefined) return Result.succeed(value)
  const row = /^\d+$/.test(value) ? rowByNumber(state, kind, Number(value)) : rowOf(state, kind, value.toLowerCase())
  return row === undefined
    ? apiError(
        431,
        `Unable to execute API command ${shownName(command)} due to invalid value. Invalid parameter ${parameter.name} value=${value} due to incorrect long value format, or entity does not exist or due to incorrect parameter annotation for the field in api cmd class.`
      )
    : Result.succeed(row.id)
}

const list = (
  state: State,
  command: string,
  parameter: Declaration,
  value: string
): Result.Result<ReadonlyArray<string>, ApiError> =>
  Result.gen(function* () {
    const items = value
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "")
    const kind = listKindOf(command, parameter.name)
    if (kind === undefined) return items
    const ids: Array<string> = []
    for (const item of items) {
      const id = yield* uuid(state, command, parameter, item, kind)
      if (id !== undefined) ids.push(id)
    }
    return ids
  })

const hasMap = (sent: ReadonlyMap<string, string>, name: string): boolean => {
  if (sent.has(name)) return true
  for (const key of sent.keys()) if (key.startsWith(`${name}[`)) return true
  return false
}

/** `name[0].field=value`, as one record per index in the order of the indexes. */
const map = (
  name: string,
  sent: ReadonlyMap<string, string>,
  invalid: () => Result.Result<never, ApiError>
): Result.Result<ReadonlyArray<Parameters>, ApiError> => {
  if (sent.has(name)) return invalid()
  const entries = new Map<number, Record<string, string>>()
  for (const [key, value] of sent) {
    if (!key.startsWith(`${name}[`)) continue
    const [, index, field] = /^\w+\[(\d+)\]\.(\w+)$/.exec(key) ?? []
    if (index === undefined || field === undefined) {
      return apiError(
        430,
        `Unable to decode parameter ${name}; if specifying an object array, please use parameter[index].field=XXX, e.g. userGroupList[0].group=httpGroup`
      )
    }
    const entry = entries.get(Number(index)) ?? {}
    entry[field] = value
    entries.set(Number(index), entry)
  }
  return Result.succeed([...entries].sort(([a], [b]) => a - b).map(([, entry]) => entry))
}

const isDate = (value: string): boolean =>
  /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d{4})| \d\d:\d\d:\d\d)?$/.test(value)
