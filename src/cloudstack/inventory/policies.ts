/** The stickiness policies of the rules that say that they may have one: the others are not asked, each is a call. */
import { Effect, Option } from "effect"
import type { LoadBalancerRule, RuleId, StickinessPolicy } from "../../domain/Cloud.ts"
import { isMarkedSticky } from "../../domain/Ownership.ts"
import { LoadBalancers } from "../LoadBalancers.ts"

export type PoliciesByRule = ReadonlyMap<RuleId, ReadonlyArray<StickinessPolicy>>

const concurrency = 8

export const makePoliciesOf = Effect.map(LoadBalancers, (balancers) =>
  Effect.fnUntraced(function* (rules: ReadonlyArray<LoadBalancerRule>) {
    const marked = rules.filter(({ description }) => isMarkedSticky(description))
    const found = yield* Effect.forEach(
      marked,
      ({ id }) =>
        Effect.map(
          balancers.policies(id),
          Option.map((all) => [id, all] as const)
        ),
      { concurrency }
    )
    const policies: PoliciesByRule = new Map(found.flatMap(Option.toArray))
    return policies
  })
)
