/**
 * A cluster on a simulated CloudStack, ready for the controller: control plane, the shipped manifests, nodes and the
 * cloud they run in. Only what a test starts is missing.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Context, Effect, Layer, Scope } from "effect"
import { inject } from "vitest"
import type { Binaries } from "./binaries.ts"
import { type CloudStack, makeCloudStack } from "./CloudStack.ts"
import { ControlPlane } from "./ControlPlane.ts"
import { eventually } from "./eventually.ts"
import { httpText } from "./http.ts"
import type { Kubectl } from "./kubectl.ts"
import { freePort, type Process, ProcessError, start } from "./Process.ts"
import { cloudConfig, keys, nodeObject, nodesAtFirst, world } from "./world.ts"

const root = join(import.meta.dirname, "../..")

/** One replica of the controller. */
export interface Replica extends Process {
  /** Of health and metrics. */
  readonly origin: string
  /** Its requests in the audit of the API server. */
  readonly credential: string
}

export interface ReplicaOptions {
  /** Besides those of the shipped manifest. */
  readonly flags?: ReadonlyArray<string>
  /** Where it finds CloudStack, if not at the simulator itself. */
  readonly cloud?: string
  /** Lines of its cloud-config, besides those that it needs. */
  readonly settings?: string
}

export class Cluster extends Context.Service<
  Cluster,
  {
    readonly controlPlane: ControlPlane["Service"]
    readonly kubectl: Kubectl
    readonly cloud: CloudStack
    /** Of the simulator: `http://127.0.0.1:<port>`. */
    readonly cloudOrigin: string
    /** The bundle with the arguments and the rights of the shipped manifest, until the scope ends; healthy when returned. */
    readonly startReplica: (options: ReplicaOptions) => Effect.Effect<Replica, unknown, Scope.Scope>
    /** The same without options. */
    readonly startController: Effect.Effect<Replica, unknown, Scope.Scope>
    /** CloudStack is gone while this runs, and comes back as it was in the beginning. */
    readonly cloudOutage: <A, E, R>(during: Effect.Effect<A, E, R>) => Effect.Effect<A, unknown, R>
    /** Everything that the controllers of this cluster have written. */
    readonly controllerLogs: Effect.Effect<string>
  }
>()("test/cluster/Cluster") {
  /** `simulatorFlags` as of `simulate`. */
  static readonly layerWith = (simulatorFlags: ReadonlyArray<string>) => (binaries: Binaries) =>
    Layer.effect(this, make(simulatorFlags)).pipe(Layer.provide(ControlPlane.layer(binaries)))
  static readonly layer = this.layerWith([])
}

/** A simulated CloudStack as a process of its own, answering when returned. */
export const startSimulator = Effect.fnUntraced(function* (of: {
  readonly bundle: string
  readonly directory: string
  readonly port: number
  readonly world: unknown
  readonly flags?: ReadonlyArray<string>
}) {
  const { bundle, directory, flags = [], port, world } = of
  const worldFile = join(directory, "world.json")
  writeFileSync(worldFile, JSON.stringify(world))
  const simulator = yield* start({
    command: process.execPath,
    args: [bundle, "simulate", "--world", worldFile, "--port", `${port}`, "--bind", "127.0.0.1", ...flags],
    logFile: join(directory, "simulator.log")
  })
  yield* whileRunning(
    "simulator",
    simulator,
    eventually(httpText(`http://127.0.0.1:${port}/world`), () => {})
  )
  return simulator
})

/** Waiting for a process to be ready ends when it ends, with what it said. */
const whileRunning = <A>(program: string, of: Process, ready: Effect.Effect<A, unknown>) =>
  Effect.raceFirst(
    ready,
    Effect.andThen(of.exit, () => new ProcessError({ program, message: "ended" }))
  ).pipe(
    Effect.catch((cause) =>
      Effect.flatMap(of.output, (said) => new ProcessError({ program, message: `${cause}\n${said.slice(-4000)}` }))
    )
  )

const make = Effect.fnUntraced(function* (simulatorFlags: ReadonlyArray<string>) {
  const built = inject("bundle")
  if ("broken" in built) return yield* new ProcessError({ program: "npm run build", message: built.broken })
  const bundle = built.path
  const controlPlane = yield* ControlPlane
  const { directory, kubectl } = controlPlane
  const cloudPort = yield* freePort
  const origin = `http://127.0.0.1:${cloudPort}`
  const scope = yield* Effect.scope
  const simulate = Effect.provideService(
    startSimulator({ bundle, directory, port: cloudPort, world, flags: simulatorFlags }),
    Scope.Scope,
    scope
  )
  let simulator = yield* simulate

  yield* kubectl(["apply", "--server-side", "-k", join(root, "deploy/kustomize/base")])
  const nodes = { apiVersion: "v1", kind: "List", items: nodesAtFirst.map(nodeObject) }
  yield* kubectl(["apply", "-f", "-"], JSON.stringify(nodes))

  const logFiles: Array<string> = []
  const startReplica = Effect.fnUntraced(function* ({ cloud = origin, flags = [], settings = "" }: ReplicaOptions) {
    const { credential, kubeconfig } = yield* controlPlane.logIn("kube-system", "cloud-controller-manager")
    const logFile = join(directory, `controller-${logFiles.length}.log`)
    const configFile = join(directory, `cloud-config-${logFiles.length}`)
    logFiles.push(logFile)
    writeFileSync(configFile, cloudConfig(`${cloud}/client/api`) + settings, { mode: 0o600 })
    const port = yield* freePort
    const replica = yield* start({
      command: process.execPath,
      args: [
        bundle,
        "--leader-elect=true",
        "--cloud-provider=external-cloudstack",
        `--cloud-config=${configFile}`,
        `--kubeconfig=${kubeconfig}`,
        "--bind-address=127.0.0.1",
        `--secure-port=${port}`,
        ...flags
      ],
      logFile
    })
    const replicaOrigin = `http://127.0.0.1:${port}`
    yield* whileRunning(
      "controller",
      replica,
      eventually(httpText(`${replicaOrigin}/healthz`), () => {})
    )
    return { ...replica, origin: replicaOrigin, credential }
  })
  return Cluster.of({
    controlPlane,
    kubectl,
    cloud: makeCloudStack(origin, keys),
    cloudOrigin: origin,
    startReplica,
    startController: startReplica({}),
    cloudOutage: (during) =>
      Effect.acquireUseRelease(
        Effect.andThen(simulator.signal("SIGTERM"), simulator.exit),
        () => during,
        () =>
          Effect.map(Effect.orDie(simulate), (again) => {
            simulator = again
          })
      ),
    controllerLogs: Effect.sync(() =>
      logFiles
        .filter((file) => existsSync(file))
        .map((file) => readFileSync(file, "utf8"))
        .join("")
    )
  })
})

/** The end of what the controllers said, for a test that failed, and where the rest of it is. */
export const lastWords: Effect.Effect<string, never, Cluster> = Effect.flatMap(Cluster, ({ controllerLogs }) =>
  Effect.map(controllerLogs, (logs) => {
    const file = join(root, ".cache/controllers.log")
    mkdirSync(join(file, ".."), { recursive: true })
    writeFileSync(file, logs)
    return [...logs.split("\n").slice(-60), `[cluster] all that the controllers said is in ${file}`].join("\n")
  })
)
