/** An API server in memory, for tests, the demo and embedding: the user's side of it, and the client's. */
import { Clock, Context, Effect, Layer, Queue, Result, Schema, type Scope, Stream } from "effect"
import { type JsonObject, objectAt, textAt } from "../json.ts"
import { type KubeRequest, operationOf } from "../KubeApi.ts"
import { KubeError } from "../KubeError.ts"
import { applyManifest } from "./apply.ts"
import { type Answer, makeObjects, type Seen, type Target } from "./objects.ts"
import { jsonMerge } from "./patch.ts"
import { answer } from "./requests.ts"

/** A write that a client asked for; reads are not recorded. */
export interface Write {
  /** Counts from 1. */
  readonly n: number
  readonly verb: KubeRequest["verb"]
  /** `services/status`, `nodes`, … */
  readonly resource: string
  /** `namespace/name` or `name`. */
  readonly key: string
  readonly body?: KubeRequest["body"]
}

export interface Fault {
  readonly status: number
  readonly text: string
  /** Carried out all the same: the answer is lost. */
  readonly applied?: boolean
}

/** An Event as a user of the cluster reads it. */
export interface RecordedEvent {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly type: string
  readonly reason: string
  readonly message: string
  readonly component: string
  readonly count: number
}

export type Plural = "services" | "nodes" | "events" | "leases" | "namespaces"

export class KubeMemory extends Context.Service<
  KubeMemory,
  {
    /** Creates or updates like `kubectl apply`, by `kind`; a `status` in the manifest is written as well. */
    readonly apply: (manifest: unknown) => Effect.Effect<JsonObject, KubeError>
    /** A user's merge patch (RFC 7386); its `status` part goes to the status subresource. */
    readonly edit: (plural: Plural, key: string, patch: unknown) => Effect.Effect<JsonObject, KubeError>
    /** A user's `kubectl delete --wait=false`. */
    readonly remove: (plural: Plural, key: string) => Effect.Effect<void, KubeError>
    /** The object as JSON; a KubeError 404 if there is none. */
    readonly object: (plural: Plural, key: string) => Effect.Effect<JsonObject, KubeError>
    readonly list: (plural: Plural) => Effect.Effect<ReadonlyArray<JsonObject>>
    readonly events: Effect.Effect<ReadonlyArray<RecordedEvent>>
    /** How often clients wrote, by `patch services/status` and the like; failed writes count too. */
    readonly writes: Effect.Effect<Readonly<Record<string, number>>>
    readonly journal: Effect.Effect<ReadonlyArray<Write>>
    /** Decides about each further write; `undefined` lets it pass. */
    readonly onWrite: (decide: (write: Write) => Fault | undefined) => Effect.Effect<void>
    /** A client's request. */
    readonly request: (request: KubeRequest) => Effect.Effect<unknown, KubeError>
    /** Called with what is there, then with each change in the step that makes it. */
    readonly follow: (listener: (seen: Seen) => void) => Effect.Effect<void, never, Scope.Scope>
    /** A client's watch from a revision on; the stream fails with 410 when that is too long ago. */
    readonly watch: (plural: string, revision: string) => Stream.Stream<unknown, KubeError>
  }
>()("ccm/kubernetes/memory/KubeMemory") {
  static readonly layer = Layer.effect(
    this,
    Effect.suspend(() => make)
  )
}

const plurals: Readonly<Record<string, Plural>> = {
  Service: "services",
  Node: "nodes",
  Event: "events",
  Lease: "leases",
  Namespace: "namespaces"
}
const clusterScoped: ReadonlySet<string> = new Set(["nodes", "namespaces"])

const toEvent = (event: JsonObject): RecordedEvent => ({
  kind: textAt(event, "involvedObject", "kind"),
  namespace: textAt(event, "involvedObject", "namespace"),
  name: textAt(event, "involvedObject", "name"),
  type: textAt(event, "type"),
  reason: textAt(event, "reason"),
  message: textAt(event, "message"),
  component: textAt(event, "source", "component"),
  count: typeof event["count"] === "number" ? event["count"] : 1
})

const make = Effect.gen(function* () {
  const objects = makeObjects()
  const applied = new Map<string, JsonObject>()
  const journal: Array<Write> = []
  let decide: (write: Write) => Fault | undefined = () => undefined

  const settle = (operation: string, result: Answer): Effect.Effect<JsonObject, KubeError> =>
    Result.isSuccess(result)
      ? Effect.succeed(result.success)
      : Effect.fail(new KubeError({ operation, ...result.failure }))

  const jsonOf = (operation: string, value: unknown) =>
    Schema.decodeUnknownEffect(Schema.JsonObject)(value).pipe(
      Effect.mapError((error) => new KubeError({ operation, status: 400, text: error.message }))
    )

  /** Spec and metadata first, then the status half if the user gave one. */
  const changeBoth = (target: Target, next: JsonObject, withStatus: boolean): Answer => {
    const first = objects.change(target, next, undefined)
    if (!withStatus || Result.isFailure(first)) return first
    return objects.change(target, { ...first.success, status: objectAt(next, "status") }, "status")
  }

  const apply = Effect.fnUntraced(function* (manifest: unknown) {
    const next = yield* jsonOf("apply", manifest)
    const plural = plurals[textAt(next, "kind")]
    if (plural === undefined) {
      return yield* new KubeError({ operation: "apply", status: 404, text: `unknown kind ${textAt(next, "kind")}` })
    }
    const name = textAt(next, "metadata", "name")
    const namespace = textAt(next, "metadata", "namespace") || "default"
    const key = clusterScoped.has(plural) ? name : `${namespace}/${name}`
    const target = { plural, key }
    const now = yield* Clock.currentTimeMillis
    const withStatus = "status" in next
    const result = ((): Answer => {
      const current = objects.find(target)
      if (current !== undefined) {
        const { resourceVersion: _, ...metadata } = objectAt(current, "metadata")
        const bare = { ...current, metadata }
        return changeBoth(target, applyManifest(bare, applied.get(`${plural}/${key}`) ?? {}, next), withStatus)
      }
      const placed = clusterScoped.has(plural)
        ? next
        : { ...next, metadata: { ...objectAt(next, "metadata"), namespace } }
      const created = objects.create(target, placed, now)
      if (plural !== "services" || !withStatus || Result.isFailure(created)) return created
      return objects.change(target, { ...created.success, status: objectAt(next, "status") }, "status")
    })()
    const stored = yield* settle(`apply ${plural} ${key}`, result)
    applied.set(`${plural}/${key}`, next)
    return stored
  })

  const edit = Effect.fnUntraced(function* (plural: Plural, key: string, patch: unknown) {
    const operation = `edit ${plural} ${key}`
    const body = yield* jsonOf(operation, patch)
    const current = yield* settle(operation, objects.read({ plural, key }))
    return yield* settle(operation, changeBoth({ plural, key }, jsonMerge(current, body), "status" in body))
  })

  const request = Effect.fnUntraced(function* (request: KubeRequest) {
    const operation = operationOf(request)
    const now = yield* Clock.currentTimeMillis
    const run = () => answer(objects, request, now)
    if (request.verb === "get" || request.verb === "list") return yield* settle(operation, run())
    const { verb, resource, namespace, name, subresource, body } = request
    const write: Write = {
      n: journal.length + 1,
      verb,
      resource: resource.plural + (subresource === undefined ? "" : `/${subresource}`),
      key: [namespace, name ?? textAt(body, "metadata", "name")].filter((part) => part !== undefined).join("/"),
      ...(body === undefined ? {} : { body })
    }
    journal.push(write)
    const fault = decide(write)
    if (fault === undefined) return yield* settle(operation, run())
    if (fault.applied === true) run()
    return yield* new KubeError({ operation, status: fault.status, text: fault.text })
  })

  const watch = (plural: string, revision: string) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const queue = yield* Queue.unbounded<unknown>()
        const offer = ({ plural: changed, type, object }: Seen) => {
          if (changed === plural) Queue.offerUnsafe(queue, { type, object })
        }
        const missed = objects.since(Number(revision))
        if (missed === undefined) {
          return yield* new KubeError({ operation: `watch ${plural}`, status: 410, text: "too old resource version" })
        }
        missed.forEach(offer)
        const stop = objects.listen(offer)
        yield* Effect.addFinalizer(() => Effect.sync(stop))
        return Stream.fromQueue(queue)
      })
    )

  yield* apply({ kind: "Namespace", apiVersion: "v1", metadata: { name: "kube-system" } }).pipe(Effect.orDie)
  yield* apply({ kind: "Namespace", apiVersion: "v1", metadata: { name: "default" } }).pipe(Effect.orDie)

  return KubeMemory.of({
    apply,
    edit,
    remove: (plural, key) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.asVoid(settle(`delete ${plural} ${key}`, objects.remove({ plural, key }, {}, now)))
      ),
    object: (plural, key) => Effect.suspend(() => settle(`get ${plural} ${key}`, objects.read({ plural, key }))),
    list: (plural) => Effect.sync(() => objects.list(plural)),
    events: Effect.sync(() => objects.list("events").map(toEvent)),
    writes: Effect.sync(() => {
      const counts: Record<string, number> = {}
      for (const { verb, resource } of journal) {
        counts[`${verb} ${resource}`] = (counts[`${verb} ${resource}`] ?? 0) + 1
      }
      return counts
    }),
    journal: Effect.sync(() => [...journal]),
    onWrite: (next) =>
      Effect.sync(() => {
        decide = next
      }),
    request,
    follow: (listener) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          for (const seen of objects.all()) listener(seen)
          return objects.listen(listener)
        }),
        (stop) => Effect.sync(stop)
      ).pipe(Effect.asVoid),
    watch
  })
})
