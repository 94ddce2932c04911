/** The last check before something is changed: is enough of the leader's lease left for the change to arrive in it? */
import { Context, Duration, Effect, Layer, Schema } from "effect"

/** This process may not change anything (any more). */
export class LostLeadership extends Schema.TaggedError<LostLeadership>()("LostLeadership", { why: Schema.String }) {
  override get message(): string {
    return this.why
  }
}

/** What has to be left of the lease when a change is sent. */
export const margin = Duration.seconds(2)

export class Fence extends Context.Service<
  Fence,
  {
    /** Run right before a change is sent, after all waiting. */
    readonly ensure: Effect.Effect<void, LostLeadership>
  }
>()("ccm/runtime/Fence") {
  /** For runs without leader election. */
  static readonly layerOpen = Layer.succeed(Fence, { ensure: Effect.void })
}
