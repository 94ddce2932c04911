/**
 * An address that we allocated gets its tag at once. Where the role may not tag, it counts as tagged for this run, and
 * the descriptions of its rules say it from then on.
 */
import { Effect, Option } from "effect"
import { Inventory } from "../../cloudstack/Inventory.ts"
import { decodeAnnotations } from "../../domain/Annotations.ts"
import type { Holding, PublicAddress } from "../../domain/Cloud.ts"
import { addressTags, isMarked } from "../../domain/Ownership.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { Services } from "../../kubernetes/Services.ts"
import { ClusterId } from "../ClusterIdentity.ts"
import { apply } from "./apply.ts"
import { claims, isClaimed, mayBeReleased } from "./claims.ts"
import { namedAddress } from "./desired.ts"
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

const keepOf = (service: Service): boolean => {
  const { keepIp } = decodeAnnotations(service.annotations, service.ports)
  return keepIp._tag === "Given" && keepIp.value
}

/** Whose allocation the address is: the Service's, or that of another one that names it as well. */
const allocatedFor = Effect.fnUntraced(function* (service: Service, ip: string) {
  const others = (yield* (yield* Services).all).filter(
    (other) => other.uid !== service.uid && namedAddress(other) === ip
  )
  for (const one of [service, ...others]) {
    if (one.finalizers.includes(finalizer) && (yield* isOwnAllocation(one, ip))) return one
  }
  return undefined
})

/**
 * An address of ours without any mark looks like the user's own: a crash came before the mark, or a person has deleted
 * the rules whose descriptions were the marks. The job that allocated it tells. Asked only of addresses that the Service
 * names or has something on, and only while nothing of the Service is there that could tell.
 */
export const reclaim = Effect.fn("service.reclaim")(function* (service: Service, holdings: ReadonlyArray<Holding>) {
  const claimant = yield* claimantFor(service)
  const named = namedAddress(service)
  return yield* Effect.forEach(holdings, (holding) =>
    Effect.gen(function* () {
      const { address } = holding
      if (isMarked(address.tags) || !mayBeReleased(address)) return holding
      const own = claims(holding, claimant)
      if (own.rules.length + own.forwards.length > 0) return holding
      if (address.ip !== named && !isClaimed(own, claimant)) return holding
      const owner = yield* allocatedFor(service, address.ip)
      if (owner === undefined) return holding
      yield* Effect.logInfo("address allocated before", { address: address.ip, id: address.id, service: owner.key })
      return { ...holding, address: yield* markAddress(owner, address, keepOf(owner)) }
    })
  )
})
