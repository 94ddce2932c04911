/** Checks and decodes the parameters of a command by what the server declares about them. */
import { Result } from "effect"
import type { Parameters } from "../Api.ts"
import { declarationsOf } from "./declarations.ts"
import { shownName } from "./envelopes.ts"
import { type ApiError, apiError } from "./errors.ts"
import { decodeValue, type Value } from "./parameterValues.ts"
import type { State } from "./state.ts"

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

/** Names count in any case; a control character but a line break spoils the call whatever the parameter. */
export const normalise = (raw: Parameters): Result.Result<ReadonlyMap<string, string>, ApiError> => {
  const lower = new Map<string, string>()
  for (const [name, value] of Object.entries(raw)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    if (/[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f]/.test(value)) {
      return apiError(431, `Received value containing illegal ASCII non-printable characters for parameter ${name}`)
    }
  }
  for (const [name, value] of Object.entries(raw)) {
    const known = name.indexOf("[") > 0 ? entryName(name) : name.toLowerCase()
    if (known === undefined) {
      return apiError(
        430,
        `Unable to decode parameter ${name}; if specifying an object array, please use parameter[index].field=XXX, e.g. userGroupList[0].group=httpGroup`
      )
    }
    lower.set(known, value)
  }
  return Result.succeed(lower)
}

/** `Tags[0].key` is `tags[0].key`: the field keeps its case. Undefined if it is no name of this form. */
const entryName = (name: string): string | undefined => {
  const [, map, index, field] = /^([^[\].]+)\[([+-]?\d{1,9})\][^[\].]*\.([^[\]]*)$/s.exec(name) ?? []
  return map === undefined || index === undefined ? undefined : `${map.toLowerCase()}[${Number(index)}].${field}`
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
      const value = sent.get(parameter.name)
      if (value === undefined && !(parameter.type === "m" && hasEntries(sent, parameter.name))) {
        if (!parameter.required) continue
        return yield* apiError(431, `Unable to execute API command ${shown} due to missing parameter ${parameter.name}`)
      }
      // Only what is empty altogether is refused; a blank is a value.
      if (parameter.required && value === "") {
        return yield* apiError(431, `Invalid value provided for API arg: ${parameter.name}`, 4350)
      }
      const decoded = yield* decodeValue(state, command, parameter, value ?? "", sent)
      if (decoded !== undefined) values.set(parameter.name, decoded)
    }
    const args = argumentsOf(values, sent)
    yield* checkPaging(command, args)
    return args
  })

/** `page` and `pagesize` go together, also in lists that have no pages; checked when all parameters are decoded. */
const checkPaging = (command: string, args: Arguments): Result.Result<void, ApiError> => {
  if (!declarationsOf(command).some(({ name }) => name === "pagesize")) return Result.succeed(undefined)
  const size = args.int("pagesize")
  if (args.raw("page") === undefined && size !== undefined && size !== -1) {
    return apiError(431, '"page" parameter is required when "pagesize" is specified')
  }
  return size === undefined && args.raw("page") !== undefined
    ? apiError(431, '"pagesize" parameter is required when "page" is specified')
    : Result.succeed(undefined)
}

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

const hasEntries = (sent: ReadonlyMap<string, string>, name: string): boolean => {
  for (const key of sent.keys()) if (key.startsWith(`${name}[`)) return true
  return false
}
