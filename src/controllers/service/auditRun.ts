/** Reads all that an account holds for an audit, and releases what it finds to be left by Services that are no more. */
import { Clock, Duration, Effect, Equal, Option, Ref } from "effect"
import { Addresses } from "../../cloudstack/Addresses.ts"
import { Inventory } from "../../cloudstack/Inventory.ts"
import { createPhase } from "../../cloudstack/Jobs.ts"
import type { Service } from "../../kubernetes/objects.ts"
import { ClusterId } from "../ClusterIdentity.ts"
import { type AuditInput, goneServices } from "./audit.ts"
import { removalOf } from "./auditRemoval.ts"
import { isEmpty } from "./chains.ts"
import { change } from "./change.ts"
import { claimantOf } from "./claimant.ts"
import type { Claimant } from "./claims.ts"
import { namedAddress } from "./desired.ts"
import { failing, nextOf, SyncFailed } from "./failure.ts"
import { MadeObjects } from "./MadeObjects.ts"
import { ServiceOptions } from "./options.ts"
import { finalizer } from "./selection.ts"
import { hasVpc } from "./tierAcl.ts"
import { recognise } from "./unmarked.ts"

/** The controller knows of what these have, or it is another's business; all else of ours is left over. */
export const mayHaveSomething = ({ finalizers, type }: Service): boolean =>
  type === "LoadBalancer" || finalizers.includes(finalizer)

/**
 * All of it as it is now. `services` = all of the cluster; none where the cluster is gone. One that came or went while
 * CloudStack was read, which may take a while, counts as there: what was read of it is no leak.
 */
export const readForAudit = Effect.fn("audit.read")(function* (services: Effect.Effect<ReadonlyArray<Service>>) {
  const inventory = yield* Inventory
  const cluster = yield* ClusterId
  const options = yield* ServiceOptions
  const made = yield* MadeObjects
  const before = yield* services
  yield* inventory.expire
  const holdings = yield* inventory.holdings(() => true)
  const items = hasVpc(holdings) ? yield* inventory.freshAclItems : Option.none()
  // One that has begun a moment ago is no finding.
  const latest = (yield* Clock.currentTimeMillis) - Duration.toMillis(createPhase)
  const stuck = (yield* (yield* Addresses).allocating).filter(({ allocatedAt = 0 }) => allocatedAt <= latest)
  const there = new Map([...before, ...(yield* services)].map((service) => [service.uid, service]))
  const asKnown = (): AuditInput => ({
    cluster,
    holdings,
    aclItems: Option.getOrElse(items, () => []),
    alive: [...there.values()]
      .filter(mayHaveSomething)
      .map((service) => claimantOf(service, cluster, { made: made.of(service.uid), allocations: new Map() }, options)),
    wanted: wantedBy(there.values()),
    made: made.of,
    stuck
  })
  const first = asKnown()
  yield* Effect.forEach([...first.alive, ...goneServices(first)], (claimant) => recognise(holdings, claimant), {
    discard: true
  })
  return asKnown()
})

/** By IP. */
const wantedBy = (services: Iterable<Service>): ReadonlyMap<string, string> =>
  new Map(
    [...services]
      .filter(({ deleting, type }) => type === "LoadBalancer" && !deleting)
      .flatMap((service) => {
        const named = namedAddress(service)
        return named === undefined ? [] : [[named, service.key] as const]
      })
  )

const identityOf = ({ name, uid }: Claimant) => {
  const [namespace = "", ofService = ""] = name.split("/")
  return { namespace, name: ofService, uid }
}

/** Things that are deleted and still there, and lists that never agree, mean that something else is wrong. */
const mostLooks = 5

const failed = ({ name, uid }: Claimant, what: string) =>
  new SyncFailed({ message: `what Service ${name || uid} left ${what}` })

/** None if nothing of it is left, or if the Service is there: it may have come back meanwhile, from a backup. */
const removalIn = (input: AuditInput, { uid }: Claimant) =>
  Option.fromNullishOr(goneServices(input).find((one) => one.uid === uid)).pipe(
    Option.map((claimant) => ({ cluster: input.cluster, ...removalOf(input, claimant) })),
    Option.filter(({ plan }) => !isEmpty(plan))
  )

interface Looks {
  /** All of the cluster. */
  readonly services: Effect.Effect<ReadonlyArray<Service>>
  /** What was seen last, by whomever: reading all that an account holds is dear. */
  readonly seen: Ref.Ref<AuditInput>
}

const lookAgain = Effect.fnUntraced(function* ({ seen, services }: Looks) {
  yield* Ref.set(seen, yield* readForAudit(services))
})

/** One list can be wrong, and what it lacks would go with the address: two looks that say the same are believed. */
const believedRemoval = Effect.fnUntraced(function* (claimant: Claimant, all: Looks) {
  let last = removalIn(yield* Ref.get(all.seen), claimant)
  for (let looks = 1; looks <= mostLooks; looks++) {
    if (Option.isNone(last)) return last
    yield* lookAgain(all)
    const next = removalIn(yield* Ref.get(all.seen), claimant)
    if (Option.isSome(next) && Equal.equals(next.value.plan, last.value.plan)) return next
    last = next
  }
  return yield* failed(claimant, "looks different each time: nothing of it is released")
})

/** Until a look at all of it shows that nothing of the Service is left. */
const releaseAll = Effect.fnUntraced(function* (claimant: Claimant, all: Looks) {
  for (let looks = 1; looks <= mostLooks; looks++) {
    const removal = yield* believedRemoval(claimant, all)
    if (Option.isNone(removal)) return
    const { cluster, leaving, plan } = removal.value
    const failures = yield* change({
      cluster,
      service: identityOf(claimant),
      plan,
      leaving: [],
      concerned: leaving.map(({ address }) => address.id),
      network: leaving.flatMap(({ address }) => address.networkId ?? [])[0] ?? "",
      publish: Effect.succeedNone
    })
    const next = nextOf(failures, looks)
    if (next._tag === "Refused" || next._tag === "Failed") return yield* failing(failures)
    yield* lookAgain(all)
  }
  return yield* failed(claimant, "is released and still there")
})

/** A Service that is gone, and why not all that it left could be released. */
export interface Unreleased {
  /** `<namespace>/<name>` as far as it is known, else the UID. */
  readonly service: string
  readonly error: string
}

/** One Service after the other, each on what is there by then: two may share an address. One that fails stops no other. */
export const releaseLeaked = Effect.fn("audit.release")(function* (services: Effect.Effect<ReadonlyArray<Service>>) {
  const seen = yield* Ref.make(yield* readForAudit(services))
  const gone = goneServices(yield* Ref.get(seen))
  const failures: Array<Unreleased> = []
  for (const claimant of gone) {
    const service = claimant.name || claimant.uid
    yield* Effect.catchTag(releaseAll(claimant, { services, seen }), "SyncFailed", ({ message }) =>
      Effect.sync(() => void failures.push({ service, error: message }))
    )
  }
  return failures
})
