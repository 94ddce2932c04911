/** How the service controller was started. */
import { Context, Duration, Effect, Layer } from "effect"
import { Settings } from "../../config/Settings.ts"
import type { Selection } from "./selection.ts"

export interface ServiceControllerOptions {
  /** `--load-balancer-class`: only Services of this class; absent = only those without one. */
  readonly loadBalancerClass?: string
  /** `--concurrent-service-syncs`. */
  readonly workers: number
  /** `--resync-period`: full reconcile with drift repair; jittered by a tenth. */
  readonly resyncPeriod: Duration.Duration
  /** `--adopt`: take over what an earlier provider made for a Service. */
  readonly adopt: boolean
  /** `--cluster-name`: it is in the names of rules that Leaseweb's provider made. */
  readonly clusterName: string
}

export class ServiceOptions extends Context.Service<ServiceOptions, ServiceControllerOptions>()(
  "ccm/controllers/service/ServiceOptions"
) {
  static readonly layerOf = (options: Partial<ServiceControllerOptions> = {}) =>
    Layer.succeed(this, {
      workers: 10,
      resyncPeriod: Duration.minutes(10),
      adopt: true,
      clusterName: "kubernetes",
      ...options
    })
}

/** Whose Services are ours now: the policy can change while we run. */
export const currentSelection = Effect.gen(function* () {
  const { loadBalancerClass } = yield* ServiceOptions
  const { servicePolicy } = yield* (yield* Settings).current
  const selection: Selection = {
    policy: servicePolicy,
    ...(loadBalancerClass === undefined ? {} : { loadBalancerClass })
  }
  return selection
})
