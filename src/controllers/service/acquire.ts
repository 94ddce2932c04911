/**
 * Gets a public address for a Service without ever leaking one. Each allocation runs under a job id derived from the
 * Service, so an allocation whose answer was lost is found again by asking for that job; it is never simply repeated.
 */
import { Effect, Option, Schema } from "effect"
import { Addresses } from "../../cloudstack/Addresses.ts"
import { Forwards } from "../../cloudstack/Forwards.ts"
import { Jobs, type Pending } from "../../cloudstack/Jobs.ts"
import { LoadBalancers } from "../../cloudstack/LoadBalancers.ts"
import { AddressId, type Network, type PublicAddress } from "../../domain/Cloud.ts"
import { isMarked } from "../../domain/Ownership.ts"
import { AddressLanes, accountLane } from "./AddressLanes.ts"
import { allocationId } from "./allocationId.ts"
import { mayBeReleased } from "./claims.ts"

export interface AcquireInput {
  readonly serviceUid: string
  readonly network: Network
  /** This very address, if it is free. */
  readonly ip?: string
}

/** More allocations of one Service within a day (the life of a job) mean that something else is wrong. */
const mostAttempts = 500

/** Too many allocations for one Service. */
export class TooManyAllocations extends Schema.TaggedError<TooManyAllocations>()("TooManyAllocations", {
  serviceUid: Schema.String
}) {
  override get message(): string {
    return `${mostAttempts} addresses were allocated for this Service within a day; waiting until CloudStack forgets those jobs`
  }
}

/** The address is taken in the create phase, before the job begins; locks may make that take a while. */
const createPhase = 120_000

/** Whether the address was allocated by this very job: ids are reused, and jobs are remembered for a day. */
const isOf = ({ allocatedAt }: PublicAddress, { ran }: Pending): boolean =>
  ran !== undefined &&
  allocatedAt !== undefined &&
  ran.from - createPhase <= allocatedAt &&
  allocatedAt <= ran.to + 1_000

/** Nobody has marked it or put anything on it. */
const isUntouched = Effect.fnUntraced(function* (address: PublicAddress) {
  if (address.state !== "Allocated" || isMarked(address.tags) || !mayBeReleased(address)) return false
  const rules = yield* (yield* LoadBalancers).list({ addressId: address.id })
  const forwards = yield* (yield* Forwards).list(address.id)
  return rules.length + Option.getOrElse(forwards, () => []).length === 0
})

/** The address that an earlier allocation left behind, if it is still as that left it. */
const leftBy = Effect.fnUntraced(function* (jobId: string, pending: Pending) {
  const ended = yield* Effect.result(pending.done)
  if (ended._tag === "Failure" && (ended.failure.ambiguous || ended.failure.transient)) return yield* ended.failure
  if (ended._tag === "Failure" || pending.objectId === undefined) return Option.none<PublicAddress>()
  // One that ran until now has its times only when asked for again.
  const job = pending.ran === undefined ? yield* (yield* Jobs).find(jobId) : Option.some(pending)
  const found = yield* (yield* Addresses).find(AddressId.make(pending.objectId))
  if (Option.isNone(found) || Option.isNone(job) || !isOf(found.value, job.value)) return Option.none<PublicAddress>()
  return (yield* isUntouched(found.value)) ? found : Option.none<PublicAddress>()
})

/** An address of a VPC is for all its tiers while it has no rule. */
const isFor = ({ networkId, vpcId }: PublicAddress, network: Network): boolean =>
  network.vpcId === undefined ? networkId === network.id : vpcId === network.vpcId

const release = Effect.fnUntraced(function* ({ id, ip }: PublicAddress) {
  yield* Effect.logInfo("release an address that was allocated but never used", { address: ip, id })
  yield* (yield* (yield* Addresses).disassociate(id)).done
})

const allocate = Effect.fnUntraced(function* ({ ip, network }: AcquireInput, jobId: string) {
  const addresses = yield* Addresses
  const lanes = yield* AddressLanes
  const target = network.vpcId === undefined ? { networkId: network.id } : { vpcId: network.vpcId }
  const allocation = yield* lanes.within(accountLane)(
    addresses.associate({ target, jobId, ...(ip === undefined ? {} : { ip }) })
  )
  return yield* allocation.address
})

/** An address that is Allocated, ours, and not yet marked. */
export const acquire = Effect.fn("service.acquire")(function* (input: AcquireInput) {
  const jobs = yield* Jobs
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const jobId = allocationId(input.serviceUid, attempt)
    const known = yield* jobs.find(jobId)
    if (Option.isNone(known)) return yield* allocate(input, jobId)
    const left = yield* leftBy(jobId, known.value)
    if (Option.isNone(left)) continue
    const { ip } = left.value
    if (isFor(left.value, input.network) && (input.ip === undefined || input.ip === ip)) return left.value
    // Allocated for what the Service asked before; nobody knows of it but us.
    yield* release(left.value)
  }
  return yield* new TooManyAllocations({ serviceUid: input.serviceUid })
})

/** Releases what allocations for this Service left behind, cut off before the address could be marked. */
export const releaseLeftovers = Effect.fn("service.releaseLeftovers")(function* (serviceUid: string) {
  const jobs = yield* Jobs
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const jobId = allocationId(serviceUid, attempt)
    const known = yield* jobs.find(jobId)
    if (Option.isNone(known)) return
    const left = yield* leftBy(jobId, known.value)
    if (Option.isSome(left)) yield* release(left.value)
  }
})
