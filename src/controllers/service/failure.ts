/** How failures of a run's steps go on: look again at once, tell the user, or leave it to the queue's backoff. */
import { Effect, Schema } from "effect"
import type { RuleId } from "../../domain/Cloud.ts"
import { RuleId as RuleIdSchema } from "../../domain/Cloud.ts"
import type { Refusal } from "../../domain/Refusal.ts"
import type { StepFailed } from "./apply.ts"

/** Several steps of one run failed, or one did. */
export class SyncFailed extends Schema.TaggedError<SyncFailed>()("SyncFailed", {
  message: Schema.String
}) {}

/** Reality differed from the plan this often in a row: wait for the backoff. */
export const mostLooks = 3

export type Next =
  | { readonly _tag: "Done" }
  /** Read anew and plan again; these rules are to be made anew instead of changed. */
  | {
      readonly _tag: "LookAgain"
      readonly rigid: ReadonlyArray<RuleId>
      /** The machines are not as known: one may be gone, and CloudStack does not say which. */
      readonly machines: boolean
    }
  | { readonly _tag: "Refused"; readonly refusal: Refusal }
  | { readonly _tag: "Failed"; readonly error: SyncFailed }

/** They name machines. */
const ofMachines: ReadonlySet<string> = new Set(["assignToLoadBalancerRule", "createPortForwardingRule"])

const isRigid = (failure: StepFailed): boolean =>
  failure.ruleId !== undefined && (failure.meaning === "refuse" || failure.error.reason._tag === "ServerFault")

const refusalOf = (failure: StepFailed): Refusal => ({
  reason: "CloudStackRefused",
  field: failure.step,
  cause: failure.error.told,
  remedy: "Change the Service or what CloudStack objects to; it is tried again then, and at the next resync"
})

/** They fail side by side, so in any order; what is told of them must not differ by that. */
const inOrder = (failures: ReadonlyArray<StepFailed>): ReadonlyArray<StepFailed> =>
  [...failures].sort((a, b) => (a.message < b.message ? -1 : 1))

const summary = (failures: ReadonlyArray<StepFailed>): SyncFailed =>
  new SyncFailed({
    message: inOrder(failures)
      .map((failure) => failure.message)
      .join("; ")
  })

export const nextOf = (unordered: ReadonlyArray<StepFailed>, looks: number): Next => {
  const failures = inOrder(unordered)
  if (failures.length === 0) return { _tag: "Done" }
  const rigid = failures
    .filter(isRigid)
    .flatMap(({ ruleId }) => (ruleId === undefined ? [] : [RuleIdSchema.make(ruleId)]))
  const look = failures.some((failure) => failure.meaning === "look") || rigid.length > 0
  if (look && looks < mostLooks) {
    return { _tag: "LookAgain", rigid, machines: failures.some(({ error }) => ofMachines.has(error.command)) }
  }
  const refused = failures.find((failure) => failure.meaning === "refuse")
  if (refused !== undefined) return { _tag: "Refused", refusal: refusalOf(refused) }
  return { _tag: "Failed", error: summary(failures) }
}

export const failing = (failures: ReadonlyArray<StepFailed>) => Effect.fail(summary(failures))
