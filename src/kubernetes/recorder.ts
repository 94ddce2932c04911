/** `Events` over a KubeApi: notes are queued, correlated and delivered in the background. */
import { Cause, Clock, Duration, Effect, Fiber, Layer, Queue, Random, Result } from "effect"
import { type KubeEvent, makeCorrelator, type Verdict } from "./correlator.ts"
import { type EventNote, Events } from "./Events.ts"
import type { Json, JsonObject } from "./json.ts"
import { events, KubeApi, type KubeRequest } from "./KubeApi.ts"
import type { KubeError } from "./KubeError.ts"

const queueSize = 1000
const tries = 12
const pause = Duration.seconds(10)
/** What is queued when the process ends gets this long. */
const flushFor = Duration.seconds(3)

const time = (millis: number): string => new Date(millis).toISOString().replace(/\.\d+Z$/, "Z")

const eventBody = ({ name, namespace, note, message, count, first, last }: KubeEvent): JsonObject => {
  const { about, type, reason, component } = note
  return {
    kind: "Event",
    apiVersion: "v1",
    metadata: { name, namespace },
    involvedObject: {
      kind: about.kind,
      apiVersion: about.apiVersion,
      ...(about.namespace === undefined ? {} : { namespace: about.namespace }),
      name: about.name,
      uid: about.uid,
      ...(about.resourceVersion === undefined ? {} : { resourceVersion: about.resourceVersion })
    },
    type,
    reason,
    message,
    source: { component },
    reportingComponent: component,
    reportingInstance: "",
    count,
    firstTimestamp: time(first),
    lastTimestamp: time(last)
  }
}

const countPatch = ({ count, last, message }: KubeEvent): Json => ({ count, lastTimestamp: time(last), message })

interface Said {
  readonly note: EventNote
  readonly at: number
  readonly nanos: bigint
}

const make = Effect.gen(function* () {
  const api = yield* KubeApi
  const { correlate } = makeCorrelator()
  const queue = yield* Queue.dropping<Said, Cause.Done>(queueSize)

  const create = (event: KubeEvent) => {
    const { namespace } = event
    const request: KubeRequest = { verb: "create", resource: events, namespace, body: eventBody(event) }
    return Effect.asVoid(api.call(request))
  }

  const send = ({ _tag, event }: Exclude<Verdict, { _tag: "Drop" }>): Effect.Effect<void, KubeError> => {
    if (_tag === "Create") return create(event)
    const { namespace, name } = event
    const request: KubeRequest = { verb: "patch", resource: events, namespace, name, body: countPatch(event) }
    return Effect.asVoid(api.call(request)).pipe(
      // The API server forgets events after an hour.
      Effect.catchIf(
        (error) => error.notFound,
        () => create(event)
      )
    )
  }

  const deliver = Effect.fnUntraced(function* ({ note, at, nanos }: Said) {
    const verdict = correlate(note, at, nanos, yield* Clock.currentTimeMillis)
    if (verdict._tag === "Drop") return
    for (let attempt = 1; ; attempt++) {
      const result = yield* Effect.result(send(verdict))
      if (Result.isSuccess(result)) return
      const { conflict, message, status, withheld } = result.failure
      // Another process has said it.
      if (conflict && note.standing === true) return
      if (status !== 0 || withheld === true || attempt === tries) {
        yield* Effect.logWarning("an event could not be recorded", { reason: note.reason, problem: message })
        return
      }
      // Many recorders lose the API server at the same moment: their first tries are spread.
      yield* Effect.sleep(attempt === 1 ? Duration.times(pause, yield* Random.next) : pause)
    }
  })

  const worker = yield* Effect.forever(
    Effect.flatMap(Queue.take(queue), (said) =>
      Effect.catchCause(deliver(said), (cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.logError("an event was lost", cause)
      )
    )
  ).pipe(Effect.exit, Effect.forkScoped)

  yield* Effect.addFinalizer(() =>
    Queue.end(queue).pipe(Effect.andThen(Fiber.await(worker)), Effect.timeoutOption(flushFor), Effect.asVoid)
  )

  return Events.of({
    record: Effect.fnUntraced(function* (note) {
      const at = yield* Clock.currentTimeMillis
      const nanos = yield* Clock.currentTimeNanos
      const { about, type, reason, message } = note
      const object = about.namespace === undefined ? about.name : `${about.namespace}/${about.name}`
      yield* Effect.logInfo("Event occurred", { kind: about.kind, object, type, reason, message })
      const taken = yield* Queue.offer(queue, { note, at, nanos })
      if (!taken) yield* Effect.logWarning("too many events are waiting: one is dropped", { reason })
    })
  })
})

export const eventsLayer = Layer.effect(Events, make)
