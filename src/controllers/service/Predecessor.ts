/**
 * What the process before this one sent last may still be on its way, or wait for CloudStack's locks: until then a job
 * that the server does not know proves nothing. Services that this process is the first to serve have no such past.
 */
import { Context, Duration, Effect, Layer, Schema } from "effect"
import { createPhase } from "../../cloudstack/Jobs.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { monotonicMillis } from "../../wire/monotonic.ts"
import { finalizer } from "./selection.ts"

/** Passes by itself, after exactly this long: nothing has gone wrong. */
export class StillUnknown extends Schema.TaggedError<StillUnknown>()("StillUnknown", { retryAfter: Schema.Duration }) {
  override get message(): string {
    return "an allocation that was begun before this process started may still arrive in CloudStack"
  }
}

export class Predecessor extends Context.Service<
  Predecessor,
  {
    /**
     * This process sets the Service's finalizer, or finds it to have all that it wants: whatever is begun for it from now
     * on, this process begins.
     */
    readonly isOver: (service: Pick<Service, "uid">) => Effect.Effect<void>
    /** Fails as long as an allocation of the process before may be on its way for the Service. */
    readonly awaitSilence: (service: Service) => Effect.Effect<void, StillUnknown>
  }
>()("ccm/controllers/service/Predecessor") {
  /** For those who only look. */
  static readonly layerNone = Layer.succeed(this, { isOver: () => Effect.void, awaitSilence: () => Effect.void })

  /** Built when this process begins to lead: nobody else sends anything from then on. */
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const silentFrom = (yield* monotonicMillis) + Duration.toMillis(createPhase)
      const own = new Set<string>()
      return {
        isOver: ({ uid }) =>
          Effect.map(monotonicMillis, (now) => {
            if (now < silentFrom) own.add(uid)
            else own.clear()
          }),
        awaitSilence: Effect.fn("Predecessor.awaitSilence")(function* ({ finalizers, uid }) {
          const left = silentFrom - (yield* monotonicMillis)
          if (left <= 0 || own.has(uid) || !finalizers.includes(finalizer)) return
          return yield* new StillUnknown({ retryAfter: Duration.millis(left) })
        })
      }
    })
  )
}
