/** Gets the address that a decision asks for, or says why the Service cannot have it and has to stay where it is. */
import { Effect, Option } from "effect"
import { Addresses } from "../../cloudstack/Addresses.ts"
import type { CloudStackError } from "../../cloudstack/Api.ts"
import type { AddressId, Holding, RuleId } from "../../domain/Cloud.ts"
import type { Refusal } from "../../domain/Refusal.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { acquire } from "./acquire.ts"
import { claims, isClaimed } from "./claims.ts"
import { type Decision, decide, type Named, nothing } from "./decide.ts"
import { isOwnAllocation, markAddress } from "./mark.ts"
import { claimantFor } from "./observe.ts"
import { failIfOverlooked, Overlooked } from "./overlooked.ts"
import { Predecessor } from "./Predecessor.ts"

const notFree = ({ field, ip }: Named, why: string): Refusal => ({
  reason: "AddressNotFree",
  field,
  cause: `${ip} is neither free nor the account's${why}`,
  remedy: "Name a free address or one of the account's, or none to get any"
})

/** That no address is left may pass; what the role or the network does not allow is somebody's to settle. */
const refuseAcquire = (
  error: CloudStackError,
  { named, network }: NonNullable<Decision["acquire"]>
): Refusal | undefined => {
  const tag = error.reason._tag
  const lasts = tag === "Refused" || tag === "Forbidden"
  if (named !== undefined) return lasts || tag === "NoCapacity" ? notFree(named, ` (${error.told})`) : undefined
  if (!lasts) return undefined
  return {
    reason: "CloudStackRefused",
    field: `an address in network ${network.name}`,
    cause: error.told,
    remedy: "Allow associateIpAddress to the key's role, or name an address that the account has (spec.loadBalancerIP)"
  }
}

/** It is the account's, or is becoming so: another Service or a process before this one has asked for it. */
const isComing = Effect.fnUntraced(function* (ip: string) {
  const addresses = yield* Addresses
  if (Option.isSome(yield* addresses.findByIp(ip))) return true
  return (yield* addresses.allocating).some((address) => address.ip === ip)
})

/** Looked at before it is asked for, so that what cannot be had is refused without a trace. */
export const refuseTaken = Effect.fnUntraced(function* (service: Service, decision: Decision) {
  const addresses = yield* Addresses
  const { acquire: wanted, ...rest } = decision
  const named = wanted?.named
  if (named === undefined || (yield* addresses.isFree(named.ip))) return decision
  const { ip } = named
  if (yield* isOwnAllocation(service, ip)) return decision
  // One list can be wrong.
  if (yield* isComing(ip)) return yield* new Overlooked({ ip })
  if (yield* addresses.isFree(ip)) return decision
  yield* (yield* Predecessor).awaitSilence(service)
  const why = ": another account may have it, or it is no public address of the zone"
  return { ...rest, plan: rest.meanwhile, meanwhile: nothing, refusal: notFree(named, why) } satisfies Decision
})

/** The new address with its mark. */
const acquireMarked = Effect.fnUntraced(function* (
  service: Service,
  wanted: NonNullable<Decision["acquire"]>,
  known: ReadonlyArray<AddressId>
) {
  const claimant = yield* claimantFor(service)
  const what = (holding: Holding) => Effect.succeed(isClaimed(claims(holding, claimant), claimant))
  yield* failIfOverlooked(service, { handled: known, what })
  const { keep, named, network } = wanted
  const address = yield* acquire({
    service,
    known,
    network,
    ...(named === undefined ? {} : { ip: named.ip })
  })
  yield* Effect.logInfo("address acquired", { address: address.ip, id: address.id })
  return {
    address: yield* markAddress(service, address, keep),
    rules: [],
    firewall: [],
    forwards: []
  } satisfies Holding
})

/** The decision with its address, acquired if there is none yet. */
export const settle = Effect.fnUntraced(function* (
  service: Service,
  decision: Decision,
  holdings: ReadonlyArray<Holding>,
  rigid: ReadonlySet<RuleId>
) {
  const { acquire: wanted } = decision
  if (wanted === undefined) return decision
  const acquired = yield* Effect.result(acquireMarked(service, wanted, decision.concerned))
  if (acquired._tag === "Success") return yield* decide(service, [...holdings, acquired.success], rigid)
  const error = acquired.failure
  const refusal = error._tag === "CloudStackError" ? refuseAcquire(error, wanted) : undefined
  if (refusal === undefined) return yield* error
  if (refusal.reason === "AddressNotFree" && wanted.named !== undefined && (yield* isComing(wanted.named.ip))) {
    return yield* new Overlooked({ ip: wanted.named.ip })
  }
  const { acquire: _, ...rest } = decision
  return { ...rest, plan: rest.meanwhile, meanwhile: nothing, refusal } satisfies Decision
})
