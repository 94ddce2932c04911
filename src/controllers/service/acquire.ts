/**
 * Gets a public address for a Service without ever leaking one. Each allocation runs under a job id derived from the
 * Service, so an allocation whose answer was lost is found again by asking for that job; it is never simply repeated.
 */
import { Effect, Option } from "effect"
import { Addresses } from "../../cloudstack/Addresses.ts"
import type { AddressId, Network, PublicAddress } from "../../domain/Cloud.ts"
import { AddressLanes, accountLane } from "./AddressLanes.ts"
import { allocationId } from "./jobIds.ts"
import { leftover, release } from "./leftovers.ts"
import { MadeObjects } from "./MadeObjects.ts"
import { Overlooked } from "./overlooked.ts"

export interface AcquireInput {
  readonly serviceUid: string
  readonly network: Network
  /** This very address, if it is free. */
  readonly ip?: string
  /** Addresses of the Service, as far as they were seen. */
  readonly known: ReadonlyArray<AddressId>
}

/** An address of a VPC is for all its tiers while it has no rule. */
const isFor = ({ networkId, vpcId }: PublicAddress, network: Network): boolean =>
  network.vpcId === undefined ? networkId === network.id : vpcId === network.vpcId

const allocate = Effect.fnUntraced(function* ({ ip, network, serviceUid }: AcquireInput, jobId: string) {
  const addresses = yield* Addresses
  const lanes = yield* AddressLanes
  const target = network.vpcId === undefined ? { networkId: network.id } : { vpcId: network.vpcId }
  const allocation = yield* lanes.within(accountLane)(
    addresses.associate({ target, jobId, ...(ip === undefined ? {} : { ip }) })
  )
  const address = yield* allocation.address
  yield* (yield* MadeObjects).remember(serviceUid, [address.id])
  return address
})

/** An address that is Allocated, ours, and not yet marked. */
export const acquire = Effect.fn("service.acquire")(function* (input: AcquireInput) {
  const { ip, known, network, serviceUid } = input
  for (let attempt = 0; ; attempt++) {
    const found = yield* leftover(serviceUid, attempt)
    if (Option.isNone(found)) return yield* allocate(input, allocationId(serviceUid, attempt))
    const left = found.value
    if (left._tag === "Nothing") continue
    const { address } = left
    if (left._tag === "InUse") {
      if (!known.includes(address.id)) return yield* new Overlooked({ ip: address.ip })
      continue
    }
    if (left._tag === "Untouched" && isFor(address, network) && (ip === undefined || ip === address.ip)) return address
    // Allocated for what the Service asked before, or never finished; nobody knows of it but us.
    yield* release(address)
  }
})
