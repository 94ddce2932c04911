/**
 * The one seam to CloudStack: a command and its parameters in, the decoded answer or a typed error out.
 *
 * Everything above (governor, jobs, inventory, controllers) is the same code on `layerLive` (HTTP) and on the in-memory
 * CloudStack.
 */
import { Context, type Effect, Schema } from "effect"

/** Lower-case parameter names as CloudStack writes them; maps as `tags[0].key`; lists comma-joined. */
export type Parameters = Readonly<Record<string, string>>

/** The content of the answer's single envelope, whatever that envelope is called. */
export type Answer = Readonly<Record<string, unknown>>

/** 430, 431, 400, 530 by validation: the server understood and will say the same again. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", { code: Schema.Int, text: Schema.String }) {}
/** 431 for an id that names nothing (any more). The only error that is proof of absence. */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { text: Schema.String }) {}
/** 537 and 536: another rule is in the way. */
export class Conflict extends Schema.TaggedError<Conflict>()("Conflict", { code: Schema.Int, text: Schema.String }) {}
/** 533: no free address. */
export class NoCapacity extends Schema.TaggedError<NoCapacity>()("NoCapacity", { text: Schema.String }) {}
/** 532 and 535: a limit of the account or project is reached. */
export class LimitReached extends Schema.TaggedError<LimitReached>()("LimitReached", {
  code: Schema.Int,
  text: Schema.String
}) {}
/** 429: the wait is what the server named. */
export class Throttled extends Schema.TaggedError<Throttled>()("Throttled", { retryAfter: Schema.Duration }) {}
/** 401: key unknown, signature wrong, user disabled, clock off. */
export class Unauthorised extends Schema.TaggedError<Unauthorised>()("Unauthorised", { text: Schema.String }) {}
/** 432: the role may not use the command. 531 (and 530 with the permission text): not this object. */
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", {
  what: Schema.Literals(["command", "object"]),
  text: Schema.String
}) {}
/** 530 and 534: the server failed inside; whether a mutation took effect is not known. */
export class ServerFault extends Schema.TaggedError<ServerFault>()("ServerFault", {
  code: Schema.Int,
  text: Schema.String
}) {}
/** 503, or a 5xx from a proxy that is no CloudStack answer. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  status: Schema.Int,
  text: Schema.String
}) {}
/** An answer that is not what the command answers (empty, HTML, a partial list, a field of the wrong type). */
export class Malformed extends Schema.TaggedError<Malformed>()("Malformed", { text: Schema.String }) {}
/** No answer. `sent` is false only if the request certainly never left. */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  sent: Schema.Boolean,
  text: Schema.String
}) {}
/** We did not send it ourselves, which says nothing about CloudStack. */
export class Withheld extends Schema.TaggedError<Withheld>()("Withheld", { text: Schema.String }) {}
/** No answer within the deadline of the call (or of the wait for its job). */
export class DeadlineExceeded extends Schema.TaggedError<DeadlineExceeded>()("DeadlineExceeded", {
  after: Schema.Duration
}) {}

const Reason = Schema.Union([
  Refused,
  NotFound,
  Conflict,
  NoCapacity,
  LimitReached,
  Throttled,
  Unauthorised,
  Forbidden,
  ServerFault,
  Unavailable,
  Malformed,
  Unreachable,
  Withheld,
  DeadlineExceeded
])
export type Reason = typeof Reason.Type

/** What went wrong with one command, or with its job. Carries no parameters: they could be secret. */
export class CloudStackError extends Schema.TaggedError<CloudStackError>()("CloudStackError", {
  command: Schema.String,
  reason: Reason,
  jobId: Schema.optionalKey(Schema.String)
}) {
  /** For logs: what is told, and the job. */
  override get message(): string {
    return `${this.told}${this.jobId === undefined ? "" : ` (job ${this.jobId})`}`
  }

  /** For Events: command, kind and the server's own words. The same trouble reads the same each time. */
  get told(): string {
    return `${this.command}: ${describe(this.reason)}`
  }

  /** Trying again later may succeed without anybody doing something. */
  get transient(): boolean {
    return transientTags.has(this.reason._tag)
  }

  /** The command may have taken effect although no success was seen: look before deciding. */
  get ambiguous(): boolean {
    return this.reason._tag === "Unreachable" ? this.reason.sent : ambiguousTags.has(this.reason._tag)
  }
}

const transientTags: ReadonlySet<Reason["_tag"]> = new Set([
  "Throttled",
  "ServerFault",
  "Unavailable",
  "Malformed",
  "Unreachable",
  "Withheld",
  "DeadlineExceeded"
] as const)
const ambiguousTags: ReadonlySet<Reason["_tag"]> = new Set([
  "ServerFault",
  "Unavailable",
  "Malformed",
  "DeadlineExceeded"
] as const)

const describe = (reason: Reason): string => {
  switch (reason._tag) {
    case "Throttled":
      return "throttled (429), the server asks to wait"
    case "DeadlineExceeded":
      return "no answer within the deadline"
    case "Refused":
    case "Conflict":
    case "LimitReached":
    case "ServerFault":
      return `${reason._tag} ${reason.code}: ${reason.text}`
    case "Unavailable":
      return `Unavailable ${reason.status}: ${reason.text}`
    default:
      return `${reason._tag}: ${reason.text}`
  }
}

/** Who is served first when calls have to wait: user edits, then deletions, membership, resync. */
export type Priority = "edit" | "deletion" | "membership" | "resync"
/** Set around a reconcile; read by the Governor. */
export const CallPriority = Context.Reference<Priority>("ccm/cloudstack/CallPriority", { defaultValue: () => "edit" })

export class CloudStackApi extends Context.Service<
  CloudStackApi,
  {
    /** Reads are retried below; a mutation is sent at most once per call. */
    readonly call: (command: string, parameters: Parameters) => Effect.Effect<Answer, CloudStackError>
  }
>()("ccm/cloudstack/CloudStackApi") {}
