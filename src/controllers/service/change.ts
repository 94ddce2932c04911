/** Carries out one plan for one Service: traffic, marks, publication, clean-up, in that order, and tells what failed. */
import { Effect, Exit, type Option } from "effect"
import { Inventory } from "../../cloudstack/Inventory.ts"
import type { AddressId } from "../../domain/Cloud.ts"
import { type Cluster, type ServiceIdentity, tags } from "../../domain/Ownership.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { apply, type StepFailed } from "./apply.ts"
import { type Chain, type Plan, stepsOf } from "./chains.ts"
import { MadeObjects } from "./MadeObjects.ts"
import type { WriteFailed } from "./publish.ts"
import { changesAcl, membersOnly, removes, Step } from "./steps.ts"

export interface ChangeInput<R> {
  readonly cluster: Cluster
  readonly service: ServiceIdentity
  readonly plan: Plan
  /** What happens on addresses that the Service leaves: only once everything wanted is served and published. */
  readonly leaving: ReadonlyArray<Chain>
  readonly concerned: ReadonlyArray<AddressId>
  /** Whose router has to take the changes. */
  readonly network: string
  readonly publish: Effect.Effect<Option.Option<Service>, WriteFailed, R>
}

/**
 * A part that fails stops only what builds on it: new members that cannot be added do not keep a revoked source open,
 * but nothing is published, and no address is left, before everything wanted is there.
 */
export const change = Effect.fn("service.change")(function* <R>(input: ChangeInput<R>) {
  const inventory = yield* Inventory
  const steps = [...stepsOf(input.plan), ...stepsOf({ traffic: [], cleanup: input.leaving })]
  const members = membersOnly(steps)
  const forget = Effect.andThen(
    Effect.forEach(input.concerned, (id) => inventory.changed(id, steps.flatMap(removes)), { discard: true }),
    steps.some(changesAcl) ? inventory.aclItemsChanged : Effect.void
  )
  return yield* Effect.gen(function* () {
    const traffic = yield* apply(input.plan.traffic, input.network)
    const { forwarded, opened } = traffic
    yield* (yield* MadeObjects).remember(input.service.uid, [...opened, ...forwarded])
    const own = tags(input.cluster, input.service)
    const marks = [
      ...(opened.length === 0 ? [] : [Step.TagBorders({ ids: opened, tags: own })]),
      ...(forwarded.length === 0 ? [] : [Step.TagForwards({ ids: forwarded, tags: own })])
    ]
    const mark = yield* apply(
      marks.map((step): Chain => ({ key: step._tag, steps: [step], always: [], needs: [] })),
      input.network
    )
    if (traffic.failures.size === 0) yield* input.publish
    const cleanup = yield* apply(input.plan.cleanup, input.network, traffic.failures)
    const failures: ReadonlyArray<StepFailed> = [traffic, mark, cleanup].flatMap((outcome) => [
      ...outcome.failures.values()
    ])
    if (failures.length > 0) return failures
    const leaving = yield* apply(input.leaving, input.network)
    return [...leaving.failures.values()]
  }).pipe(
    Effect.onExit((exit) =>
      members !== undefined && Exit.isSuccess(exit) && exit.value.length === 0
        ? Effect.forEach(input.concerned, (id) => inventory.membersChanged(id, members), { discard: true })
        : forget
    )
  )
})
