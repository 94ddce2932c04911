/** What "not found" means to a list: nothing there. */
import { Effect } from "effect"
import type { CloudStackError } from "../Api.ts"

/** Ids that never were or whose row is gone are refused instead of answered with an empty list. */
export const noneIfAbsent = <A>(
  list: Effect.Effect<ReadonlyArray<A>, CloudStackError>
): Effect.Effect<ReadonlyArray<A>, CloudStackError> =>
  Effect.catchReason(list, "CloudStackError", "NotFound", () => Effect.succeed<ReadonlyArray<A>>([]))
