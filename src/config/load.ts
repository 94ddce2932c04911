/** Reads the cloud-config from where it is: a file, environment variables, and files that these name (`*_FILE`). */
import { createHash } from "node:crypto"
import { Effect, FileSystem, type PlatformError, Result, Schema } from "effect"
import { type Decoded, decodeCloudConfig, type Given } from "./cloudConfig.ts"
import { spellings, variableOf } from "./keys.ts"

export interface Source {
  /** `--cloud-config`; absent where everything comes from the environment. */
  readonly path?: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The settings can not be used. Says all that is wrong, and holds no value of any key. */
export class ConfigError extends Schema.TaggedError<ConfigError>()("ConfigError", {
  path: Schema.optionalKey(Schema.String),
  problems: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const what = this.path === undefined ? "the cloud's settings" : `cloud-config ${this.path}`
    return [`${what} can not be used:`, ...this.problems.map((problem) => `  ${problem}`)].join("\n")
  }
}

export interface Loaded extends Decoded {
  /** Changes with the content of any file involved. */
  readonly fingerprint: string
}

export const loadCloudConfig = Effect.fn("loadCloudConfig")(function* ({ env, path }: Source) {
  const fs = yield* FileSystem.FileSystem
  const hash = createHash("sha256")
  const problems: Array<string> = []
  const read = (file: string, problem: (reason: string) => string) =>
    fs.readFileString(file).pipe(
      Effect.tap((content) => Effect.sync(() => hash.update(file).update("\0").update(content).update("\0"))),
      Effect.catch((error) => {
        problems.push(problem(`can not read ${file}: ${reasonOf(error)}`))
        return Effect.undefined
      })
    )

  const file = path === undefined ? "" : yield* read(path, (reason) => reason)
  const overrides = new Map<string, Given>()
  for (const [spelling, name] of spellings) {
    const variable = variableOf(spelling)
    const text = env[variable]?.trim() ?? ""
    const named = env[`${variable}_FILE`] ?? ""
    if (text !== "" && named !== "")
      problems.push(`${variable} and ${variable}_FILE are both set: one of them is enough`)
    const before = overrides.get(name)?.where
    if (before !== undefined && (text !== "" || named !== "")) {
      problems.push(`${before} and ${variable} are both set, and mean the same: one of them is enough`)
    }
    if (text !== "") overrides.set(name, { text, where: variable })
    else if (named !== "") {
      const content = yield* read(named, (reason) => `${variable}_FILE: ${reason}`)
      if (content !== undefined) overrides.set(name, { text: content.trim(), where: `${variable}_FILE` })
    }
  }
  // Without its file every key would be reported as missing.
  if (file === undefined) return yield* failure(path, problems)

  const decoded = decodeCloudConfig(file, overrides)
  if (Result.isFailure(decoded)) return yield* failure(path, [...problems, ...decoded.failure])
  const { caFile, verifyTls } = decoded.success.settings
  if (caFile !== undefined && verifyTls) {
    const pem = yield* read(caFile, (reason) => `ca-file: ${reason}`)
    if (pem !== undefined && !pem.includes("-----BEGIN CERTIFICATE-----")) {
      problems.push(`ca-file: no PEM certificate in ${caFile}`)
    }
  }
  if (problems.length > 0) return yield* failure(path, problems)
  const loaded: Loaded = { ...decoded.success, fingerprint: hash.digest("hex") }
  return loaded
})

const failure = (path: string | undefined, problems: ReadonlyArray<string>) =>
  new ConfigError({ problems, ...(path === undefined ? {} : { path }) })

/** Why a file can not be read. */
export const reasonOf = (error: PlatformError.PlatformError): string => {
  switch (error.reason._tag) {
    case "NotFound":
      return "there is no such file"
    case "PermissionDenied":
      return "permission denied"
    case "BadResource":
      return "it is not a file"
    default:
      return error.reason._tag
  }
}

/** Every file whose change may change the settings. */
export const filesOf = ({ env, path }: Source, caFile: string | undefined): ReadonlyArray<string> =>
  [path, caFile, ...[...spellings.keys()].map((name) => env[`${variableOf(name)}_FILE`])].flatMap((file) =>
    file === undefined || file === "" ? [] : [file]
  )
