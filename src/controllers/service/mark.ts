/**
 * An address that we allocated gets its tag at once. Where the role may not tag, it counts as tagged for this run, and
 * the descriptions of its rules say it from then on.
 */
import { Effect, Option } from "effect"
import { Inventory } from "../../cloudstack/Inventory.ts"
import type { Holding, PublicAddress } from "../../domain/Cloud.ts"
import { addressTags, isMarked } from "../../domain/Ownership.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { ClusterId } from "../ClusterIdentity.ts"
import { apply } from "./apply.ts"
import { claims, isClaimed, mayBeReleased } from "./claims.ts"
import { failing } from "./failure.ts"
import { leftover } from "./leftovers.ts"
import { claimantFor } from "./observe.ts"
import { finalizer } from "./selection.ts"
import { Step } from "./steps.ts"

export const markAddress = Effect.fn("service.markAddress")(function* (
  service: Service,
  address: PublicAddress,
  keep: boolean
) {
  const marks = addressTags(yield* ClusterId, service, keep)
  const step = Step.TagAddress({ id: address.id, tags: marks })
  const tagged = yield* apply([{ key: "mark", steps: [step], always: [], needs: [] }], address.networkId ?? "")
  if (tagged.failures.size > 0) return yield* failing([...tagged.failures.values()])
  const marked: PublicAddress = { ...address, tags: [...address.tags, ...marks] }
  yield* (yield* Inventory).acquired(marked)
  return marked
})

/** The n-th allocation of the Service made or is making the address with this IP. */
export const isOwnAllocation = Effect.fn("service.isOwnAllocation")(function* (service: Service, ip: string) {
  for (let attempt = 0; ; attempt++) {
    const found = yield* leftover(service.uid, attempt)
    if (Option.isNone(found)) return false
    if (found.value._tag !== "Nothing" && found.value.address.ip === ip) return true
  }
})

/**
 * An address of ours without any mark looks like the user's own: a crash came before the mark, or a person has deleted
 * the rules whose descriptions were the marks. The job that allocated it tells. Asked only of addresses that the Service
 * names or has something on, and only while nothing of the Service is there that could tell.
 */
export const reclaim = Effect.fn("service.reclaim")(function* (
  service: Service,
  holdings: ReadonlyArray<Holding>,
  named: string | undefined,
  keep: boolean
) {
  if (!service.finalizers.includes(finalizer)) return holdings
  const claimant = yield* claimantFor(service)
  return yield* Effect.forEach(holdings, (holding) =>
    Effect.gen(function* () {
      const { address } = holding
      if (isMarked(address.tags) || !mayBeReleased(address)) return holding
      const own = claims(holding, claimant)
      if (own.rules.length + own.forwards.length > 0) return holding
      if (address.ip !== named && !isClaimed(own, claimant)) return holding
      if (!(yield* isOwnAllocation(service, address.ip))) return holding
      yield* Effect.logInfo("address allocated before", { address: address.ip, id: address.id })
      return { ...holding, address: yield* markAddress(service, address, keep) }
    })
  )
})
