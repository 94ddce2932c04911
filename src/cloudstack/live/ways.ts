/** Connections to CloudStack: keep-alive, TLS as configured, through the proxy that the environment names. */
import { readFile } from "node:fs/promises"
import { Effect, type Scope } from "effect"
import { Agent, EnvHttpProxyAgent } from "undici"
import { makeWays, type Ways } from "../../wire/Ways.ts"
import { Unreachable } from "../Api.ts"

/** What decides about connections; calls that agree on it share them. */
export interface Trust {
  readonly verifyTls: boolean
  readonly caFile?: string
  /** Which reading of the file. */
  readonly revision?: number
}

/** The management server drops a connection after 30 s without a request: give it up well before. */
const keepAliveTimeout = 15_000

const proxyVariables = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"]

export const openWays = Effect.fnUntraced(function* ({
  caFile,
  verifyTls
}: Trust): Effect.fn.Return<Ways, Unreachable, Scope.Scope> {
  const ca = caFile === undefined ? undefined : yield* readCa(caFile)
  const connect = { rejectUnauthorized: verifyTls, ...(ca === undefined ? {} : { ca }) }
  // Over HTTP/2 one dead connection would take all calls with it.
  const options = { connect, keepAliveTimeout, allowH2: false }
  const ways = Effect.sync(() =>
    makeWays((connections) =>
      proxyVariables.some((name) => process.env[name])
        ? new EnvHttpProxyAgent({ ...options, ...connections, requestTls: connect })
        : new Agent({ ...options, ...connections })
    )
  )
  return yield* Effect.acquireRelease(ways, ({ destroy }) => destroy)
})

const readCa = (file: string) =>
  Effect.tryPromise({
    try: () => readFile(file, "utf8"),
    catch: () => new Unreachable({ sent: false, text: `the CA file ${file} cannot be read` })
  })
