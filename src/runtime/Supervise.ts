/**
 * Runs the loops of a process together: the first that ends, however it ends, ends all, because a restart is safer
 * than half a controller.
 */
import { Cause, Context, Deferred, Duration, Effect, Exit, Fiber, Schema } from "effect"

/** A loop that should have run for ever returned. */
export class LoopEnded extends Schema.TaggedError<LoopEnded>()("LoopEnded", { loop: Schema.String }) {
  override get message(): string {
    return `${this.loop} ended by itself`
  }
}

/** How long a loop that is asked to stop may take to finish what it has begun. Outside of supervision: no time. */
export const StopWithin = Context.Reference<Duration.Duration>("ccm/runtime/StopWithin", {
  defaultValue: () => Duration.zero
})

/** Leaves room in the kubelet's 30 s to give the Lease back. */
const grace = Duration.seconds(20)

/** Interrupting the result interrupts every loop and waits until they have ended, each within the grace. */
export const supervise = Effect.fnUntraced(function* <E, R>(
  loops: Readonly<Record<string, Effect.Effect<unknown, E, R>>>
): Effect.fn.Return<never, E | LoopEnded, R> {
  const ended = yield* Deferred.make<never, E | LoopEnded>()
  let stopping = false

  const watch = (loop: string, body: Effect.Effect<unknown, E, R>) =>
    Effect.onExit(body, (exit) => {
      // The first one counts; those it takes down with it are interrupted and have nothing to say.
      if (stopping || Deferred.isDoneUnsafe(ended)) return Effect.void
      const silent = Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)
      const cause: Cause.Cause<E | LoopEnded> = silent ? Cause.fail(new LoopEnded({ loop })) : exit.cause
      return Effect.andThen(Effect.logError("a loop has ended", cause), Deferred.failCause(ended, cause))
    }).pipe(Effect.annotateLogs({ loop }), Effect.provideService(StopWithin, grace), Effect.forkScoped)

  return yield* Effect.scoped(
    Effect.gen(function* () {
      const fibers = yield* Effect.forEach(Object.entries(loops), ([loop, body]) => watch(loop, body))
      // All at once: one that takes its time must not keep another from hearing of the end.
      return yield* Effect.onExit(Deferred.await(ended), () => {
        stopping = true
        return Fiber.interruptAll(fibers)
      })
    })
  )
})
