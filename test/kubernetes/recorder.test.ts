import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { type EventNote, Events } from "../../src/kubernetes/Events.ts"
import { eventsLayer } from "../../src/kubernetes/layers.ts"
import { KubeMemory } from "../../src/kubernetes/memory/KubeMemory.ts"
import { kubeApiMemory } from "../../src/kubernetes/memory/layers.ts"

const note: EventNote = {
  about: { kind: "Service", apiVersion: "v1", namespace: "shop", name: "web", uid: "u-1", resourceVersion: "5" },
  type: "Warning",
  reason: "SyncLoadBalancerFailed",
  message: "Error syncing load balancer: no",
  component: "service-controller"
}
const nodeNote: EventNote = { ...note, about: { kind: "Node", apiVersion: "v1", name: "n1", uid: "u-2" } }

const world = eventsLayer.pipe(Layer.provideMerge(kubeApiMemory), Layer.provideMerge(KubeMemory.layer))

const record = (said: EventNote) => Effect.flatMap(Events, (events) => events.record(said))
const counted = Effect.flatMap(KubeMemory, (memory) =>
  Effect.map(memory.events, (events) => events.map(({ name, count, message }) => [name, count, message]))
)
const soon = TestClock.adjust("1 second")

describe("the recorder", () => {
  it.effect("creates an Event as upstream does, and counts repeats by patch", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      yield* TestClock.adjust("1 hour")
      yield* record(note)
      yield* soon
      yield* record(note)
      yield* record(nodeNote)
      yield* soon
      const [create, patch, node] = yield* memory.journal
      assert.deepStrictEqual(create?.body, {
        kind: "Event",
        apiVersion: "v1",
        metadata: { name: "web.34630b8a000", namespace: "shop" },
        involvedObject: { ...note.about },
        type: "Warning",
        reason: "SyncLoadBalancerFailed",
        message: "Error syncing load balancer: no",
        source: { component: "service-controller" },
        reportingComponent: "service-controller",
        reportingInstance: "",
        count: 1,
        firstTimestamp: "1970-01-01T01:00:00Z",
        lastTimestamp: "1970-01-01T01:00:00Z"
      })
      assert.deepInclude(patch, {
        verb: "patch",
        key: "shop/web.34630b8a000",
        body: { count: 2, lastTimestamp: "1970-01-01T01:00:01Z", message: "Error syncing load balancer: no" }
      })
      assert.deepInclude(node, { verb: "create", resource: "events" })
      assert.isTrue(node?.key.startsWith("default/n1."))
      assert.deepStrictEqual(yield* counted, [
        ["web", 2, note.message],
        ["n1", 1, note.message]
      ])
    }).pipe(Effect.provide(world))
  )

  it.effect("says what stands once, though one process after another says it", () =>
    Effect.gen(function* () {
      const process = Effect.gen(function* () {
        yield* record({ ...note, standing: true })
        yield* record({ ...note, message: "what does not stand" })
        yield* soon
      }).pipe(Effect.provide(eventsLayer, { local: true }))
      yield* process
      yield* TestClock.adjust("1 minute")
      yield* process
      assert.deepStrictEqual(yield* counted, [
        ["web", 1, note.message],
        ["web", 1, "what does not stand"],
        ["web", 1, "what does not stand"]
      ])
    }).pipe(Effect.provide(world))
  )

  it.effect("creates an Event anew that the API server has forgotten", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      yield* record(note)
      yield* soon
      for (const { metadata } of yield* memory.list("events")) {
        const { namespace, name } = Object(metadata)
        yield* memory.remove("events", `${namespace}/${name}`)
      }
      yield* record(note)
      yield* soon
      assert.deepStrictEqual(yield* counted, [["web", 2, note.message]])
      assert.deepStrictEqual(yield* memory.writes, { "create events": 2, "patch events": 1 })
    }).pipe(Effect.provide(world))
  )

  it.effect("tries again while there is no answer, twelve times, and keeps the order", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      yield* memory.onWrite(({ n }) => (n <= 3 ? { status: 0, text: "ECONNREFUSED" } : undefined))
      yield* record(note)
      yield* record(nodeNote)
      yield* TestClock.adjust("31 seconds")
      assert.deepStrictEqual(
        (yield* memory.journal).map(({ key }) => key.split(".")[0]),
        ["shop/web", "shop/web", "shop/web", "shop/web", "default/n1"]
      )
      yield* memory.onWrite(() => ({ status: 0, text: "ECONNREFUSED" }))
      yield* record({ ...note, message: "lost" })
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* memory.journal).length, 5 + 12)
    }).pipe(Effect.provide(world))
  )

  it.effect("does not argue with a refusal", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      yield* memory.onWrite(({ n }) => (n === 1 ? { status: 403, text: "forbidden" } : undefined))
      yield* record(note)
      yield* record(nodeNote)
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(yield* memory.writes, { "create events": 2 })
    }).pipe(Effect.provide(world))
  )

  it.effect("never waits, and drops what its queue cannot hold", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      yield* memory.onWrite(() => ({ status: 0, text: "ECONNREFUSED" }))
      yield* record({ ...note, message: "first" })
      yield* soon
      for (let index = 0; index < 1_100; index++) {
        yield* record({ ...note, about: { ...note.about, name: `s${index}`, uid: `s${index}` } })
      }
      yield* memory.onWrite(() => undefined)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* memory.events).length, 1_001)
    }).pipe(Effect.provide(world))
  )

  it.effect("delivers what is queued before it stops, if that can be done in time", () =>
    Effect.gen(function* () {
      const memory = yield* KubeMemory
      for (const reachable of [true, false]) {
        const scope = yield* Scope.make()
        const events = yield* Layer.build(eventsLayer.pipe(Layer.provide(kubeApiMemory))).pipe(Scope.provide(scope))
        yield* memory.onWrite(() => (reachable ? undefined : { status: 0, text: "ECONNREFUSED" }))
        yield* Effect.all([record(note), record(nodeNote)]).pipe(Effect.provideContext(events))
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
        yield* TestClock.adjust("4 seconds")
        assert.isDefined(closing.pollUnsafe())
        assert.strictEqual((yield* memory.events).length, 2)
      }
    }).pipe(Effect.provide(KubeMemory.layer))
  )
})
