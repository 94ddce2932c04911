/** What was there at the last look and is not any more, though nobody here has removed it: one list can be wrong. Pure. */
import type { Holding, LoadBalancerRule, PublicAddress } from "../../domain/Cloud.ts"

interface HasId {
  readonly id: string
}

const misses = (now: ReadonlyArray<HasId>, before: ReadonlyArray<HasId>): boolean => {
  const ids = new Set(now.map(({ id }) => id))
  return before.some(({ id }) => !ids.has(id))
}

/** Something on the address, or the address itself. */
export const hasVanished = (before: Holding, now: Holding | undefined): boolean =>
  now === undefined ||
  misses(now.rules, before.rules) ||
  misses(now.firewall, before.firewall) ||
  (now.forwards !== undefined && misses(now.forwards, before.forwards ?? []))

/** An address of these, or a load balancer rule on one. */
export const haveVanished = (
  before: ReadonlyArray<Holding>,
  addresses: ReadonlyArray<PublicAddress>,
  rules: ReadonlyArray<LoadBalancerRule>
): boolean =>
  misses(
    addresses,
    before.map(({ address }) => address)
  ) ||
  misses(
    rules,
    before.flatMap((holding) => holding.rules)
  )
