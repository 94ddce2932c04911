/** Reads arguments as Go's pflag does, except that it reports everything that is wrong instead of the first thing. */
import { Result, Schema, SchemaIssue } from "effect"
import { parseBool } from "../../config/goSyntax.ts"
import { nearest } from "../../config/nearest.ts"
import { abouts, type Flags, FlagsFromText } from "./Flags.ts"
import { validate } from "./validate.ts"

export type Parsed =
  | { readonly _tag: "Help" }
  | { readonly _tag: "Version" }
  | { readonly _tag: "Problems"; readonly problems: ReadonlyArray<string> }
  | { readonly _tag: "Run"; readonly flags: Flags }

export const parseFlags = (args: ReadonlyArray<string>): Parsed => {
  const read = readArguments(args)
  if (read.given.has("help")) return { _tag: "Help" }
  const version = read.given.get("version")
  if (version !== undefined && !isFalse(version)) return { _tag: "Version" }

  const texts = new Map([...abouts].map(([name, about]) => [name, read.given.get(name) ?? about.default]))
  const decoded = decode(texts)
  // What can be read is checked further even if something else can not.
  const readable = Result.isSuccess(decoded) ? decoded : decode(withDefaults(texts, decoded.failure))
  const problems = [
    ...read.problems,
    ...Result.match(decoded, { onFailure: (bad) => bad.map(({ problem }) => problem), onSuccess: () => [] }),
    ...Result.match(readable, { onFailure: () => [], onSuccess: validate })
  ]
  if (Result.isFailure(decoded) || problems.length > 0) return { _tag: "Problems", problems }
  return { _tag: "Run", flags: decoded.success }
}

const isFalse = (text: string) => Result.getOrElse(parseBool(text), () => true) === false

interface Bad {
  readonly name: string
  readonly problem: string
}

const decode = (texts: ReadonlyMap<string, string>): Result.Result<Flags, ReadonlyArray<Bad>> =>
  Result.mapError(
    Schema.decodeUnknownResult(FlagsFromText)(Object.fromEntries(texts), { errors: "all" }),
    ({ issue }) =>
      formatIssues(issue).issues.map(({ message, path }) => {
        const name = String(path?.[0])
        return { name, problem: `invalid argument ${JSON.stringify(texts.get(name))} for --${name}: ${message}` }
      })
  )

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

const withDefaults = (texts: ReadonlyMap<string, string>, bad: ReadonlyArray<Bad>): ReadonlyMap<string, string> =>
  new Map([...texts, ...bad.map(({ name }) => [name, abouts.get(name)?.default ?? ""] as const)])

interface Read {
  readonly given: ReadonlyMap<string, string>
  readonly problems: ReadonlyArray<string>
}

const shorthands: Readonly<Record<string, string>> = { v: "v", h: "help" }

const readArguments = (args: ReadonlyArray<string>): Read => {
  const given = new Map<string, string>()
  const problems: Array<string> = []
  const set = (name: string, text: string) => {
    const before = given.get(name)
    const join = abouts.get(name)?.join
    given.set(name, before === undefined || join === undefined ? text : before + join + text)
  }

  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? ""
    if (arg === "--") {
      problems.push(...args.slice(index + 1).map(positional))
      break
    }
    if (!arg.startsWith("-") || arg === "-") {
      problems.push(positional(arg, index, args))
      continue
    }
    const [name, attached] = split(arg)
    if (name === undefined) {
      problems.push(unknownShorthand(arg))
      continue
    }
    const about = aboutOf(name)
    const next = args[index + 1]
    if (about === undefined) {
      problems.push(`unknown flag: --${name}${suggestion(name)}`)
      if (attached === undefined && next !== undefined && !next.startsWith("-")) index++ // most likely its value
    } else if (attached !== undefined) {
      set(name, attached)
    } else if (about.value === "bool") {
      set(name, "true")
    } else if (next !== undefined) {
      set(name, next)
      index++
    } else {
      problems.push(`flag needs an argument: --${name}`)
    }
  }
  return { given, problems }
}

/** Name (none if it is an unknown single-dash form) and what follows in the same argument. */
const split = (arg: string): readonly [name: string | undefined, attached: string | undefined] => {
  if (!arg.startsWith("--")) {
    const attached = arg.slice(2).replace(/^=/, "")
    return [shorthands[arg[1] ?? ""], arg.length > 2 ? attached : undefined]
  }
  const equals = arg.indexOf("=")
  const name = (equals < 0 ? arg.slice(2) : arg.slice(2, equals)).replaceAll("_", "-")
  return [name, equals < 0 ? undefined : arg.slice(equals + 1)]
}

/** Whether the argument after a flag belongs to it: as its value, or as what most likely was meant for it. */
export const takesNext = (flag: string, next: string): boolean => {
  const [name, attached] = split(flag)
  if (name === undefined || attached !== undefined) return false
  const about = aboutOf(name)
  if (about === undefined) return !next.startsWith("-")
  return about.value !== "bool" || Result.isSuccess(parseBool(next))
}

const aboutOf = (name: string) => (name === "help" || name === "version" ? { value: "bool" } : abouts.get(name))

const suggestion = (name: string): string => {
  const near = nearest(name, [...abouts.keys(), "help", "version"])
  return near === undefined ? "" : ` (did you mean --${near}?)`
}

const unknownShorthand = (arg: string): string => {
  const name = (arg.slice(1).split("=")[0] ?? "").replaceAll("_", "-")
  const hint = abouts.has(name) ? ` (did you mean --${name}?)` : suggestion(name)
  return `unknown flag: ${arg.split("=")[0]}${hint}`
}

const positional = (arg: string, index: number, args: ReadonlyArray<string>): string => {
  const [name] = split(args[index - 1] ?? "")
  const boolean = name !== undefined && abouts.get(name)?.value === "bool" && Result.isSuccess(parseBool(arg))
  return boolean
    ? `unexpected argument ${JSON.stringify(arg)}: write --${name}=${arg}`
    : `unexpected argument ${JSON.stringify(arg)}: only flags are taken`
}
