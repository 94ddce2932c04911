/** The controllers that are switched on, running together: the first to end, ends all. */
import { Duration, Effect, Metric, Random } from "effect"
import * as NodeController from "../../controllers/node/NodeController.ts"
import * as NodeLifecycleController from "../../controllers/nodeLifecycle/NodeLifecycleController.ts"
import { ServiceController } from "../../controllers/service/ServiceController.ts"
import { HealthChecks } from "../../observability/HealthChecks.ts"
import { runningControllers } from "../../observability/metrics.ts"
import { supervise } from "../../runtime/Supervise.ts"
import { aliases, type ControllerName, isEnabled } from "../flags/controllers.ts"
import type { Flags } from "../flags/Flags.ts"
import { dryRun } from "./dryRun.ts"

/** Metric, and a health check under the canonical name, for as long as the controller runs. */
const announced = Effect.fnUntraced(function* <A, E, R>(name: ControllerName, controller: Effect.Effect<A, E, R>) {
  const gauge = runningControllers.of({ manager: "cloud-controller-manager", name: aliases[name] })
  const checks = yield* HealthChecks
  yield* checks.add({ name, of: "health", check: Effect.void })
  yield* Effect.acquireRelease(Metric.update(gauge, 1), () => Metric.update(gauge, 0))
  yield* Effect.logInfo("controller started", { controller: name })
  return yield* controller
}, Effect.scoped)

const nodeController = (flags: Flags) =>
  NodeController.run({
    providerIdFormat: flags["cloud-provider"] === "cloudstack" ? "cloudstack" : "external-cloudstack",
    nodeStatusUpdateFrequency: flags["node-status-update-frequency"],
    concurrentNodeSyncs: flags["concurrent-node-syncs"],
    concurrentNodeStatusUpdates: flags["concurrent-node-status-updates"]
  })

const lifecycleController = (flags: Flags) =>
  NodeLifecycleController.run({ nodeMonitorPeriod: flags["node-monitor-period"] })

type Controller =
  | typeof ServiceController.run
  | ReturnType<typeof nodeController>
  | ReturnType<typeof lifecycleController>

/** Interrupt it to stop; nothing else than a failure ends it. */
export const runControllers = Effect.fnUntraced(function* (flags: Flags) {
  const enabled = (name: ControllerName) => isEnabled(name, flags.controllers)
  for (const name of ["service-lb-controller", "cloud-node-controller", "cloud-node-lifecycle-controller"] as const) {
    if (!enabled(name)) yield* Effect.logWarning(`${JSON.stringify(name)} is disabled`)
  }
  if (flags["dry-run"]) {
    yield* Effect.logWarning("dry run: nothing is written, and Nodes are not looked at")
    return yield* supervise({ "dry-run": enabled("service-lb-controller") ? dryRun(flags) : Effect.never })
  }
  /** Each starts an interval, or up to twice that, after the one before. */
  let delay = Duration.zero
  const after = Effect.fnUntraced(function* <A, E, R>(name: ControllerName, controller: Effect.Effect<A, E, R>) {
    if (!enabled(name)) return yield* Effect.never
    const mine = delay
    delay = Duration.sum(mine, Duration.times(flags["controller-start-interval"], 1 + (yield* Random.next)))
    return yield* Effect.delay(announced(name, controller), mine)
  })
  return yield* supervise<Effect.Error<Controller>, Effect.Services<Controller> | HealthChecks>({
    "service-lb-controller": after("service-lb-controller", ServiceController.run),
    "cloud-node-controller": after("cloud-node-controller", nodeController(flags)),
    "cloud-node-lifecycle-controller": after("cloud-node-lifecycle-controller", lifecycleController(flags))
  })
})
