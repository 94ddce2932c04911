/**
 * Whose a firewall rule or a forward without a tag is. It cannot say so itself between its making and its tag, where a
 * crash may come, and what the Service wants tells it only as long as nobody edits the Service. But it was made under a
 * job id derived from the Service, so CloudStack can be asked whether that job made it.
 */
import { randomUUID } from "node:crypto"
import { Effect, Option } from "effect"
import { Jobs } from "../../cloudstack/Jobs.ts"
import type { FirewallRule, FirewallRuleId, ForwardId, Holding, PublicAddress } from "../../domain/Cloud.ts"
import { isMarked } from "../../domain/Ownership.ts"
import { type Claimant, type Claims, claims, isClaimed } from "./claims.ts"
import { forwarding, type Making, makerOf, makingId, opening } from "./jobIds.ts"
import { MadeObjects } from "./MadeObjects.ts"

/** To make the same more often within a day means that something else is wrong: what it made is then told by nothing. */
const mostAttempts = 200

/**
 * One that CloudStack does not know: to send an id twice would leave an object without a job. On an address that this
 * process has allocated itself nothing was made but by this process.
 */
export const unusedId = Effect.fnUntraced(function* (making: Making) {
  const jobs = yield* Jobs
  const made = yield* MadeObjects
  const { addressId, allocatedAt, serviceUid } = making
  const known = made.of(serviceUid)
  const isOurs = allocatedAt !== undefined && known.has(addressId)
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const id = makingId(making, attempt)
    if ((isOurs && !known.has(id)) || Option.isNone(yield* jobs.find(id))) {
      yield* made.remember(serviceUid, [id])
      return id
    }
  }
  return yield* Effect.sync(randomUUID)
})

const isMadeBy = Effect.fnUntraced(function* (making: Making, id: string) {
  const jobs = yield* Jobs
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const job = yield* jobs.find(makingId(making, attempt))
    if (Option.isNone(job)) return false
    if (job.value.objectId === id) return true
  }
  return false
})

/** Whether a firewall rule on the address was made for the Service, by the jobs that CloudStack still knows. */
export const isOwnOpening = (serviceUid: string, address: PublicAddress, rule: FirewallRule) => {
  const { cidrs, endPort, id, protocol, startPort } = rule
  if (startPort === undefined || startPort !== (endPort ?? startPort)) return Effect.succeed(false)
  const what = opening(protocol, startPort, cidrs)
  return isMadeBy({ ...makerOf(serviceUid, address), addressId: address.id, what }, id)
}

interface Doubt {
  readonly id: FirewallRuleId | ForwardId
  readonly what: string
}

/**
 * What nobody has marked and the Service does not know for its own. An address of ours may have it on any port, also one
 * that is not wanted any more; among a user's own things on the user's address only the Service's ports are in doubt.
 */
const doubts = (own: Claims, { forwardShapes, wantedPorts }: Claimant): ReadonlyArray<Doubt> => {
  const ports = new Set([
    ...[...own.rules, ...own.forwards, ...forwardShapes].map(({ publicPort }) => publicPort),
    ...wantedPorts
  ])
  const isOne = (from: number, to: number) => from === to && (own.ownership === "owned" || ports.has(from))
  return [
    ...own.otherFirewall.flatMap(({ cidrs, endPort, id, protocol, startPort, tags }) =>
      startPort === undefined || !isOne(startPort, endPort ?? startPort) || isMarked(tags)
        ? []
        : [{ id, what: opening(protocol, startPort, cidrs) }]
    ),
    ...own.otherForwards.flatMap(({ id, privatePort, protocol, publicEndPort, publicPort, tags, vmId }) =>
      vmId === undefined || !isOne(publicPort, publicEndPort) || isMarked(tags)
        ? []
        : [{ id, what: forwarding(protocol, publicPort, privatePort, vmId) }]
    )
  ]
}

/**
 * What is known without a mark by the sources that the Service allows, as an earlier provider's firewall rules are where
 * the role may not tag: it stays known when these change.
 */
const knownBySources = (own: Claims, { made }: Claimant): ReadonlyArray<FirewallRuleId> =>
  own.firewall.filter(({ id, tags }) => !isMarked(tags) && !made.has(id)).map(({ id }) => id)

/** Each is asked about once in the life of the process. */
export const recognise = Effect.fn("service.recognise")(function* (
  holdings: ReadonlyArray<Holding>,
  claimant: Claimant
) {
  const made = yield* MadeObjects
  const { uid } = claimant
  for (const holding of holdings) {
    const own = claims(holding, claimant)
    if (!isClaimed(own, claimant)) continue
    yield* made.remember(uid, knownBySources(own, claimant))
    const maker = makerOf(uid, own.address)
    for (const { id, what } of doubts(own, claimant)) {
      if (made.strangers(uid).has(id)) continue
      const ours = yield* isMadeBy({ ...maker, addressId: own.address.id, what }, id)
      yield* ours ? made.remember(uid, [id]) : made.ruleOut(uid, [id])
    }
  }
})
