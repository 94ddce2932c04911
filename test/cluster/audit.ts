/** The API server's own record of what service accounts asked for: the proof of "no writes" and of "no other rights". */
import { existsSync, readFileSync } from "node:fs"
import { Effect, Schema } from "effect"

/** Only service accounts are recorded, each request once, when it is answered (a watch: when it begins). */
export const auditPolicy = JSON.stringify({
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [{ level: "Metadata", userGroups: ["system:serviceaccounts"] }, { level: "None" }]
})

const AuditEntry = Schema.Struct({
  stage: Schema.String,
  verb: Schema.String,
  requestURI: Schema.String,
  user: Schema.Struct({
    username: Schema.String,
    extra: Schema.optionalKey(Schema.Record(Schema.String, Schema.Array(Schema.String)))
  }),
  objectRef: Schema.optionalKey(
    Schema.Struct({
      resource: Schema.optionalKey(Schema.String),
      subresource: Schema.optionalKey(Schema.String),
      namespace: Schema.optionalKey(Schema.String),
      name: Schema.optionalKey(Schema.String)
    })
  ),
  responseStatus: Schema.optionalKey(Schema.Struct({ code: Schema.optionalKey(Schema.Int) })),
  requestReceivedTimestamp: Schema.String
})
export type AuditEntry = typeof AuditEntry.Type

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(AuditEntry))

export const readAudit = (file: string): Effect.Effect<ReadonlyArray<AuditEntry>> =>
  Effect.sync(() => {
    if (!existsSync(file)) return []
    const lines = readFileSync(file, "utf8").split("\n").slice(0, -1)
    return lines
      .map((line) => decode(line))
      .filter((entry) => entry.verb !== "watch" || entry.stage === "ResponseStarted")
  })

/** The token that a request came with. */
export const credentialOf = ({ user }: AuditEntry): string =>
  user.extra?.["authentication.kubernetes.io/credential-id"]?.[0] ?? ""

const reading: ReadonlySet<string> = new Set(["get", "list", "watch"])

export const isWrite = ({ verb }: AuditEntry): boolean => !reading.has(verb)

/** `verb resource[/subresource]`. */
export const actionOf = ({ objectRef, verb }: AuditEntry): string =>
  `${verb} ${[objectRef?.resource, objectRef?.subresource].filter(Boolean).join("/")}`

export const writesOf = (entries: ReadonlyArray<AuditEntry>): ReadonlyArray<string> =>
  entries.filter(isWrite).map(actionOf)

export const refusedOf = (entries: ReadonlyArray<AuditEntry>): ReadonlyArray<string> =>
  entries
    .filter(({ responseStatus }) => responseStatus?.code === 403)
    .map(({ requestURI, verb }) => `${verb} ${requestURI}`)
