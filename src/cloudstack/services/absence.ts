/**
 * What nothing means: "not found" to a list, an empty list where something is expected, and which error says that the
 * role lacks the command.
 */
import { Effect } from "effect"
import type { CloudStackError } from "../Api.ts"

/** Ids that never were or whose row is gone are refused instead of answered with an empty list. */
export const noneIfAbsent = <A>(
  list: Effect.Effect<ReadonlyArray<A>, CloudStackError>
): Effect.Effect<ReadonlyArray<A>, CloudStackError> =>
  Effect.catchReason(list, "CloudStackError", "NotFound", () => Effect.succeed<ReadonlyArray<A>>([]))

export const isForbiddenCommand = ({ reason }: CloudStackError): boolean =>
  reason._tag === "Forbidden" && reason.what === "command"

/** One list in a million is empty though it should not be: where that would be strange, it is read again. */
export const readAgainIfEmpty = <A, E, R>(
  list: Effect.Effect<ReadonlyArray<A>, E, R>
): Effect.Effect<ReadonlyArray<A>, E, R> =>
  Effect.flatMap(list, (found) => (found.length === 0 ? list : Effect.succeed(found)))
