/** The service controller as one thing to provide and run. */
import { Layer } from "effect"
import { AddressLanes } from "./AddressLanes.ts"
import { run } from "./controller.ts"
import { MadeObjects } from "./MadeObjects.ts"
import { Predecessor } from "./Predecessor.ts"
import { Reporter } from "./Reporter.ts"
import { reconcileService } from "./reconcile.ts"

const shared = Layer.mergeAll(AddressLanes.layer, MadeObjects.layer, Reporter.layer)

export const ServiceController = {
  /** What its programs share in memory: lanes, Events already told, things just made. Built when leadership begins. */
  layer: Layer.merge(shared, Predecessor.layer),
  /** The same for programs that are rehearsed only. */
  layerRehearsed: Layer.merge(shared, Predecessor.layerNone),
  /** The controller, for as long as this process leads. */
  run,
  /** One run for one Service (`namespace/name`). */
  reconcile: reconcileService
} as const
