/**
 * Gets a public address for a Service without ever leaking one. Each allocation runs under a job id derived from the
 * Service, so an allocation whose answer was lost is found again by asking for that job; it is never simply repeated.
 */
import { Duration, Effect, Option } from "effect"
import { Addresses } from "../../cloudstack/Addresses.ts"
import { AddressId, type Network, type PublicAddress } from "../../domain/Cloud.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { AddressLanes, accountLane } from "./AddressLanes.ts"
import { hold } from "./hold.ts"
import { allocationId } from "./jobIds.ts"
import { leftover, release } from "./leftovers.ts"
import { MadeObjects } from "./MadeObjects.ts"
import { Overlooked } from "./overlooked.ts"
import { Predecessor } from "./Predecessor.ts"

export interface AcquireInput {
  readonly service: Service
  readonly network: Network
  /** This very address, if it is free. */
  readonly ip?: string
  /** Addresses of the Service, as far as they were seen. */
  readonly known: ReadonlyArray<AddressId>
}

/** An address of a VPC is for all its tiers while it has no rule. */
const isFor = ({ networkId, vpcId }: PublicAddress, network: Network): boolean =>
  network.vpcId === undefined ? networkId === network.id : vpcId === network.vpcId

/** The finalizer is set when it is the Service's turn, so that it says whether an allocation may be under way. */
const allocate = Effect.fnUntraced(function* ({ ip, network, service }: AcquireInput, jobId: string) {
  const addresses = yield* Addresses
  const lanes = yield* AddressLanes
  const made = yield* MadeObjects
  const target = network.vpcId === undefined ? { networkId: network.id } : { vpcId: network.vpcId }
  const associate = addresses.associate({ target, jobId, ...(ip === undefined ? {} : { ip }) })
  const [took, address] = yield* Effect.timed(
    Effect.flatMap(lanes.within(accountLane)(Effect.andThen(hold(service), associate)), ({ address, objectId }) =>
      Effect.andThen(objectId === undefined ? Effect.void : made.tookAddress(jobId, AddressId.make(objectId)), address)
    )
  )
  yield* Effect.logInfo("address allocated", {
    address: address.ip,
    command: "associateIpAddress",
    job: jobId,
    millis: Duration.toMillis(took)
  })
  yield* made.remember(service.uid, [address.id])
  yield* made.allocated(address)
  return address
})

/** An address that is Allocated, ours, and not yet marked. */
export const acquire = Effect.fn("service.acquire")(function* (input: AcquireInput) {
  const { ip, known, network, service } = input
  for (let attempt = 0; ; attempt++) {
    const found = yield* leftover(service.uid, attempt)
    if (Option.isNone(found)) {
      yield* (yield* Predecessor).awaitSilence(service)
      return yield* allocate(input, allocationId(service.uid, attempt))
    }
    const left = found.value
    if (left._tag === "Nothing") continue
    const { address } = left
    if (left._tag === "InUse") {
      if (!known.includes(address.id)) return yield* new Overlooked({ ip: address.ip })
      continue
    }
    const isWhole = left._tag === "Untouched" || left._tag === "Shared"
    if (isWhole && isFor(address, network) && (ip === undefined || ip === address.ip)) return address
    if (left._tag === "Shared") continue
    // Allocated for what the Service asked before, or never finished; nobody knows of it but us.
    yield* release(address)
  }
})
