/**
 * One POST and its decoded answer. What fails here is told apart by one question: can the request have left? It does
 * not if the last check says so.
 *
 * Nothing of the request gets into errors or spans, because its body holds key and signature.
 */
import { promisify } from "node:util"
import { gunzip } from "node:zlib"
import { Dispatcher, makeUndici } from "@effect/platform-node/NodeHttpClient"
import { Effect, Predicate, RcMap, Schema } from "effect"
import { HttpClient, type HttpClientError, HttpClientRequest, type HttpClientResponse } from "effect/http"
import type { CloudSettings } from "../../config/Settings.ts"
import { Withheld as NotWritten } from "../../wire/LastCheck.ts"
import { DeadlineExceeded, Unreachable, Withheld } from "../Api.ts"
import { type Trust, waysTo } from "./ways.ts"

export interface Reply {
  readonly status: number
  /** Undefined if empty or no JSON. */
  readonly body: unknown
}

export const makeTransport = Effect.gen(function* () {
  const opened = yield* RcMap.make({
    lookup: (trust: Trust) => waysTo(trust),
    // Connections outlive the gap between two calls.
    idleTimeToLive: "1 minute"
  })
  /** A CA file that was replaced comes with new settings: its content is not in them, but they are another object. */
  let seen: CloudSettings | undefined
  let revision = 0
  const trustOf = (settings: CloudSettings): Trust => {
    if (settings !== seen) revision++
    seen = settings
    const { apiUrl, caFile, verifyTls } = settings
    return { apiUrl, verifyTls, ...(caFile === undefined ? {} : { caFile, revision }) }
  }

  const post = Effect.fnUntraced(function* (settings: CloudSettings, form: string) {
    const trust = trustOf(settings)
    // A failure would be kept, too, for as long as somebody asks again within the minute.
    const ways = yield* Effect.tapError(RcMap.get(opened, trust), () => RcMap.invalidate(opened, trust))
    const client = yield* Effect.provideService(makeUndici, Dispatcher, yield* ways.current)
    const response = yield* client.execute(
      HttpClientRequest.post(settings.apiUrl).pipe(
        HttpClientRequest.setHeaders({ accept: "application/json", "accept-encoding": "gzip" }),
        HttpClientRequest.bodyText(form, "application/x-www-form-urlencoded")
      )
    )
    return { status: response.status, body: yield* bodyOf(response) }
  })

  return (settings: CloudSettings, form: string): Effect.Effect<Reply, Unreachable | Withheld | DeadlineExceeded> =>
    post(settings, form).pipe(
      Effect.catchTag("HttpClientError", (error) => Effect.fail(reasonOf(error))),
      Effect.scoped,
      Effect.timeoutOrElse({
        duration: settings.callTimeout,
        orElse: () => Effect.fail(new DeadlineExceeded({ after: settings.callTimeout }))
      }),
      Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
    )
})

const inflate = promisify(gunzip)
const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

const bodyOf = Effect.fnUntraced(function* (response: HttpClientResponse.HttpClientResponse) {
  const bytes = new Uint8Array(yield* response.arrayBuffer)
  const plain =
    response.headers["content-encoding"] === "gzip" && bytes.length > 0
      ? yield* Effect.orElseSucceed(
          Effect.tryPromise(() => inflate(bytes)),
          () => new Uint8Array()
        )
      : bytes
  const decoded = decodeJson(new TextDecoder().decode(plain))
  return decoded._tag === "Some" ? decoded.value : undefined
})

/** Raised while a connection is made, so before anything is written to it. */
const beforeSending = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "EPROTO",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_PRX_TLS",
  // The proxy opens no tunnel: it hangs up, or says no. What we abort ourselves, nobody asks about.
  "UND_ERR_PRX_CONN",
  "UND_ERR_ABORTED",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID"
])

const reasonOf = ({ reason }: HttpClientError.HttpClientError): Unreachable | Withheld => {
  if (reason._tag !== "TransportError") {
    return reason._tag === "InvalidUrlError" || reason._tag === "EncodeError"
      ? new Unreachable({ sent: false, text: "the API URL cannot be used" })
      : new Unreachable({ sent: true, text: "the connection broke during the answer" })
  }
  if (reason.cause instanceof NotWritten) return new Withheld({ text: reason.cause.message })
  const code = stringOf(reason.cause, "code")
  const syscall = stringOf(reason.cause, "syscall")
  const sent = !(beforeSending.has(code) || syscall === "connect" || syscall === "getaddrinfo")
  return new Unreachable({ sent, text: `${sent ? "the connection broke" : "no connection"} (${code || "no code"})` })
}

const stringOf = (value: unknown, key: string): string =>
  Predicate.hasProperty(value, key) && typeof value[key] === "string" ? value[key] : ""
