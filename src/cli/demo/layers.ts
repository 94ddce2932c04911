/** The demo's parts: the real controllers over the simulator, by HTTP, and an API server in memory or a real one. */
import { Duration, Effect, Layer, Redacted } from "effect"
import { layer as cloudServices } from "../../cloudstack/layers.ts"
import { layerLive } from "../../cloudstack/live/layerLive.ts"
import { Listener, layerHttp } from "../../cloudstack/memory/http.ts"
import { layer as simulator } from "../../cloudstack/memory/layer.ts"
import { decodeWorld } from "../../cloudstack/memory/World.ts"
import { Settings } from "../../config/Settings.ts"
import { ClusterId } from "../../controllers/ClusterIdentity.ts"
import { ServiceOptions } from "../../controllers/service/options.ts"
import { ServiceController } from "../../controllers/service/ServiceController.ts"
import { eventsLayer, nodesLayer, servicesLayer } from "../../kubernetes/layers.ts"
import { Connection } from "../../kubernetes/live/Connection.ts"
import { layerLive as kubeApiLive } from "../../kubernetes/live/layerLive.ts"

/** A router takes a moment to load rules, as a real one does (there it is seconds). */
const pushTime = Duration.millis(100)

/** The simulator, listening on loopback at a free port. */
export const cloudLayer = (world: unknown) =>
  Layer.unwrap(
    Effect.map(decodeWorld(world), (decoded) =>
      layerHttp({ bind: "127.0.0.1", port: 0 }).pipe(Layer.provideMerge(simulator(decoded, { pushTime })))
    )
  )

const settings = Layer.unwrap(
  Effect.map(Listener, ({ url }) =>
    Settings.layerOf({
      apiUrl: url,
      credentials: { apiKey: Redacted.make("demo-key"), secretKey: Redacted.make("demo-secret") },
      verifyTls: true,
      callTimeout: Duration.seconds(10),
      jobTimeout: Duration.minutes(1),
      rateLimit: { qps: 20, burst: 20 },
      vmCacheTtl: Duration.seconds(2),
      previousClusterIds: [],
      servicePolicy: "all",
      allowedAddresses: []
    })
  )
)

/** All that the controllers need beside Kubernetes. */
export const controllerLayer = Layer.mergeAll(
  cloudServices.pipe(Layer.provide(layerLive)),
  ServiceController.layer,
  ServiceOptions.layerOf(),
  ClusterId.layerOf("demo")
).pipe(Layer.provideMerge(settings))

/** A cluster of one's own. */
export const clusterLayer = (kubeconfig: string) =>
  Layer.mergeAll(servicesLayer, nodesLayer, eventsLayer).pipe(
    Layer.provideMerge(kubeApiLive({ qps: 20, burst: 30, userAgent: "cloudstack-ccm-demo" })),
    Layer.provide(Connection.layer({ kubeconfig, master: "" }))
  )
