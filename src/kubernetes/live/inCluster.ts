/** A pod's own service account: token and CA are files that the kubelet keeps fresh. */
import { readFile } from "node:fs/promises"
import { isIPv6 } from "node:net"
import { join } from "node:path"
import { Config, Effect, Option, Redacted } from "effect"
import type { KubeError } from "../KubeError.ts"
import { type Credentials, unusable } from "./credentials.ts"

const accountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"

const read = (file: string) =>
  Effect.tryPromise({
    try: () => readFile(file, "utf8"),
    catch: () => unusable(`${file} cannot be read`)
  })

const Address = Config.all({
  host: Config.option(Config.NonEmptyString("KUBERNETES_SERVICE_HOST")),
  port: Config.option(Config.NonEmptyString("KUBERNETES_SERVICE_PORT"))
})

/** None outside a pod. */
export const inCluster = (directory: string = accountDirectory) =>
  Effect.gen(function* () {
    const { host, port } = yield* Effect.orDie(Address)
    if (Option.isNone(host) || Option.isNone(port)) return Option.none()
    const server = `https://${isIPv6(host.value) ? `[${host.value}]` : host.value}:${port.value}`
    const credentials: Effect.Effect<Credentials, KubeError> = Effect.gen(function* () {
      const token = yield* read(join(directory, "token"))
      const ca = yield* read(join(directory, "ca.crt"))
      return {
        server,
        tls: { ca, verify: true },
        headers: Redacted.make({ authorization: `Bearer ${token.trim()}` }, { label: "kubernetes credentials" })
      }
    })
    return Option.some(credentials)
  })
