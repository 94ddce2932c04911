/** The three controllers as the process runs them, with the shorter waits of a demo. */
import { Duration, type Effect } from "effect"
import * as NodeController from "../../controllers/node/NodeController.ts"
import * as NodeLifecycleController from "../../controllers/nodeLifecycle/NodeLifecycleController.ts"
import { ServiceController } from "../../controllers/service/ServiceController.ts"
import { supervise } from "../../runtime/Supervise.ts"

const nodes = NodeController.run({
  providerIdFormat: "external-cloudstack",
  nodeStatusUpdateFrequency: Duration.minutes(5),
  concurrentNodeSyncs: 2,
  concurrentNodeStatusUpdates: 0
})
const lifecycle = NodeLifecycleController.run({ nodeMonitorPeriod: Duration.seconds(5) })

type Controller = typeof ServiceController.run | typeof nodes | typeof lifecycle

export const runControllers = supervise<Effect.Error<Controller>, Effect.Services<Controller>>({
  "service-lb-controller": ServiceController.run,
  "cloud-node-controller": nodes,
  "cloud-node-lifecycle-controller": lifecycle
})
