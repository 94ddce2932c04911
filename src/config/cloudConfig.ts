/** From the text of a cloud-config and what overrides it to `CloudSettings`, with every problem found at once. */
import { Result, Schema, SchemaIssue } from "effect"
import { parseGcfg } from "./gcfg.ts"
import { abouts, type Keys, KeysFromText, nameOf, spellings, variableOf } from "./keys.ts"
import { nearest } from "./nearest.ts"
import type { CloudSettings } from "./Settings.ts"

/** Text for a key, and where it was found: `line 4`, `CLOUDSTACK_API_URL`. */
export interface Given {
  readonly text: string
  readonly where: string
}

/** One line each, safe to show: they never hold a value of the file. */
export interface Decoded {
  readonly settings: CloudSettings
  readonly warnings: ReadonlyArray<string>
}

/** `overrides` (the environment) win over the file. Empty text counts as absent, in both. */
export const decodeCloudConfig = (
  file: string,
  overrides: ReadonlyMap<string, Given> = new Map()
): Result.Result<Decoded, ReadonlyArray<string>> => {
  const read = readFile(file)
  const given = new Map([...read.given, ...overrides].filter(([, { text }]) => text !== ""))
  const missing = [...abouts].filter(
    ([name, { required }]) => required === true && !given.has(name) && !read.mistaken.has(name)
  )

  const texts: Record<string, string> = {}
  for (const [name, about] of abouts) {
    const text = given.get(name)?.text ?? about.default
    if (text !== undefined) texts[about.property] = text
  }
  const decoded = Result.mapError(Schema.decodeUnknownResult(KeysFromText)(texts, { errors: "all" }), ({ issue }) =>
    formatIssues(issue).issues.flatMap(({ message, path }) => {
      const name = nameOf(String(path?.[0]))
      const where = given.get(name)?.where
      return where === undefined ? [] : [`${where}: ${name}: ${message}`]
    })
  )
  if (Result.isSuccess(decoded) && read.problems.length === 0) {
    const settings = toSettings(decoded.success)
    return Result.succeed({ settings, warnings: [...read.warnings, ...cautions(settings)] })
  }
  return Result.fail([
    ...[...read.problems, ...(Result.isFailure(decoded) ? decoded.failure : [])].sort((a, b) => lineOf(a) - lineOf(b)),
    ...missing.map(([name]) => `${name} is missing: section [Global] or environment variable ${variableOf(name)}`),
    // A key that is missing may be there, misspelt.
    ...read.warnings
  ])
}

const lineOf = (problem: string): number => Number(/^line (\d+)/.exec(problem)?.[1] ?? Number.MAX_SAFE_INTEGER)

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

const readFile = (file: string) => {
  const parsed = parseGcfg(file)
  const given = new Map<string, Given>()
  const mistaken = new Set<string>()
  const problems: Array<string> = []
  const warnings = parsed.sections
    .filter(({ name }) => name !== "global")
    .map(({ line }) => `line ${line}: unknown section, its keys are ignored: only [Global] is read`)
  for (const { key, line, section, value } of parsed.entries) {
    if (section !== "global") continue
    const name = spellings.get(key.toLowerCase())
    if (name === undefined) {
      warnings.push(`line ${line}: ${unknownKey(key, value !== undefined)}`)
      continue
    }
    const about = abouts.get(name)
    const text = value ?? (about?.switch === true ? "true" : undefined)
    if (text === undefined) {
      mistaken.add(name)
      problems.push(`line ${line}: ${name}: expected = and a value after the key`)
      continue
    }
    const before = about?.list === true ? given.get(name)?.text : undefined
    given.set(name, { text: before === undefined ? text : `${before},${text}`, where: `line ${line}` })
  }
  for (const { key, line, reason } of parsed.mistakes) {
    const name = key === undefined ? undefined : spellings.get(key.toLowerCase())
    if (name !== undefined) mistaken.add(name)
    problems.push(name === undefined ? `line ${line}: ${reason}` : `line ${line}: ${name}: ${reason}`)
  }
  return { given, warnings, problems, mistaken }
}

/** What looks like a key may be the rest of a secret on a broken line: shown only if it resembles one. */
const unknownKey = (key: string, assigned: boolean): string => {
  const near = nearest(key.toLowerCase().replaceAll("_", "-"), spellings.keys())
  if (near !== undefined && key.length <= 30) return `unknown key ${key} is ignored (did you mean ${near}?)`
  return assigned && /^[a-z]+(-[a-z]+)*$/.test(key) && key.length <= 30
    ? `unknown key ${key} is ignored`
    : "an unknown key is ignored"
}

const cautions = (settings: CloudSettings): ReadonlyArray<string> => [
  ...(settings.verifyTls
    ? []
    : ["ssl-no-verify is on: whoever is on the way to CloudStack can read and change every call; use ca-file instead"]),
  ...(!settings.verifyTls && settings.caFile !== undefined ? ["ca-file has no effect while ssl-no-verify is on"] : []),
  ...(settings.apiUrl.startsWith("http:") ? ["api-url is plain http: answers can be read and changed on the way"] : [])
]

const toSettings = ({
  apiKey,
  rateLimitBurst,
  rateLimitQps,
  secretKey,
  sslNoVerify,
  ...rest
}: Keys): CloudSettings => ({
  ...rest,
  credentials: { apiKey, secretKey },
  verifyTls: !sslNoVerify,
  rateLimit: { qps: rateLimitQps, burst: rateLimitBurst }
})
