/** `cloudstack-ccm demo`: the main job, to be watched. Needs nothing but itself. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Clock, Console, Effect, Layer, Logger, Option } from "effect"
import * as Cli from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { Simulator } from "../cloudstack/memory/Simulator.ts"
import { sourceOf } from "../kubernetes/live/Connection.ts"
import type { KubeMemory } from "../kubernetes/memory/KubeMemory.ts"
import { kubernetesMemory } from "../kubernetes/memory/layers.ts"
import { Nodes } from "../kubernetes/Nodes.ts"
import * as logging from "../observability/logging.ts"
import { supervise } from "../runtime/Supervise.ts"
import { type Command, CommandError } from "./Command.ts"
import { runControllers } from "./demo/controllers.ts"
import { cloudLayer, clusterLayer, controllerLayer } from "./demo/layers.ts"
import { narrateCloud, narrateEvents } from "./demo/narrate.ts"
import { playAll } from "./demo/play.ts"
import { world, worldFor } from "./demo/scene.ts"
import { table } from "./demo/table.ts"
import { version } from "./version.ts"

/** The scenes, with the controllers and the narration behind them. */
const scenes = Effect.gen(function* () {
  yield* Console.log("A CloudStack and a Kubernetes cluster in memory, the real controllers between them.")
  const start = yield* Clock.currentTimeMillis
  yield* Effect.forkScoped(supervise<never, KubeMemory | Simulator>({ cloud: narrateCloud, events: narrateEvents }))
  const { complete, rows } = yield* Effect.raceFirst(playAll, runControllers)
  const seconds = ((yield* Clock.currentTimeMillis) - start) / 1000
  yield* Console.log(`\n${table(rows)}\n`)
  if (complete)
    return yield* Console.log(`Every scene came true, and nothing is left in CloudStack (${seconds.toFixed(1)} s).`)
  return yield* new CommandError({ message: `"${rows.at(-1)?.scene}" did not come true`, exitCode: 1 })
}).pipe(
  Effect.scoped,
  Effect.provide(controllerLayer.pipe(Layer.provideMerge(Layer.mergeAll(cloudLayer(world), kubernetesMemory)))),
  // The narration says it better than log lines.
  Effect.provide(Logger.layer([]))
)

/** The controllers on a real cluster; its CloudStack is simulated, with one VM for each Node that is there now. */
const onCluster = Effect.fnUntraced(
  function* (kubeconfig: string) {
    // Credentials that can not be read are a mistake; an API server that does not answer is waited for.
    yield* Effect.mapError(
      Effect.flatten(sourceOf({ kubeconfig })),
      ({ message }) => new CommandError({ message, exitCode: 1 })
    )
    const cluster = clusterLayer(kubeconfig)
    const names = yield* Effect.gen(function* () {
      const nodes = yield* Nodes
      yield* nodes.synced
      return (yield* nodes.all).map(({ name }) => name)
    }).pipe(Effect.provide(cluster))
    yield* Console.log(`A simulated CloudStack with VMs for your nodes: ${names.join(", ") || "(none yet)"}.`)
    yield* Console.log("Apply a Service of type LoadBalancer and watch. End with Ctrl-C.")
    const everything = controllerLayer.pipe(Layer.provideMerge(Layer.mergeAll(cloudLayer(worldFor(names)), cluster)))
    return yield* Effect.forkScoped(supervise({ cloud: narrateCloud })).pipe(
      Effect.andThen(runControllers),
      Effect.scoped,
      Effect.provide(everything)
    )
  },
  Effect.provide(logging.layer({ format: "text", verbosity: 2 }))
)

const cli = Cli.make(
  "demo",
  {
    kubeconfig: Flag.String("kubeconfig").pipe(
      Flag.withMetavar("file"),
      Flag.withDescription("Run the controllers against this cluster instead, with the simulated CloudStack"),
      Flag.optional
    )
  },
  ({ kubeconfig }) => (Option.isSome(kubeconfig) ? onCluster(kubeconfig.value) : scenes)
).pipe(Cli.withDescription("Shows a Service getting its load balancer, on a CloudStack in memory"))

export const command: Command = (args) => Cli.runWith(cli, { version })(args).pipe(Effect.provide(NodeServices.layer))
