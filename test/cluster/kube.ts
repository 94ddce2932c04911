/** The API server as its administrator sees it, over HTTP: for what would be too slow with one kubectl per request. */
import { Context, Effect, Layer, Schema } from "effect"
import type { JsonObject } from "../../src/kubernetes/json.ts"
import { KubeApi, namespaces, services } from "../../src/kubernetes/KubeApi.ts"
import { Connection } from "../../src/kubernetes/live/Connection.ts"
import { layerLive } from "../../src/kubernetes/live/layerLive.ts"
import { Cluster } from "./Cluster.ts"

/** Without a limit on its rate. */
export const administrator = Effect.gen(function* () {
  const { controlPlane } = yield* Cluster
  const connection = Connection.layer({ kubeconfig: controlPlane.adminKubeconfig })
  const client = layerLive({ userAgent: "cluster-tests", qps: 0, burst: 0 }).pipe(Layer.provide(connection))
  return Context.get(yield* Layer.build(client), KubeApi)
})

const Port = Schema.Struct({ port: Schema.Int, nodePort: Schema.optionalKey(Schema.Int) })
const Ingress = Schema.Struct({ ip: Schema.String, ipMode: Schema.optionalKey(Schema.String) })

const Service = Schema.Struct({
  metadata: Schema.Struct({
    name: Schema.String,
    uid: Schema.String,
    finalizers: Schema.optionalKey(Schema.Array(Schema.String)),
    annotations: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
  }),
  spec: Schema.Struct({
    type: Schema.String,
    ports: Schema.Array(Port),
    loadBalancerSourceRanges: Schema.optionalKey(Schema.Array(Schema.String))
  }),
  status: Schema.Struct({
    loadBalancer: Schema.Struct({ ingress: Schema.optionalKey(Schema.Array(Ingress)) })
  })
})
export type ServiceObject = typeof Service.Type

const decodeList = Schema.decodeUnknownEffect(Schema.Struct({ items: Schema.Array(Service) }))

/** A new namespace, and what is done to Services in it. */
export const workplace = Effect.fnUntraced(function* (namespace: string) {
  const api = yield* administrator
  const metadata = { name: namespace }
  yield* api.call({ verb: "create", resource: namespaces, body: { apiVersion: "v1", kind: "Namespace", metadata } })
  const about = { resource: services, namespace } as const
  return {
    create: (name: string, { annotations = {}, spec }: { annotations?: JsonObject; spec: JsonObject }) => {
      const body = { apiVersion: "v1", kind: "Service", metadata: { name, namespace, annotations }, spec }
      return api.call({ ...about, verb: "create", body })
    },
    patch: (name: string, body: JsonObject) => api.call({ ...about, verb: "patch", name, body }),
    remove: (name: string) => api.call({ ...about, verb: "delete", name }),
    all: Effect.map(Effect.flatMap(api.call({ ...about, verb: "list" }), decodeList), ({ items }) => items)
  }
})
