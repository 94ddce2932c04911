/**
 * A real etcd and kube-apiserver on the loopback, with RBAC and service-account tokens, for as long as its scope.
 *
 * There is no kube-controller-manager: nothing makes default ServiceAccounts, runs Pods or fills Endpoints, so whatever
 * changes in this cluster was changed by a test or by the controller under test.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { request } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Context, Effect, Layer, Schedule, Schema, type Scope } from "effect"
import { type AuditEntry, auditPolicy, readAudit } from "./audit.ts"
import type { Binaries } from "./binaries.ts"
import { type Kubectl, makeKubectl } from "./kubectl.ts"
import { freePort, type Process, ProcessError, start } from "./Process.ts"

export interface LogIn {
  /** Path of the file, which nothing changes any more. */
  readonly kubeconfig: string
  /** What the audit calls requests with this token: replicas of one service account are told apart by it. */
  readonly credential: string
}

export class ControlPlane extends Context.Service<
  ControlPlane,
  {
    readonly url: string
    /** Temporary, gone with the control plane: tests put their own files here too. */
    readonly directory: string
    /** As cluster administrator. */
    readonly kubectl: Kubectl
    readonly adminKubeconfig: string
    /** A fresh token of this service account, which must exist. */
    readonly logIn: (namespace: string, serviceAccount: string) => Effect.Effect<LogIn, unknown>
    /** What service accounts asked of the API server so far, as the API server itself wrote it down. */
    readonly audit: Effect.Effect<ReadonlyArray<AuditEntry>>
  }
>()("test/cluster/ControlPlane") {
  static readonly layer = (binaries: Binaries) => Layer.effect(this, make(binaries))
}

const make = Effect.fnUntraced(function* (binaries: Binaries) {
  const directory = yield* temporaryDirectory
  const file = (name: string) => join(directory, name)
  const adminToken = randomBytes(24).toString("hex")
  writeFileSync(file("tokens.csv"), `${adminToken},admin,admin,"system:masters"\n`, { mode: 0o600 })
  writeFileSync(file("audit-policy.yaml"), auditPolicy)
  const keys = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" }
  })
  writeFileSync(file("service-account.key"), keys.privateKey, { mode: 0o600 })
  writeFileSync(file("service-account.pub"), keys.publicKey)

  const etcdUrl = yield* startEtcd(binaries, directory)
  const port = yield* freePort
  const url = `https://127.0.0.1:${port}`
  const server = yield* start({
    command: binaries.kubeApiserver,
    logFile: file("kube-apiserver.log"),
    args: [
      `--etcd-servers=${etcdUrl}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--secure-port=${port}`,
      `--cert-dir=${directory}`,
      "--endpoint-reconciler-type=none",
      "--service-cluster-ip-range=10.96.0.0/16",
      "--authorization-mode=RBAC",
      `--token-auth-file=${file("tokens.csv")}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${file("service-account.pub")}`,
      `--service-account-signing-key-file=${file("service-account.key")}`,
      `--audit-policy-file=${file("audit-policy.yaml")}`,
      `--audit-log-path=${file("audit.log")}`,
      "--allow-privileged=true",
      "--enable-priority-and-fairness=false",
      "--profiling=false"
    ]
  })
  const caFile = file("apiserver.crt")
  yield* untilReady(server, url, caFile)

  const writeKubeconfig = (name: string, token: string) => {
    writeFileSync(file(name), kubeconfig({ url, caFile, user: name, token }), { mode: 0o600 })
    return file(name)
  }
  const adminKubeconfig = writeKubeconfig("admin.kubeconfig", adminToken)
  const kubectl = makeKubectl(binaries.kubectl, adminKubeconfig)
  let logIns = 0
  return ControlPlane.of({
    url,
    directory,
    kubectl,
    adminKubeconfig,
    logIn: Effect.fnUntraced(function* (namespace, serviceAccount) {
      const text = yield* kubectl(["-n", namespace, "create", "token", serviceAccount, "--duration=2h"])
      const token = text.trim()
      const { jti } = yield* decodeClaims(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"))
      const kubeconfig = writeKubeconfig(`${namespace}.${serviceAccount}.${logIns++}.kubeconfig`, token)
      return { kubeconfig, credential: `JTI=${jti}` }
    }),
    audit: readAudit(file("audit.log"))
  })
})

const decodeClaims = Schema.decodeEffect(Schema.fromJsonString(Schema.Struct({ jti: Schema.String })))

const temporaryDirectory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "cloudstack-ccm-"))),
  (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
)

const startEtcd = Effect.fnUntraced(function* (binaries: Binaries, directory: string) {
  const client = `http://127.0.0.1:${yield* freePort}`
  const peer = `http://127.0.0.1:${yield* freePort}`
  yield* start({
    command: binaries.etcd,
    logFile: join(directory, "etcd.log"),
    args: [
      `--data-dir=${join(directory, "etcd")}`,
      "--unsafe-no-fsync",
      "--log-level=error",
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`
    ]
  })
  return client
})

/** Polls `/readyz`; a server that has exited will not become ready any more, so its last words are the error. */
const untilReady = (server: Process, url: string, caFile: string): Effect.Effect<void, ProcessError, Scope.Scope> =>
  Effect.suspend(() => {
    if (server.running()) return statusOf(`${url}/readyz`, caFile)
    return Effect.flatMap(server.output, (output) =>
      Effect.die(new Error(`kube-apiserver ended: ${output.slice(-2000)}`))
    )
  }).pipe(
    Effect.flatMap((status) => (status === 200 ? Effect.void : notReady(`readyz answers ${status}`))),
    Effect.retry(Schedule.spaced("100 millis")),
    Effect.timeoutOrElse({ duration: "2 minutes", orElse: () => notReady("not ready after 2 minutes") })
  )

const notReady = (message: string) => Effect.fail(new ProcessError({ program: "kube-apiserver", message }))

const statusOf = (url: string, caFile: string) =>
  Effect.callback<number, ProcessError>((resume) => {
    if (!existsSync(caFile)) return resume(notReady("no certificate yet"))
    const asked = request(url, { ca: readFileSync(caFile), agent: false, timeout: 5_000 }, (answer) => {
      answer.resume()
      resume(Effect.succeed(answer.statusCode ?? 0))
    })
    asked.on("error", ({ message }) => resume(notReady(message)))
    asked.on("timeout", () => asked.destroy(new Error("timeout")))
    asked.end()
  })

const kubeconfig = (of: { url: string; caFile: string; user: string; token: string }) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server: of.url, "certificate-authority": of.caFile } }],
    users: [{ name: of.user, user: { token: of.token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: of.user } }],
    "current-context": "test"
  })
