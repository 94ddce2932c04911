/**
 * What earlier allocations for a Service left behind. Their jobs' ids are derived from the Service, so each of them can
 * be asked for again, whatever was lost: an answer, the process before it could mark the address, the job itself.
 */
import { Effect, Option, Schema } from "effect"
import { Addresses } from "../../cloudstack/Addresses.ts"
import { Borders } from "../../cloudstack/Borders.ts"
import { Forwards } from "../../cloudstack/Forwards.ts"
import { Jobs, type Pending } from "../../cloudstack/Jobs.ts"
import { LoadBalancers } from "../../cloudstack/LoadBalancers.ts"
import { AddressId, type LoadBalancerRule, type PublicAddress } from "../../domain/Cloud.ts"
import { type Cluster, claim, isMarked, isOurCluster, parseDescription, taggedService } from "../../domain/Ownership.ts"
import { ClusterId } from "../ClusterIdentity.ts"
import { mayBeReleased } from "./claims.ts"
import { allocationId } from "./jobIds.ts"
import { MadeObjects } from "./MadeObjects.ts"
import { takingTurns } from "./sharing.ts"
import { isOwnOpening } from "./unmarked.ts"

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

/** Of one allocation. */
export type Leftover =
  | { readonly _tag: "Nothing" }
  /** As the allocation left it: nobody has marked it or put anything on it. */
  | { readonly _tag: "Untouched"; readonly address: PublicAddress }
  /** Nothing of the Service is on it, but something of somebody else: it can be used, but not released. */
  | { readonly _tag: "Shared"; readonly address: PublicAddress }
  /** The server began with it and came to no end: only good for being released. */
  | { readonly _tag: "Unfinished"; readonly address: PublicAddress }
  /** Marked for this Service, or with rules of it. */
  | { readonly _tag: "InUse"; readonly address: PublicAddress }

const nothing: Leftover = { _tag: "Nothing" }

/** The address is taken in the create phase, before the job begins; locks may make that take a while. */
const createPhase = 120_000

/** Whether the address was allocated by this very job: ids are reused, and jobs are remembered for a day. */
const isOf = ({ allocatedAt }: PublicAddress, { ran }: Pending): boolean =>
  ran !== undefined &&
  allocatedAt !== undefined &&
  ran.from - createPhase <= allocatedAt &&
  allocatedAt <= ran.to + 1_000

/** A copy of a cluster has Services with the same UIDs, and so the same jobs: what those made is the original's. */
const isAnothers = (cluster: Cluster, { description }: LoadBalancerRule): boolean => {
  const mark = parseDescription(description)
  return mark?.address === "owned" && !isOurCluster(cluster, mark.cluster)
}

const useOf = Effect.fnUntraced(function* (address: PublicAddress, uid: string) {
  const cluster = yield* ClusterId
  if (taggedService(cluster, address.tags) === uid) return { _tag: "InUse", address } satisfies Leftover
  if (isMarked(address.tags) || !mayBeReleased(address)) return nothing
  const rules = yield* (yield* LoadBalancers).list({ addressId: address.id })
  if (rules.some((rule) => claim(cluster, uid, rule) !== "foreign")) {
    return { _tag: "InUse", address } satisfies Leftover
  }
  if (rules.some((rule) => isAnothers(cluster, rule))) return nothing
  const forwards = yield* (yield* Forwards).list(address.id)
  const others = rules.length + Option.getOrElse(forwards, () => []).length
  // Before the mark it looked like the account's own, and another Service may have named it.
  if (others > 0) return { _tag: "Shared", address } satisfies Leftover
  const firewall = address.vpcId === undefined ? yield* (yield* Borders).list(address.id) : []
  const own = yield* Effect.forEach(firewall, (rule) =>
    isMarked(rule.tags) ? Effect.succeed(taggedService(cluster, rule.tags) === uid) : isOwnOpening(uid, address, rule)
  )
  return { _tag: own.every(Boolean) ? "Untouched" : "Shared", address } satisfies Leftover
})

/** What has become of the address that the job took. */
const stateOf = Effect.fnUntraced(function* (id: AddressId, job: Pending, uid: string) {
  const found = yield* (yield* Addresses).inspect(id)
  if (Option.isNone(found) || !isOf(found.value, job)) return nothing
  const address = found.value
  if (address.state === "Allocated") return yield* useOf(address, uid)
  return address.state === "Allocating" ? ({ _tag: "Unfinished", address } satisfies Leftover) : nothing
})

const leftBy = Effect.fnUntraced(function* (
  uid: string,
  jobId: string,
  pending: Pending,
  released: ReadonlyArray<AddressId>
) {
  const ended = yield* Effect.result(pending.done)
  // One that ran until now has its times only when asked for again; one whose end was not seen may run still.
  const known = pending.ran === undefined ? yield* (yield* Jobs).find(jobId) : Option.some(pending)
  if (Option.isNone(known)) return nothing
  const job = known.value
  if (job.ran === undefined) return ended._tag === "Failure" ? yield* ended.failure : nothing
  const id = job.objectId ?? pending.objectId
  if (id === undefined || released.includes(AddressId.make(id))) return nothing
  let last = yield* stateOf(AddressId.make(id), job, uid)
  // What leads to forgetting the address or to releasing it is not believed at one look: a list can be wrong.
  while (last._tag === "Nothing" || last._tag === "Untouched") {
    const next = yield* stateOf(AddressId.make(id), job, uid)
    if (next._tag === last._tag) return next
    last = next
  }
  return last
})

/** A server that forgets a job that never ended leaves its address as it is; the id is free again. */
const leftByForgotten = Effect.fnUntraced(function* (jobId: string) {
  const id = (yield* MadeObjects).addressTaken(jobId)
  const found = id === undefined ? Option.none() : yield* (yield* Addresses).inspect(id)
  return Option.filter(found, ({ state }) => state === "Allocating").pipe(
    Option.map((address): Leftover => ({ _tag: "Unfinished", address }))
  )
})

/** What the n-th allocation (from 0) left; none if there was none. `released` is known to be gone. */
export const leftover = Effect.fn("service.leftover")(function* (
  uid: string,
  attempt: number,
  released: ReadonlyArray<AddressId> = []
) {
  if (attempt >= mostAttempts) return yield* new TooManyAllocations({ serviceUid: uid })
  const jobId = allocationId(uid, attempt)
  const known = yield* (yield* Jobs).find(jobId)
  return Option.isNone(known)
    ? yield* leftByForgotten(jobId)
    : Option.some(yield* leftBy(uid, jobId, known.value, released))
})

export const release = Effect.fnUntraced(function* ({ id, ip }: PublicAddress) {
  yield* Effect.logInfo("release an address that was allocated but never used", { address: ip, id })
  yield* (yield* (yield* Addresses).disassociate(id)).done
})

/** When it is the address's turn, and if nobody uses it then: another Service may name it. */
const releaseUnused = Effect.fnUntraced(function* (
  uid: string,
  attempt: number,
  released: ReadonlyArray<AddressId>,
  { ip }: PublicAddress
) {
  const again = Effect.gen(function* () {
    const left = Option.getOrElse(yield* leftover(uid, attempt, released), () => nothing)
    if (left._tag === "Untouched" || left._tag === "Unfinished") yield* release(left.address)
  })
  yield* takingTurns([ip], again)
})

/** Releases what nobody uses. Returns the addresses that are in use by the Service all the same. */
export const releaseLeftovers = Effect.fn("service.releaseLeftovers")(function* (
  uid: string,
  released: ReadonlyArray<AddressId>
) {
  const inUse: Array<AddressId> = []
  for (let attempt = 0; ; attempt++) {
    const found = yield* leftover(uid, attempt, released)
    if (Option.isNone(found)) return inUse
    const left = found.value
    if (left._tag === "InUse") inUse.push(left.address.id)
    else if (left._tag === "Untouched" || left._tag === "Unfinished")
      yield* releaseUnused(uid, attempt, released, left.address)
  }
})
