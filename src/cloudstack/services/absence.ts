/** What "not found" means to a list (nothing there), and which error says that the role lacks the command. */
import { Effect } from "effect"
import type { CloudStackError } from "../Api.ts"

/** Ids that never were or whose row is gone are refused instead of answered with an empty list. */
export const noneIfAbsent = <A>(
  list: Effect.Effect<ReadonlyArray<A>, CloudStackError>
): Effect.Effect<ReadonlyArray<A>, CloudStackError> =>
  Effect.catchReason(list, "CloudStackError", "NotFound", () => Effect.succeed<ReadonlyArray<A>>([]))

export const isForbiddenCommand = ({ reason }: CloudStackError): boolean =>
  reason._tag === "Forbidden" && reason.what === "command"
