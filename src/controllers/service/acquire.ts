/**
 * Gets a public address for a Service without ever leaking one. Each allocation runs under a job id derived from the
 * Service, so an allocation whose answer was lost is found again by asking for that job; it is never simply repeated.
 */
import { Effect, Option, Schema } from "effect"
import { Addresses } from "../../cloudstack/Addresses.ts"
import { CloudStackError, Malformed } from "../../cloudstack/Api.ts"
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

const addressOf = (pending: Pending): Option.Option<AddressId> =>
  Option.map(Option.fromNullishOr(pending.objectId), AddressId.make)

/** Ids are reused: an address that somebody marked or uses since is not what that job left behind. */
const isUntouched = Effect.fnUntraced(function* (address: PublicAddress, network: Network) {
  if (address.state !== "Allocated" || isMarked(address.tags) || !mayBeReleased(address)) return false
  if (address.networkId !== network.id) return false
  const rules = yield* (yield* LoadBalancers).list({ addressId: address.id })
  return rules.length === 0
})

/** What an earlier allocation left: its address if it can be used, else nothing. */
const recover = Effect.fnUntraced(function* (pending: Pending, { ip, network }: AcquireInput) {
  const addresses = yield* Addresses
  const ended = yield* Effect.result(pending.done)
  if (ended._tag === "Failure" && (ended.failure.ambiguous || ended.failure.transient)) return yield* ended.failure
  const id = addressOf(pending)
  if (ended._tag === "Failure" || Option.isNone(id)) return Option.none<PublicAddress>()
  const found = yield* addresses.find(id.value)
  if (Option.isNone(found) || !(yield* isUntouched(found.value, network))) return Option.none<PublicAddress>()
  if (ip === undefined || found.value.ip === ip) return found
  // Allocated for what the Service asked before; nobody knows of it but us.
  yield* Effect.logInfo("release an address that is asked for no more", { address: found.value.ip })
  yield* (yield* addresses.disassociate(found.value.id)).done
  return Option.none<PublicAddress>()
})

const allocate = Effect.fnUntraced(function* ({ ip, network }: AcquireInput, jobId: string) {
  const addresses = yield* Addresses
  const lanes = yield* AddressLanes
  const target = network.vpcId === undefined ? { networkId: network.id } : { vpcId: network.vpcId }
  const pending = yield* lanes.within(accountLane)(
    addresses.associate({ target, jobId, ...(ip === undefined ? {} : { ip }) })
  )
  yield* pending.done
  const missing = new CloudStackError({
    command: "associateIpAddress",
    reason: new Malformed({ text: "the address allocated is not in the list" }),
    jobId
  })
  const id = yield* Effect.mapError(Effect.fromOption(addressOf(pending)), () => missing)
  const address = yield* addresses.find(id)
  return yield* Effect.mapError(Effect.fromOption(address), () => missing)
})

/** An address that is Allocated, ours, and not yet marked. */
export const acquire = Effect.fn("service.acquire")(function* (input: AcquireInput) {
  const jobs = yield* Jobs
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const jobId = allocationId(input.serviceUid, attempt)
    const known = yield* jobs.find(jobId)
    if (Option.isNone(known)) return yield* allocate(input, jobId)
    const recovered = yield* recover(known.value, input)
    if (Option.isSome(recovered)) return recovered.value
  }
  return yield* new TooManyAllocations({ serviceUid: input.serviceUid })
})
