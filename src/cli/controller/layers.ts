/** What the process is made of: the live sides of the seams, for the life of the process or of its leadership. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Duration, Effect, Layer } from "effect"
import { layer as cloudServices } from "../../cloudstack/layers.ts"
import { layerLive as cloudApiLive } from "../../cloudstack/live/layerLive.ts"
import type { Loaded, Source } from "../../config/load.ts"
import { layerWatching } from "../../config/watch.ts"
import { ClusterId } from "../../controllers/ClusterIdentity.ts"
import * as FencedApi from "../../controllers/FencedApi.ts"
import * as FencedKubeApi from "../../controllers/FencedKubeApi.ts"
import { ServiceOptions } from "../../controllers/service/options.ts"
import { ServiceController } from "../../controllers/service/ServiceController.ts"
import { eventsLayer, leasesLayer, nodesLayer, servicesLayer } from "../../kubernetes/layers.ts"
import { Connection } from "../../kubernetes/live/Connection.ts"
import { layerLive as kubeApiLive } from "../../kubernetes/live/layerLive.ts"
import * as baseMetrics from "../../observability/baseMetrics.ts"
import { HealthChecks } from "../../observability/HealthChecks.ts"
import { Server } from "../../observability/Server.ts"
import { LeaderElection, makeIdentity } from "../../runtime/LeaderElection.ts"
import type { Flags } from "../flags/Flags.ts"
import { version } from "../version.ts"
import { tryCall } from "./reachable.ts"
import { reporter } from "./reload.ts"

/** Held by every replica, leading or not. */
export const processLayer = (flags: Flags, source: Source, first: Loaded) => {
  const client = { qps: flags["kube-api-qps"], burst: flags["kube-api-burst"] }
  const connection = Connection.layer({ kubeconfig: flags.kubeconfig, master: flags.master })
  const kubeApi = kubeApiLive({ ...client, userAgent: `cloudstack-ccm/${version} cloud-controller-manager` })
  // A client of its own: what the controllers ask must not make the leader miss its renewal.
  const electionApi = kubeApiLive({
    ...client,
    userAgent: `cloudstack-ccm/${version} leader-election`,
    timeout: Duration.max(Duration.seconds(1), Duration.times(flags["leader-elect-renew-deadline"], 0.5))
  })
  const kubernetes = Layer.mergeAll(
    eventsLayer.pipe(Layer.provideMerge(kubeApi)),
    leasesLayer.pipe(Layer.provide(electionApi))
  ).pipe(Layer.provide(connection))

  const settings = Layer.unwrap(
    Effect.map(reporter(flags), (report) => layerWatching({ source, tryCall, report }, first))
  ).pipe(Layer.provide(NodeFileSystem.layer))
  const election = Layer.unwrap(
    Effect.map(makeIdentity, (identity) =>
      LeaderElection.layerNoDeps({
        identity,
        namespace: flags["leader-elect-resource-namespace"],
        name: flags["leader-elect-resource-name"],
        timing: {
          leaseDuration: flags["leader-elect-lease-duration"],
          renewDeadline: flags["leader-elect-renew-deadline"],
          retryPeriod: flags["leader-elect-retry-period"]
        }
      })
    )
  )
  const options = { address: flags["bind-address"], port: flags["secure-port"] }
  const server = options.port === 0 ? Layer.empty : Server.layerNoDeps(options)
  return Layer.mergeAll(settings, election, server, baseMetrics.layer(version)).pipe(
    Layer.provideMerge(Layer.merge(kubernetes, HealthChecks.layer))
  )
}

/** Held while leading: caches, the identity of the cluster, and outside systems that only a leader can change. */
export const leaderLayer = (flags: Flags) => {
  // What a dry run rehearses on.
  const api = FencedApi.layer.pipe(Layer.provide(cloudApiLive))
  const cloud = cloudServices.pipe(Layer.provideMerge(api))
  // With Events of its own: what the process tells of itself waits for no leader, and what the leader tells has been
  // told when it gives the Lease back.
  const kubernetes = Layer.mergeAll(nodesLayer, servicesLayer, Layer.fresh(eventsLayer)).pipe(
    Layer.provide(FencedKubeApi.layer)
  )
  const loadBalancerClass = flags["load-balancer-class"]
  const options = ServiceOptions.layerOf({
    workers: flags["concurrent-service-syncs"],
    resyncPeriod: flags["resync-period"],
    adopt: flags.adopt,
    clusterName: flags["cluster-name"],
    ...(loadBalancerClass === "" ? {} : { loadBalancerClass })
  })
  return Layer.mergeAll(cloud, ClusterId.layerNoDeps, options, ServiceController.layer).pipe(
    Layer.provideMerge(kubernetes)
  )
}
