/**
 * Two replicas and one Lease: who has lost it writes nothing any more, and the other goes on.
 *
 * Each replica reaches CloudStack through a proxy of its own and the API server with a token of its own, so every write
 * is known with its sender and its time. All of it happens on one machine, so all times are of one clock.
 */
import { assert } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { jitter } from "../../src/runtime/electionTiming.ts"
import { type AuditEntry, actionOf, credentialOf, isWrite } from "./audit.ts"
import { Cluster, lastWords, type Replica } from "./Cluster.ts"
import { eventually } from "./eventually.ts"
import { workplace } from "./kube.ts"
import { type Lapse, lapses, leaseHistory, overlaps, type Term, termsOf, type Write } from "./leases.ts"
import { makeProxy, type Passage, type Proxy, type Stage, signalAt } from "./Proxy.ts"
import { identityOf, untilLeading } from "./replicas.ts"
import { suite } from "./suite.ts"

const lease = 5_000
const retry = 500
const flags = [
  `--leader-elect-lease-duration=${lease}ms`,
  "--leader-elect-renew-deadline=3s",
  `--leader-elect-retry-period=${retry}ms`
]
/** The longest time between two looks of a candidate at the Lease, and what a loaded machine may add to it. */
const look = retry * (1 + jitter)
const tolerance = 1_500

interface Contender {
  readonly replica: Replica
  readonly proxy: Proxy
  /** As it writes itself into the Lease. */
  readonly identity: string
}

const contender = Effect.gen(function* () {
  const { cloudOrigin, startReplica } = yield* Cluster
  const proxy = yield* makeProxy(cloudOrigin)
  // CloudStack does not hold it up, so that writes to Kubernetes have to wait for their turn.
  const replica = yield* startReplica({ cloud: proxy.origin, flags, settings: "rate-limit-qps = 0\n" })
  const identity = yield* eventually(identityOf(replica), (text) => assert.notStrictEqual(text, ""))
  return { replica, proxy, identity } satisfies Contender
})

const pair = Effect.gen(function* () {
  const leader = yield* contender
  yield* untilLeading(leader.replica)
  return { leader, standby: yield* contender }
})

/** By these a process learns that it has lost, and says so; the history of the Lease shows what came of them. */
const isAboutLease = ({ objectRef }: AuditEntry) =>
  objectRef?.resource === "leases" ||
  (objectRef?.resource === "events" && objectRef.name?.startsWith("cloud-controller-manager.") === true)

/** All that they sent to change CloudStack or the cluster. */
const writesBy = Effect.fnUntraced(function* (contenders: ReadonlyArray<Contender>) {
  const { controlPlane } = yield* Cluster
  const entries = (yield* controlPlane.audit).filter((entry) => isWrite(entry) && !isAboutLease(entry))
  return contenders.flatMap(
    ({ identity: by, proxy, replica }): ReadonlyArray<Write> => [
      ...proxy.passages
        .filter(({ mutation, stage }) => mutation && stage === "arrived")
        .map(({ at, command: what }) => ({ by, at, what })),
      ...entries
        .filter((entry) => credentialOf(entry) === replica.credential)
        .map((entry) => ({
          by,
          at: Date.parse(entry.requestReceivedTimestamp),
          what: `${actionOf(entry)} ${entry.objectRef?.name}`
        }))
    ]
  )
})

/** Enough Services at once for everybody to be busy, and waiting until all of them are served, or gone. */
const fleet = Effect.fnUntraced(function* (namespace: string) {
  const place = yield* workplace(namespace)
  const names = Array.from({ length: 15 }, (_, index) => `web-${index}`)
  const ports = [80, 443].map((port) => ({ name: `p${port}`, port }))
  const all = <A, E>(act: (name: string) => Effect.Effect<A, E>) =>
    Effect.forEach(names, act, { concurrency: 4, discard: true })
  return {
    create: all((name) => place.create(name, { spec: { type: "LoadBalancer", ports } })),
    served: eventually(
      place.all,
      (services) =>
        assert.lengthOf(
          services.filter(({ status }) => status.loadBalancer.ingress?.length === 1),
          names.length
        ),
      // An allocation that the one before had begun, and that never reached CloudStack, is not begun again for 90 s.
      "2 minutes"
    ),
    removed: Effect.andThen(
      all(place.remove),
      eventually(place.all, (services) => assert.deepStrictEqual(services, []), "60 seconds")
    )
  }
})

/** Hits the contender in the middle of its work for those Services: in that very moment of an exchange. */
const hit = Effect.fnUntraced(function* (
  { proxy, replica }: Contender,
  signal: NodeJS.Signals,
  moment: { readonly stage: Stage; readonly count: number },
  work: Effect.Effect<unknown, unknown>
) {
  const matches = ({ mutation, stage }: Passage) => stage === moment.stage && (mutation || stage === "connected")
  const struck = yield* signalAt(proxy, { count: moment.count, matches }, replica.pid, signal)
  yield* work
  yield* Fiber.join(struck).pipe(Effect.timeout("30 seconds"))
})

/** Who has held the Lease, in order; and that nobody ever wrote who did not. */
const judged = Effect.fnUntraced(function* (
  history: Effect.Effect<ReadonlyArray<Term>>,
  contenders: ReadonlyArray<Contender>
) {
  const terms = yield* history
  const writes = yield* writesBy(contenders)
  assert.deepStrictEqual(
    terms.map(({ holder }) => holder),
    contenders.map(({ identity }) => identity)
  )
  assert.deepStrictEqual(overlaps(terms), [])
  const none: ReadonlyArray<Lapse> = []
  assert.deepStrictEqual(lapses(terms, writes), none)
  // And it would have been seen.
  const shorter = terms.map((term) => ({ ...term, until: term.from }))
  for (const { identity } of contenders)
    assert.include(
      lapses(shorter, writes).map(({ by }) => by),
      identity
    )
  return terms
})

const terms = Effect.map(leaseHistory, (history) => Effect.map(history, termsOf))

suite(
  "fencing",
  Cluster.layerWith(["--push-time=20ms"]),
  (it) => {
    it.effect("a leader that is killed is followed as soon as its lease is over, and not before", () =>
      Effect.gen(function* () {
        const history = yield* terms
        const { leader, standby } = yield* pair
        const services = yield* fleet("killed")
        yield* hit(leader, "SIGKILL", { stage: "done", count: 20 }, services.create)
        yield* untilLeading(standby.replica)
        yield* services.served
        const [first, second] = yield* judged(history, [leader, standby])
        const vacancy = (second?.from ?? 0) - (first?.renewed ?? 0)
        // The last renewal is seen up to one look late, and its end again.
        assert.isAtLeast(vacancy, lease)
        assert.isAtMost(vacancy, lease + 2 * look + tolerance)
        yield* services.removed
      })
    )

    it.effect(
      "a leader that is frozen for longer than its lease writes nothing when it wakes up, and ends",
      () =>
        Effect.gen(function* () {
          const history = yield* terms
          let leader = yield* contender
          yield* untilLeading(leader.replica)
          const leaders = [leader]
          const moments = [
            { stage: "connected", count: 4 },
            { stage: "answered", count: 15 },
            { stage: "done", count: 30 }
          ] as const
          for (const [index, moment] of moments.entries()) {
            const standby = yield* contender
            const services = yield* fleet(`frozen-${index}`)
            yield* hit(leader, "SIGSTOP", moment, services.create)
            yield* untilLeading(standby.replica)
            yield* leader.replica.signal("SIGCONT")
            assert.deepStrictEqual(yield* leader.replica.exit, { code: 1, signal: null })
            assert.include(yield* leader.replica.output, "leaderelection lost")
            yield* services.served
            yield* services.removed
            leader = standby
            leaders.push(leader)
          }
          yield* judged(history, leaders)
        }),
      480_000
    )

    it.effect("a leader that is asked to end gives the Lease back with its last word, and is followed at once", () =>
      Effect.gen(function* () {
        const history = yield* terms
        const { leader, standby } = yield* pair
        const services = yield* fleet("handed-over")
        yield* hit(leader, "SIGTERM", { stage: "answered", count: 20 }, services.create)
        assert.deepStrictEqual(yield* leader.replica.exit, { code: 0, signal: null })
        yield* untilLeading(standby.replica)
        yield* services.served
        const [first, second] = yield* judged(history, [leader, standby])
        assert.isTrue(first?.released)
        assert.isAtMost((second?.from ?? 0) - (first?.until ?? 0), look + tolerance)
        yield* services.removed
      })
    )
  },
  lastWords
)
