/** The narrow views over whatever KubeApi is provided; each Services and Nodes layer is one watch and one cache. */
import { Effect, Layer } from "effect"
import { decodeNode, decodeService } from "./decode.ts"
import { KubeApi, nodes, services } from "./KubeApi.ts"
import { Leases } from "./Leases.ts"
import { Nodes } from "./Nodes.ts"
import type { Node, Service } from "./objects.ts"
import { Services } from "./Services.ts"
import { makeStore } from "./Store.ts"
import { makeLeases, makeNodes, makeServices } from "./views.ts"
import { follow } from "./Watch.ts"

export { eventsLayer } from "./recorder.ts"

export const servicesLayer = Layer.effect(
  Services,
  Effect.gen(function* () {
    const api = yield* KubeApi
    const store = makeStore<Service>((service) => service.key)
    yield* Effect.forkScoped(follow(api, { resource: services, decode: decodeService, store }))
    return makeServices(api, store)
  })
)

export const nodesLayer = Layer.effect(
  Nodes,
  Effect.gen(function* () {
    const api = yield* KubeApi
    const store = makeStore<Node>((node) => node.name)
    yield* Effect.forkScoped(follow(api, { resource: nodes, decode: decodeNode, store }))
    return makeNodes(api, store)
  })
)

export const leasesLayer = Layer.effect(Leases, Effect.map(KubeApi, makeLeases))
