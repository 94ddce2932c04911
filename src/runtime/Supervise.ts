/**
 * Runs the loops of a process together: the first that ends, however it ends, ends all, because a restart is safer
 * than half a controller.
 */
import { Cause, Deferred, Duration, Effect, Exit, Schema } from "effect"

/** A loop that should have run for ever returned. */
export class LoopEnded extends Schema.TaggedError<LoopEnded>()("LoopEnded", { loop: Schema.String }) {
  override get message(): string {
    return `${this.loop} ended by itself`
  }
}

export interface Options {
  /** Run when the whole is asked to stop, while the loops still run: lets them finish what they have begun. */
  readonly drain?: Effect.Effect<void>
  /** What is not finished by then is cut off. */
  readonly drainFor?: Duration.Duration
}

/** Interrupting the result is the graceful stop. A failure or defect is not drained: its cause comes out at once. */
export const supervise = Effect.fnUntraced(function* <E, R>(
  loops: Readonly<Record<string, Effect.Effect<unknown, E, R>>>,
  { drain = Effect.void, drainFor = Duration.seconds(20) }: Options = {}
): Effect.fn.Return<never, E | LoopEnded, R> {
  const ended = yield* Deferred.make<never, E | LoopEnded>()

  const watch = (loop: string, body: Effect.Effect<unknown, E, R>) =>
    Effect.onExit(body, (exit) => {
      const cause: Cause.Cause<E | LoopEnded> = Exit.isSuccess(exit) ? Cause.fail(new LoopEnded({ loop })) : exit.cause
      // The first one counts; those it takes down with it are interrupted and have nothing to say.
      if (Deferred.isDoneUnsafe(ended) || Cause.hasInterruptsOnly(cause)) return Effect.void
      return Effect.andThen(Effect.logError("a loop has ended", cause), Deferred.failCause(ended, cause))
    }).pipe(Effect.annotateLogs({ loop }), Effect.forkScoped)

  const stop = Effect.timeoutOption(drain, drainFor).pipe(
    Effect.flatMap((drained) =>
      drained._tag === "Some"
        ? Effect.void
        : Effect.logWarning("not everything was finished in time", { after: Duration.format(drainFor) })
    )
  )

  return yield* Effect.scoped(
    Effect.gen(function* () {
      for (const [loop, body] of Object.entries(loops)) yield* watch(loop, body)
      return yield* Effect.onInterrupt(Deferred.await(ended), () => stop)
    })
  )
})
