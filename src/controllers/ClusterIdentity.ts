/** Which cluster this is: the name under which things in CloudStack are proved to be ours. */
import { Context, Effect, Layer, Option, Schedule, Schema } from "effect"
import { Settings } from "../config/Settings.ts"
import { KubeApi, type KubeRequest, namespaces, operationOf, services } from "../kubernetes/KubeApi.ts"
import { KubeError } from "../kubernetes/KubeError.ts"

/** Without an identity nothing could be proved to be ours, so nothing may start. */
export class UnknownCluster extends Schema.TaggedError<UnknownCluster>()("UnknownCluster", {}) {
  override get message(): string {
    return (
      "this cluster has no identity: neither namespace kube-system nor Service default/kubernetes may be read; " +
      "allow `get` on the one or `list` on Services, or set cluster-id in the cloud-config"
    )
  }
}

export class ClusterId extends Context.Service<
  ClusterId,
  {
    readonly id: string
    /** What the cluster was called before: marks with these are ours too. */
    readonly previous: ReadonlyArray<string>
  }
>()("ccm/controllers/ClusterId") {
  static readonly layerOf = (id: string, previous: ReadonlyArray<string> = []) => Layer.succeed(this, { id, previous })

  /** Waits for the API server if it has to ask it. The configured identity, if there is one, is the only one. */
  static readonly layerNoDeps: Layer.Layer<ClusterId, UnknownCluster, KubeApi | Settings> = Layer.effect(
    this,
    Effect.suspend(() => identify)
  )
}

const identify = Effect.gen(function* () {
  const { current } = yield* Settings
  const { clusterId, previousClusterIds } = yield* current
  if (clusterId !== undefined) return { id: clusterId, previous: previousClusterIds }

  const namespace = yield* uidOf({ verb: "get", resource: namespaces, name: "kube-system" }, decodeOne)
  // Also asked if not needed: it is what marks carry from a time when namespaces could not be read. Listed, because
  // every manifest that lets us watch Services allows that.
  const service = yield* uidOf(
    {
      verb: "list",
      resource: services,
      namespace: "default",
      query: { fieldSelector: "metadata.name=kubernetes" }
    },
    decodeList
  )
  const [id, ...older] = [namespace, service].flatMap(Option.toArray)
  if (id === undefined) return yield* new UnknownCluster()
  yield* Effect.logInfo("cluster identity", { id, of: Option.isSome(namespace) ? "kube-system" : "default/kubernetes" })
  return { id, previous: [...previousClusterIds, ...older] }
})

const Named = Schema.Struct({ metadata: Schema.Struct({ name: Schema.String, uid: Schema.NonEmptyString }) })
const decodeOne = (json: unknown) =>
  Effect.map(Schema.decodeUnknownEffect(Named)(json), ({ metadata }) => Option.some(metadata.uid))
const decodeList = (json: unknown) =>
  Effect.map(Schema.decodeUnknownEffect(Schema.Struct({ items: Schema.Array(Named) }))(json), ({ items }) =>
    Option.map(
      Option.fromNullishOr(items.find(({ metadata }) => metadata.name === "kubernetes")),
      ({ metadata }) => metadata.uid
    )
  )

/** None if it may not be read or is not there. Every other failure passes by itself, and is waited for. */
const uidOf = Effect.fnUntraced(
  function* (
    request: KubeRequest,
    decode: (json: unknown) => Effect.Effect<Option.Option<string>, Schema.SchemaError>
  ) {
    const { call } = yield* KubeApi
    return yield* Effect.flatMap(call(request), decode).pipe(
      Effect.catchTag("SchemaError", ({ message: text }) =>
        Effect.fail(new KubeError({ operation: operationOf(request), status: 0, text }))
      )
    )
  },
  (effect) =>
    effect.pipe(
      Effect.catchIf(
        ({ status }) => status === 403 || status === 404,
        () => Effect.succeedNone
      ),
      Effect.tapError((error) => Effect.logWarning("waiting for the cluster's identity", error)),
      Effect.retry(Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("30 seconds")])),
      Effect.orDie
    )
)
