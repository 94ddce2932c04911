/** Connections to CloudStack: keep-alive, TLS as configured, through the proxy that the environment names. */
import { readFile } from "node:fs/promises"
import { Effect, Result, type Scope } from "effect"
import { openWays } from "../../wire/agents.ts"
import { environmentProxy } from "../../wire/proxies.ts"
import type { Ways } from "../../wire/Ways.ts"
import { Unreachable } from "../Api.ts"

/** What decides about connections; calls that agree on it share them. */
export interface Trust {
  readonly apiUrl: string
  readonly verifyTls: boolean
  readonly caFile?: string
  /** Which reading of the file. */
  readonly revision?: number
}

/** The management server drops a connection after 30 s without a request: give it up well before. */
const keepAliveTimeout = 15_000

export const waysTo = Effect.fnUntraced(function* ({
  apiUrl,
  caFile,
  verifyTls
}: Trust): Effect.fn.Return<Ways, Unreachable, Scope.Scope> {
  const ca = caFile === undefined ? undefined : yield* readCa(caFile)
  const connect = { rejectUnauthorized: verifyTls, ...(ca === undefined ? {} : { ca }) }
  const proxy = environmentProxy(apiUrl, process.env)
  if (Result.isFailure(proxy)) return yield* new Unreachable({ sent: false, text: proxy.failure })
  const open = Effect.sync(() => openWays({ connect, proxy: proxy.success, timeouts: { keepAliveTimeout } }))
  return yield* Effect.acquireRelease(open, ({ destroy }) => destroy)
})

const readCa = (file: string) =>
  Effect.tryPromise({
    try: () => readFile(file, "utf8"),
    catch: () => new Unreachable({ sent: false, text: `the CA file ${file} cannot be read` })
  })
