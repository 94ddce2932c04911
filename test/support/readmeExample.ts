import { Effect, Layer } from "effect"
import { ClusterId, cloudStackLayer, reconcileService, ServiceController, ServiceOptions } from "../../src/index.ts"

export const controller = Layer.mergeAll(
  cloudStackLayer,
  ServiceController.layer,
  ServiceOptions.layerOf(),
  ClusterId.layerOf("my-cluster")
)

/** Its type says what is left to provide: a CloudStackApi, Settings and the views of the cluster. */
export const sync = Effect.provide(reconcileService("default/web"), controller)
