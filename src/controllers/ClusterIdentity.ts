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
      "allow `get` on one of them, or set cluster-id in the cloud-config"
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

  const namespace = yield* uidOf({ verb: "get", resource: namespaces, name: "kube-system" })
  // Also asked if not needed: it is what marks carry from a time when namespaces could not be read.
  const service = yield* uidOf({ verb: "get", resource: services, namespace: "default", name: "kubernetes" })
  const [id, ...older] = [namespace, service].flatMap(Option.toArray)
  if (id === undefined) return yield* new UnknownCluster()
  yield* Effect.logInfo("cluster identity", { id, of: Option.isSome(namespace) ? "kube-system" : "default/kubernetes" })
  return { id, previous: [...previousClusterIds, ...older] }
})

const decodeUid = Schema.decodeUnknownEffect(Schema.Struct({ metadata: Schema.Struct({ uid: Schema.NonEmptyString }) }))

/** None if it may not be read or is not there. Every other failure passes by itself, and is waited for. */
const uidOf = Effect.fnUntraced(
  function* (request: KubeRequest) {
    const { call } = yield* KubeApi
    const { metadata } = yield* Effect.flatMap(call(request), decodeUid).pipe(
      Effect.catchTag("SchemaError", ({ message: text }) =>
        Effect.fail(new KubeError({ operation: operationOf(request), status: 0, text }))
      )
    )
    return Option.some(metadata.uid)
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
