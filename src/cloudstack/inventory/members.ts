/** The members of many rules along the cheaper axis: asked rule by rule, or machine by machine. */
import { Duration, Effect, Option } from "effect"
import { Settings } from "../../config/Settings.ts"
import type { LoadBalancerRule, Machine, RuleId, VmId } from "../../domain/Cloud.ts"
import { LoadBalancers } from "../LoadBalancers.ts"
import { Machines } from "../Machines.ts"

export type MembersByRule = ReadonlyMap<RuleId, ReadonlyArray<VmId>>

/** Up to so many rules the list of machines is not worth its call. */
const fewRules = 3
/** A large rule's answer takes megabytes while it is read, and the rate of calls is limited anyway. */
const concurrency = 4
/** Members in these states are not shown by their rule either. */
const hidden = new Set(["Destroyed", "Expunging", "Error", "Unknown"])

/**
 * Rules mostly have the same members, in the same order: a thousand rules with a thousand members each are to share one
 * list of ids and not keep a million of them.
 */
const makeSharing = () => {
  const known = new Map<VmId, VmId>()
  let last: ReadonlyArray<VmId> = []
  return (found: ReadonlyArray<VmId>): ReadonlyArray<VmId> => {
    const same = found.length === last.length && found.every((id, index) => id === last[index])
    if (same) return last
    last = found.map((id) => {
      const own = known.get(id) ?? id
      known.set(own, own)
      return own
    })
    return last
  }
}

/** A rule that is gone by the time it is asked is missing from the answer. */
export const makeMembersOf = Effect.gen(function* () {
  const balancers = yield* LoadBalancers
  const machines = yield* Machines
  const settings = yield* Settings

  let share = makeSharing()

  const byRule = (rules: ReadonlyArray<LoadBalancerRule>) =>
    Effect.forEach(
      rules,
      ({ id }) =>
        Effect.map(
          balancers.members(id),
          Option.map((vms) => [id, share(vms)] as const)
        ),
      { concurrency }
    ).pipe(Effect.map((found): MembersByRule => new Map(found.flatMap(Option.toArray))))

  const byMachine = Effect.fnUntraced(function* (
    rules: ReadonlyArray<LoadBalancerRule>,
    candidates: ReadonlyArray<Machine>
  ) {
    const members = new Map<RuleId, Array<VmId>>(rules.map(({ id }) => [id, []]))
    yield* Effect.forEach(
      candidates,
      (vm) =>
        Effect.map(balancers.list({ vmId: vm.id }), (found) => {
          for (const { id } of found) members.get(id)?.push(vm.id)
        }),
      { concurrency, discard: true }
    )
    const result: MembersByRule = new Map([...members].map(([id, vms]) => [id, share(vms)]))
    return result
  })

  return Effect.fnUntraced(function* (rules: ReadonlyArray<LoadBalancerRule>) {
    if (rules.length <= fewRules) return yield* byRule(rules)
    share = makeSharing()
    // Members are assigned from this very list, so what we assigned is in it.
    const { vmCacheTtl } = yield* settings.current
    const networks = new Set(rules.flatMap(({ networkId }) => (networkId === undefined ? [] : [networkId])))
    const candidates = (yield* machines.list(Duration.toMillis(vmCacheTtl))).machines.filter(
      (vm) => !hidden.has(vm.state) && vm.nics.some(({ networkId }) => networks.has(networkId))
    )
    return yield* candidates.length < rules.length ? byMachine(rules, candidates) : byRule(rules)
  })
})
