/**
 * A cluster on a simulated CloudStack, ready for the controller: control plane, the shipped manifests, nodes and the
 * cloud they run in. Only what a test starts is missing.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
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

/** One replica of the controller; health and metrics are under `origin`. */
export interface Replica extends Process {
  readonly origin: string
}

export class Cluster extends Context.Service<
  Cluster,
  {
    readonly controlPlane: ControlPlane["Service"]
    readonly kubectl: Kubectl
    readonly cloud: CloudStack
    /** The bundle with the arguments and the rights of the shipped manifest, until the scope ends; healthy when returned. */
    readonly startController: Effect.Effect<Replica, unknown, Scope.Scope>
    /** CloudStack is gone while this runs, and comes back as it was in the beginning. */
    readonly cloudOutage: <A, E, R>(during: Effect.Effect<A, E, R>) => Effect.Effect<A, unknown, R>
    /** Everything that the controllers of this cluster have written. */
    readonly controllerLogs: Effect.Effect<string>
  }
>()("test/cluster/Cluster") {
  static readonly layer = (binaries: Binaries) =>
    Layer.effect(this, make).pipe(Layer.provide(ControlPlane.layer(binaries)))
}

/** A simulated CloudStack as a process of its own, answering when returned. */
export const startSimulator = Effect.fnUntraced(function* (
  bundle: string,
  directory: string,
  port: number,
  ofWorld: unknown = world
) {
  const worldFile = join(directory, "world.json")
  writeFileSync(worldFile, JSON.stringify(ofWorld))
  const simulator = yield* start({
    command: process.execPath,
    args: [bundle, "simulate", "--world", worldFile, "--port", `${port}`, "--bind", "127.0.0.1"],
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

const make = Effect.gen(function* () {
  const built = inject("bundle")
  if ("broken" in built) return yield* new ProcessError({ program: "npm run build", message: built.broken })
  const bundle = built.path
  const controlPlane = yield* ControlPlane
  const { directory, kubectl } = controlPlane
  const cloudPort = yield* freePort
  const origin = `http://127.0.0.1:${cloudPort}`
  const scope = yield* Effect.scope
  const simulate = Effect.provideService(startSimulator(bundle, directory, cloudPort), Scope.Scope, scope)
  let simulator = yield* simulate

  yield* kubectl(["apply", "--server-side", "-k", join(root, "deploy/kustomize/base")])
  const nodes = { apiVersion: "v1", kind: "List", items: nodesAtFirst.map(nodeObject) }
  yield* kubectl(["apply", "-f", "-"], JSON.stringify(nodes))

  const configFile = join(directory, "cloud-config")
  writeFileSync(configFile, cloudConfig(`${origin}/client/api`), { mode: 0o600 })

  const logFiles: Array<string> = []
  const startController = Effect.gen(function* () {
    const kubeconfig = yield* controlPlane.kubeconfigOf("kube-system", "cloud-controller-manager")
    const logFile = join(directory, `controller-${logFiles.length}.log`)
    logFiles.push(logFile)
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
        `--secure-port=${port}`
      ],
      logFile
    })
    const replicaOrigin = `http://127.0.0.1:${port}`
    yield* whileRunning(
      "controller",
      replica,
      eventually(httpText(`${replicaOrigin}/healthz`), () => {})
    )
    return { ...replica, origin: replicaOrigin }
  })
  return Cluster.of({
    controlPlane,
    kubectl,
    cloud: makeCloudStack(origin, keys),
    startController,
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

/** The end of what the controllers said, for a test that failed. */
export const lastWords: Effect.Effect<string, never, Cluster> = Effect.flatMap(Cluster, ({ controllerLogs }) =>
  Effect.map(controllerLogs, (logs) => logs.split("\n").slice(-60).join("\n"))
)
