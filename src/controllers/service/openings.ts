/**
 * Which firewall rules a Service opened, where the role may not tag them. Their jobs' ids are derived from what was
 * opened, so for a day each rule can be asked after: that tells ours from a rule that a person has put beside it, also
 * after a restart and when the sources have changed meanwhile.
 */
import { Effect, Option } from "effect"
import { Jobs } from "../../cloudstack/Jobs.ts"
import { Rights } from "../../cloudstack/Rights.ts"
import type { FirewallRule, Holding } from "../../domain/Cloud.ts"
import { isMarked } from "../../domain/Ownership.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { type Claimant, type Claims, claims, isClaimed } from "./claims.ts"
import { type Opening, openingId } from "./jobIds.ts"
import { MadeObjects } from "./MadeObjects.ts"

/** More openings of the same within a day mean that something else is wrong: what they made is then told by nothing. */
const mostAttempts = 200

/** The id for a job that opens this; none where a tag will tell. A used id would leave half a rule behind. */
export const jobForOpening = Effect.fn("service.jobForOpening")(function* (opening: Opening) {
  const jobs = yield* Jobs
  if (yield* (yield* Rights).may("createTags")) return undefined
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const id = openingId(opening, attempt)
    if (Option.isNone(yield* jobs.find(id))) return id
  }
  return undefined
})

/** By the jobs that the server still knows. */
export const isOwnOpening = Effect.fnUntraced(function* (serviceUid: string, rule: FirewallRule) {
  const jobs = yield* Jobs
  const { addressId, cidrs, protocol, startPort: port = 0 } = rule
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const found = yield* jobs.find(openingId({ serviceUid, addressId, protocol, port, cidrs }, attempt))
    if (Option.isNone(found)) return false
    if (found.value.objectId === rule.id) return true
  }
  return false
})

/** Beside what is known to be the Service's: on exactly one of its ports, and said by nobody to be his. */
const unexplained = (own: Claims, { forwardShapes }: Claimant): ReadonlyArray<FirewallRule> => {
  const ports = new Set([...own.rules, ...forwardShapes].map(({ publicPort }) => publicPort))
  return own.otherFirewall.filter(
    ({ endPort, startPort, tags }) =>
      startPort !== undefined && ports.has(startPort) && (endPort ?? startPort) === startPort && !isMarked(tags)
  )
}

/** Asks after rules that nothing else explains, each once, and remembers those that are the Service's. */
export const recogniseOpenings = Effect.fn("service.recogniseOpenings")(function* (
  service: Service,
  claimant: Claimant,
  holdings: ReadonlyArray<Holding>
) {
  const made = yield* MadeObjects
  const suspects = holdings
    .map((holding) => claims(holding, claimant))
    .filter((own) => isClaimed(own, claimant))
    .flatMap((own) => unexplained(own, claimant))
    .filter(({ id }) => !made.isStranger(service.uid, id))
  if (suspects.length === 0 || (yield* (yield* Rights).may("createTags"))) return
  yield* Effect.forEach(
    suspects,
    (rule) =>
      Effect.flatMap(isOwnOpening(service.uid, rule), (own) =>
        own ? made.remember(service.uid, [rule.id]) : made.noteStranger(service.uid, rule.id)
      ),
    { discard: true }
  )
})
