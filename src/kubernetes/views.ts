/** Services, Nodes and Leases over a KubeApi and a cache: the same code on the live and on the in-memory API server. */
import { Effect, Option, Result, Schema } from "effect"
import { type Decoded, decodeNode, decodeService } from "./decode.ts"
import { isObject, type JsonObject, textsAt } from "./json.ts"
import { type KubeApi, type KubeRequest, leases, nodes, operationOf, services } from "./KubeApi.ts"
import { KubeError } from "./KubeError.ts"
import { type Lease, type LeaseSpec, Leases } from "./Leases.ts"
import { Nodes, type NodeWrite } from "./Nodes.ts"
import type { Node, Service } from "./objects.ts"
import { nodePatch, servicePatch } from "./patches.ts"
import { Services, type ServiceWrite } from "./Services.ts"
import type { Store } from "./Store.ts"

type Api = KubeApi["Service"]
type Decode<A> = (json: unknown) => Decoded<A>

const callFor = <A>(api: Api, decode: Decode<A>, request: KubeRequest): Effect.Effect<A, KubeError> =>
  api.call(request).pipe(
    Effect.flatMap((json) => Effect.fromResult(decode(json))),
    Effect.catchTag("SchemaError", (error) =>
      Effect.fail(new KubeError({ operation: operationOf(request), status: 0, text: `unreadable: ${error.message}` }))
    )
  )

const goneIsNone = <A>(effect: Effect.Effect<Option.Option<A>, KubeError>) =>
  Effect.catchIf(
    effect,
    (error) => error.notFound,
    () => Effect.succeedNone
  )

export const makeServices = (api: Api, store: Store<Service>): Services["Service"] => {
  const write = Effect.fn("Services.write")(function* (service: Service, write: ServiceWrite) {
    const body = servicePatch(service, write)
    if (body === undefined) return Option.some(service)
    const { namespace, name } = service
    const request = { verb: "patch", resource: services, namespace, name, subresource: "status", body } as const
    const after = yield* callFor(api, decodeService, request)
    // The last finalizer went with this write: the answer is the object's last state, and it is gone.
    if (after.deleting && after.finalizers.length === 0) {
      store.bury(after)
      return Option.none<Service>()
    }
    store.upsert(after)
    return Option.some(after)
  }, goneIsNone)
  return Services.of({ synced: store.synced, find: store.find, all: store.all, changes: store.changes, write })
}

const deleteBody = ({ resourceVersion, uid }: Node): JsonObject => ({
  kind: "DeleteOptions",
  apiVersion: "v1",
  preconditions: { uid, resourceVersion }
})

export const makeNodes = (api: Api, store: Store<Node>): Nodes["Service"] => {
  const keep = (node: Node) => {
    store.upsert(node)
    return Option.some(node)
  }
  const fetch = Effect.fn("Nodes.fetch")(
    (name: string) => Effect.map(callFor(api, decodeNode, { verb: "get", resource: nodes, name }), keep),
    goneIsNone
  )
  const write = Effect.fn("Nodes.write")(function* (node: Node, write: NodeWrite) {
    const body = nodePatch(node, write)
    if (body === undefined) return Option.some(node)
    const request: KubeRequest = {
      verb: "patch",
      resource: nodes,
      name: node.name,
      ...(write._tag === "SetAddresses" ? { subresource: "status" } : {}),
      body
    }
    return keep(yield* callFor(api, decodeNode, request))
  }, goneIsNone)
  const remove = Effect.fn("Nodes.remove")(
    function* (node: Node) {
      const answer = yield* api.call({ verb: "delete", resource: nodes, name: node.name, body: deleteBody(node) })
      // With finalizers it goes later; else the watch may be long in telling.
      if (!isObject(answer) || textsAt(answer, "metadata", "finalizers").length === 0) store.bury(node)
    },
    (removing, node) =>
      Effect.catchIf(
        removing,
        (error) => error.notFound,
        () => Effect.sync(() => store.bury(node))
      )
  )
  const { synced, find, all, changes } = store
  return Nodes.of({ synced, find, all, changes, fetch, write, remove })
}

const LeaseWire = Schema.Struct({
  metadata: Schema.Struct({
    name: Schema.String,
    namespace: Schema.String,
    uid: Schema.String,
    resourceVersion: Schema.String
  }),
  spec: Schema.optionalKey(
    Schema.Struct({
      holderIdentity: Schema.optionalKey(Schema.NullishOr(Schema.String)),
      leaseDurationSeconds: Schema.optionalKey(Schema.NullishOr(Schema.Int)),
      acquireTime: Schema.optionalKey(Schema.NullishOr(Schema.String)),
      renewTime: Schema.optionalKey(Schema.NullishOr(Schema.String)),
      leaseTransitions: Schema.optionalKey(Schema.NullishOr(Schema.Int))
    })
  )
})

const millis = (time: string | null | undefined): number => {
  const parsed = Date.parse(time ?? "")
  return Number.isNaN(parsed) ? 0 : parsed
}

const decodeLease: Decode<Lease> = (json) =>
  Result.map(Schema.decodeUnknownResult(LeaseWire)(json), ({ metadata, spec }) => ({
    ...metadata,
    holderIdentity: spec?.holderIdentity ?? "",
    leaseDurationSeconds: spec?.leaseDurationSeconds ?? 0,
    acquireTime: millis(spec?.acquireTime),
    renewTime: millis(spec?.renewTime),
    leaseTransitions: spec?.leaseTransitions ?? 0
  }))

/** MicroTime: six decimals, always. */
const microTime = (time: number): string => new Date(time).toISOString().replace(/(\.\d{3})Z$/, "$1000Z")

const leaseBody = (metadata: JsonObject, spec: LeaseSpec): JsonObject => ({
  kind: "Lease",
  apiVersion: "coordination.k8s.io/v1",
  metadata,
  spec: { ...spec, acquireTime: microTime(spec.acquireTime), renewTime: microTime(spec.renewTime) }
})

export const makeLeases = (api: Api): Leases["Service"] =>
  Leases.of({
    get: Effect.fn("Leases.get")(
      (namespace: string, name: string) =>
        Effect.map(callFor(api, decodeLease, { verb: "get", resource: leases, namespace, name }), Option.some),
      goneIsNone
    ),
    create: Effect.fn("Leases.create")((namespace: string, name: string, spec: LeaseSpec) =>
      callFor(api, decodeLease, {
        verb: "create",
        resource: leases,
        namespace,
        body: leaseBody({ namespace, name }, spec)
      })
    ),
    update: Effect.fn("Leases.update")(({ namespace, name, uid, resourceVersion }: Lease, spec: LeaseSpec) =>
      callFor(api, decodeLease, {
        verb: "update",
        resource: leases,
        namespace,
        name,
        body: leaseBody({ namespace, name, uid, resourceVersion }, spec)
      })
    )
  })
