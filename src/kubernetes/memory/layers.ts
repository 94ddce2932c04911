/** The narrow views over the in-memory API server; their caches know each change in the step that makes it. */
import { Clock, Effect, Layer, Result, type Scope } from "effect"
import { type Decoded, decodeNode, decodeService } from "../decode.ts"
import { Events } from "../Events.ts"
import { textAt } from "../json.ts"
import { KubeApi } from "../KubeApi.ts"
import { Leases } from "../Leases.ts"
import { Nodes } from "../Nodes.ts"
import { Services } from "../Services.ts"
import { makeStore, type Store, type Stored } from "../Store.ts"
import { makeLeases, makeNodes, makeServices } from "../views.ts"
import { KubeMemory, type Plural } from "./KubeMemory.ts"
import { timestamp } from "./objects.ts"

/** For code that is written against requests and watches. */
export const kubeApiMemory = Layer.effect(
  KubeApi,
  Effect.map(KubeMemory, (memory) =>
    KubeApi.of({
      call: memory.request,
      watch: (resource, query) => memory.watch(resource.plural, query["resourceVersion"] ?? "0"),
      healthy: Effect.void
    })
  )
)

const followed = Effect.fnUntraced(function* <A extends Stored>(
  plural: Plural,
  decode: (json: unknown) => Decoded<A>,
  keyOf: (object: A) => string
): Effect.fn.Return<Store<A>, never, KubeMemory | Scope.Scope> {
  const memory = yield* KubeMemory
  const store = makeStore(keyOf)
  store.replace({ objects: [], unreadable: new Set(), restarted: false })
  yield* memory.follow((seen) => {
    if (seen.plural !== plural) return
    const object = decode(seen.object)
    if (Result.isFailure(object)) return
    if (seen.type === "DELETED") store.remove(keyOf(object.success), object.success.uid)
    else store.upsert(object.success)
  })
  return store
})

export const servicesMemory = Layer.effect(
  Services,
  Effect.gen(function* () {
    return makeServices(yield* KubeApi, yield* followed("services", decodeService, (service) => service.key))
  })
).pipe(Layer.provide(kubeApiMemory))

export const nodesMemory = Layer.effect(
  Nodes,
  Effect.gen(function* () {
    return makeNodes(yield* KubeApi, yield* followed("nodes", decodeNode, (node) => node.name))
  })
).pipe(Layer.provide(kubeApiMemory))

export const leasesMemory = Layer.effect(Leases, Effect.map(KubeApi, makeLeases)).pipe(Layer.provide(kubeApiMemory))

/**
 * Each note becomes an Event at once, uncorrelated: what was said is what can be read. But for what stands, and another
 * process has said before.
 */
export const eventsMemory = Layer.effect(
  Events,
  Effect.map(KubeMemory, (memory) => {
    const said = new Set<string>()
    return Events.of({
      record: Effect.fnUntraced(function* ({ about, type, reason, message, component, standing }) {
        const namespace = about.namespace ?? "default"
        const time = timestamp(yield* Clock.currentTimeMillis)
        const all = yield* memory.list("events")
        const text = JSON.stringify([about.uid, reason, message])
        const known = all.some((event) => {
          const uid = textAt(event, "involvedObject", "uid")
          return JSON.stringify([uid, textAt(event, "reason"), textAt(event, "message")]) === text
        })
        if (standing === true && known && !said.has(text)) return
        said.add(text)
        yield* Effect.orDie(
          memory.apply({
            kind: "Event",
            apiVersion: "v1",
            metadata: { namespace, name: `${about.name}.${all.length + 1}` },
            involvedObject: { ...about },
            type,
            reason,
            message,
            source: { component },
            count: 1,
            firstTimestamp: time,
            lastTimestamp: time
          })
        )
      })
    })
  })
)

/** Everything over one API server in memory. */
export const kubernetesMemory = Layer.mergeAll(servicesMemory, nodesMemory, leasesMemory, eventsMemory).pipe(
  Layer.provideMerge(KubeMemory.layer)
)
