/**
 * What users read about a Service: Events, each told once until the cause changes. What was told is remembered in memory;
 * after a restart the Event that is there tells it, for as long as the API server keeps it (an hour).
 */
import { Context, Effect, Layer, Metric } from "effect"
import { type Note, type Refusal, refusalMessage } from "../../domain/Refusal.ts"
import { Events } from "../../kubernetes/Events.ts"
import { type Service, serviceRef } from "../../kubernetes/objects.ts"
import { refusals } from "../../observability/metrics.ts"

const component = "service-controller"

export class Reporter extends Context.Service<
  Reporter,
  {
    /** An Event now. */
    readonly say: (service: Service, type: Note["type"], reason: string, message: string) => Effect.Effect<void>
    /** The standing complaints about a Service, all of them: new ones become Events, old ones stay quiet. */
    readonly tell: (service: Service, notes: ReadonlyArray<Note>, refusal?: Refusal) => Effect.Effect<void>
    /** Whether all is as the Service wants it, as far as this process knows. */
    readonly note: (service: Service, well: boolean) => Effect.Effect<void>
    readonly wasWell: (service: Service) => boolean
    /** A refusal stands: nothing new can be said until it falls. */
    readonly isRefused: (service: Service) => boolean
    readonly forget: (key: string) => Effect.Effect<void>
  }
>()("ccm/controllers/service/Reporter") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const events = yield* Events
      const told = new Map<string, ReadonlySet<string>>()
      /** UIDs by key. */
      const fine = new Map<string, string>()
      /** The same. */
      const refused = new Map<string, string>()

      const say = (service: Service, type: Note["type"], reason: string, message: string) =>
        events.record({ about: serviceRef(service), type, reason, message, component })
      const complain = (service: Service, { message, reason, type }: Note) =>
        events.record({ about: serviceRef(service), type, reason, message, component, standing: true })

      const tell = Effect.fnUntraced(function* (service: Service, notes: ReadonlyArray<Note>, refusal?: Refusal) {
        const before = told.get(service.key) ?? new Set<string>()
        const all = refusal === undefined ? notes : [...notes, refusalNote(refusal)]
        const keys = all.map((note) => `${service.uid} ${note.reason} ${note.message}`)
        if (keys.length === 0) told.delete(service.key)
        else told.set(service.key, new Set(keys))
        if (refusal === undefined) refused.delete(service.key)
        else refused.set(service.key, service.uid)
        for (const [index, note] of all.entries()) {
          const key = keys[index]
          if (key === undefined || before.has(key)) continue
          if (note.type === "Warning") yield* Effect.logWarning(note.message, { reason: note.reason })
          yield* complain(service, note)
        }
        const last = keys.at(-1)
        if (refusal === undefined || (last !== undefined && before.has(last))) return
        yield* Metric.update(refusals.of({ reason: refusal.reason }), 1)
      })

      return {
        say,
        tell,
        note: ({ key, uid }, well) =>
          Effect.sync(() => {
            if (well) fine.set(key, uid)
            else fine.delete(key)
          }),
        wasWell: ({ key, uid }) => fine.get(key) === uid,
        isRefused: ({ key, uid }) => refused.get(key) === uid,
        forget: (key) =>
          Effect.sync(() => {
            told.delete(key)
            fine.delete(key)
            refused.delete(key)
          })
      }
    })
  )
}

const refusalNote = (refusal: Refusal): Note => ({
  type: "Warning",
  reason: refusal.reason,
  message: refusalMessage(refusal)
})
