/**
 * A kubeconfig file, with everything that such files may name: tokens, certificates, exec plugins.
 *
 * The library that reads it costs 25 MiB, so it is loaded only here and only when a file is used.
 */
import { readFile } from "node:fs/promises"
import type { RequestOptions } from "node:https"
import { Effect, Predicate, Redacted } from "effect"
import { redactText } from "../../observability/redact.ts"
import { expectedProxy, proxyUrl } from "../../wire/proxies.ts"
import type { KubeError } from "../KubeError.ts"
import { type Credentials, type Source, unusable } from "./credentials.ts"
import { expectedServer, serverUrl } from "./serverUrl.ts"

/** Without what parsers quote of their input: the file is full of secrets, and a plugin's answer is one. */
const messageOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return "unknown reason"
  if (cause instanceof SyntaxError) return "what the exec plugin prints is not JSON"
  return redactText(yamlProblem(cause) ?? cause.message.slice(0, 300))
}

const yamlProblem = (cause: Error): string | undefined => {
  if (!Predicate.hasProperty(cause, "reason") || !Predicate.hasProperty(cause, "mark")) return undefined
  const line =
    Predicate.hasProperty(cause.mark, "line") && Predicate.isNumber(cause.mark.line) ? cause.mark.line + 1 : 1
  return `line ${line}: ${cause.reason}`
}

/** What the library hands to node's TLS: text, bytes, or lists of either. */
const pem = (value: unknown): string | undefined => {
  if (typeof value === "string") return value
  if (value instanceof Uint8Array) return new TextDecoder().decode(value)
  return undefined
}

const nameOf = (path: string | undefined) => (path === undefined ? "the kubeconfig" : `kubeconfig ${path}`)

const unreadable = (path: string | undefined) => (cause: unknown) =>
  unusable(`${nameOf(path)} cannot be read: ${messageOf(cause)}`)

/** Without a path: `KUBECONFIG`, then `~/.kube/config`, as found once. A file that is named may be replaced. */
export const kubeconfig = (path: string | undefined): Source =>
  Effect.sync(() => {
    let known: { readonly text: string; readonly credentials: Effect.Effect<Credentials, KubeError> } | undefined
    return Effect.gen(function* () {
      const text = path === undefined ? "" : yield* textOf(path)
      // What an exec plugin has answered is kept with the configuration.
      const credentials = known?.text === text ? known.credentials : yield* load(path)
      known = { text, credentials }
      return yield* credentials
    })
  })

const textOf = (path: string) => Effect.tryPromise({ try: () => readFile(path, "utf8"), catch: unreadable(path) })

const load = Effect.fnUntraced(function* (path: string | undefined) {
  const named = nameOf(path)
  const { KubeConfig } = yield* Effect.promise(() => import("./clientNode.ts"))
  const config = new KubeConfig()
  yield* Effect.try({
    try: () => (path === undefined ? config.loadFromDefault() : config.loadFromFile(path)),
    catch: unreadable(path)
  })
  const cluster = config.getCurrentCluster()
  if (cluster === null) return yield* unusable(`${named} names no current cluster`)
  const field = (name: string) => `${named}: ${name} of cluster ${JSON.stringify(cluster.name)}`
  const user = config.getCurrentUser()
  const tls = [cluster.caData, cluster.caFile, user?.certData, user?.certFile].some((given) => (given ?? "") !== "")
  const server = serverUrl(cluster.server, tls || cluster.skipTLSVerify)
  if (server === undefined) {
    return yield* unusable(`${field("server")}: ${JSON.stringify(cluster.server)}: ${expectedServer}`)
  }
  const given = cluster.proxyUrl ?? ""
  const proxy = given === "" ? undefined : proxyUrl(given)
  if (given !== "" && proxy === undefined) return yield* unusable(`${field("proxy-url")}: ${expectedProxy}`)
  // Over plain HTTP there is nothing to verify; the library wants it said.
  const known = { ...cluster, server, ...(server.startsWith("http:") ? { skipTLSVerify: true } : {}) }
  config.clusters = config.clusters.map((each) => (each.name === cluster.name ? known : each))

  const credentials: Effect.Effect<Credentials, KubeError> = Effect.gen(function* () {
    const headers: Record<string, string> = {}
    const options: RequestOptions = { headers }
    yield* Effect.tryPromise({
      try: () => config.applyToHTTPSOptions(options),
      catch: (cause) => unusable(`${named}: ${messageOf(cause)}`)
    })
    if (typeof options.auth === "string") {
      headers["Authorization"] = `Basic ${Buffer.from(options.auth).toString("base64")}`
    }
    const [ca, cert, key] = [pem(options.ca), pem(options.cert), pem(options.key)]
    return {
      server,
      tls: {
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key: Redacted.make(key, { label: "client key" }) }),
        ...(known.tlsServerName === undefined ? {} : { servername: known.tlsServerName }),
        verify: !cluster.skipTLSVerify
      },
      headers: Redacted.make({ ...headers }, { label: "kubernetes credentials" }),
      ...(proxy === undefined ? {} : { proxyUrl: proxy })
    }
  })
  return credentials
})
