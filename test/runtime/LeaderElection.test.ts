import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Context, Deferred, Duration, Effect, Exit, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { defaultTiming, timingProblems } from "../../src/runtime/electionTiming.ts"
import { Fence } from "../../src/runtime/Fence.ts"
import { LeaderElection, makeIdentity } from "../../src/runtime/LeaderElection.ts"
import { type LeaseWorld, makeLeaseWorld, seconds } from "./leaseWorld.ts"

/** A candidate that works for ever once it leads. */
const enter = Effect.fnUntraced(function* (
  world: LeaseWorld,
  identity: string,
  work: Effect.Effect<void> = Effect.never
) {
  const context = yield* Layer.build(LeaderElection.layerFence.pipe(Layer.provideMerge(world.candidate(identity))))
  const election = Context.get(context, LeaderElection)
  let worked = false
  const fiber = yield* Effect.forkScoped(
    election.lead(
      Effect.andThen(
        Effect.sync(() => {
          worked = true
        }),
        work
      )
    ),
    { startImmediately: true }
  )
  return { election, fence: Context.get(context, Fence), fiber, worked: () => worked }
})

const holder = (world: LeaseWorld) => world.lease()?.holderIdentity

describe("LeaderElection", () => {
  it.effect("creates the lease, announces itself and renews every 2 s with a PUT alone", () =>
    Effect.gen(function* () {
      const world = makeLeaseWorld()
      const a = yield* enter(world, "a")
      yield* TestClock.adjust(seconds(10))
      assert.isTrue(a.worked())
      assert.deepInclude(world.lease(), {
        holderIdentity: "a",
        leaseDurationSeconds: 15,
        acquireTime: 0,
        renewTime: 10_000,
        leaseTransitions: 0
      })
      assert.deepStrictEqual(world.requests, ["a get", "a create", ...Array(5).fill("a update")])
      assert.deepStrictEqual(world.announced, ["LeaderElection Lease/cloud-controller-manager: a became leader"])
    })
  )

  it.effect("takes over a lease that has not changed for its own duration on the local clock", () =>
    Effect.gen(function* () {
      const world = makeLeaseWorld()
      yield* Fiber.interrupt((yield* enter(world, "gone")).fiber)
      // A holder whose clock is an hour ahead and who dies at once, with a lease shorter than ours.
      world.edit({ holderIdentity: "dead", leaseDurationSeconds: 8, renewTime: 3_600_000, leaseTransitions: 4 })
      const b = yield* enter(world, "b")
      yield* TestClock.adjust("7900 millis")
      assert.isFalse(b.worked())
      yield* TestClock.adjust(seconds(5))
      assert.isTrue(b.worked())
      assert.deepInclude(world.lease(), { holderIdentity: "b", leaseTransitions: 5, leaseDurationSeconds: 15 })
    })
  )

  it.effect("waits while the other renews, however old its timestamps are", () =>
    Effect.gen(function* () {
      const world = makeLeaseWorld()
      yield* enter(world, "a")
      yield* TestClock.adjust(seconds(1))
      const b = yield* enter(world, "b")
      for (let step = 0; step < 60; step++) {
        yield* TestClock.adjust(seconds(1))
        world.edit({ renewTime: -1_000_000 - step })
      }
      assert.isFalse(b.worked())
    })
  )

  it.effect("is interrupted gracefully: the work ends first, renewing goes on, then the lease is free at once", () =>
    Effect.gen(function* () {
      const world = makeLeaseWorld()
      const a = yield* enter(
        world,
        "a",
        Effect.onInterrupt(Effect.never, () => Effect.sleep(seconds(30)))
      )
      yield* TestClock.adjust(seconds(1))
      const stopping = yield* Effect.forkScoped(Fiber.interrupt(a.fiber), { startImmediately: true })
      yield* TestClock.adjust(seconds(29))
      assert.strictEqual(holder(world), "a")
      yield* a.fence.ensure
      yield* TestClock.adjust(seconds(2))
      yield* Fiber.join(stopping)
      assert.deepInclude(world.lease(), { holderIdentity: "", leaseDurationSeconds: 1, leaseTransitions: 0 })
      assert.match(world.announced.join(), /a stopped leading/)
      assert.strictEqual((yield* Effect.flip(a.fence.ensure))._tag, "LostLeadership")
      const b = yield* enter(world, "b")
      assert.isTrue(b.worked())
      assert.deepInclude(world.lease(), { holderIdentity: "b", leaseTransitions: 1 })
    })
  )

  it.effect("frees the lease also when a renewal that was under way has arrived without an answer", () =>
    Effect.gen(function* () {
      const world = makeLeaseWorld()
      const a = yield* enter(world, "a")
      yield* TestClock.adjust(seconds(1))
      world.door.set("a", "mute")
      yield* TestClock.adjust(seconds(1))
      world.door.set("a", "ok")
      yield* Fiber.interrupt(a.fiber)
      assert.deepInclude(world.lease(), { holderIdentity: "", leaseDurationSeconds: 1 })
    })
  )

  it.effect("and when the process ends while it takes the lease; but leaves alone what it never asked for", () =>
    Effect.gen(function* () {
      const world = makeLeaseWorld()
      world.door.set("a create", "mute")
      const a = yield* enter(world, "a")
      assert.strictEqual(holder(world), "a")
      const b = yield* enter(world, "b")
      yield* Fiber.interrupt(b.fiber)
      yield* Fiber.interrupt(a.fiber)
      assert.deepInclude(world.lease(), { holderIdentity: "", leaseDurationSeconds: 1 })
      assert.deepStrictEqual(world.requests, ["a get", "a create", "b get", "a get", "a update"])
    })
  )

  it.effect("gives up after the renew deadline, before anybody else can take the lease, and does not release it", () =>
    Effect.gen(function* () {
      const world = makeLeaseWorld()
      const released = yield* Deferred.make<void>()
      const a = yield* enter(
        world,
        "a",
        Effect.onInterrupt(Effect.never, () => Deferred.await(released))
      )
      yield* TestClock.adjust(seconds(1))
      const b = yield* enter(world, "b")
      world.door.set("a", "hang")
      yield* TestClock.adjust(seconds(12))
      // The work still hangs: that must not keep the loss from being reported.
      const exit = yield* Fiber.await(a.fiber)
      assert.match(String(Exit.isFailure(exit) && Cause.squash(exit.cause)), /could not be renewed/)
      assert.isFalse(b.worked())
      assert.strictEqual(holder(world), "a")
      assert.isFalse(yield* a.election.isLeader)
      yield* TestClock.adjust(seconds(10))
      assert.isTrue(b.worked())
    })
  )

  it.effect("rides out an API server that fails for less than the renew deadline", () =>
    Effect.gen(function* () {
      const world = makeLeaseWorld()
      const a = yield* enter(world, "a")
      yield* TestClock.adjust(seconds(1))
      world.door.set("a", "down")
      yield* TestClock.adjust(seconds(8))
      world.door.set("a", "ok")
      yield* TestClock.adjust(seconds(60))
      assert.strictEqual(a.fiber.pollUnsafe(), undefined)
      assert.strictEqual(holder(world), "a")
    })
  )

  it.effect("falls back to GET and PUT when the object was touched, and keeps its acquire time", () =>
    Effect.gen(function* () {
      const world = makeLeaseWorld()
      yield* enter(world, "a")
      yield* TestClock.adjust(seconds(3))
      world.edit({})
      yield* TestClock.adjust(seconds(1))
      assert.deepStrictEqual(world.requests.slice(-3), ["a update", "a get", "a update"])
      assert.deepInclude(world.lease(), { holderIdentity: "a", acquireTime: 0, renewTime: 4_000, leaseTransitions: 0 })
    })
  )

  it.effect("stops at once when it sees another holder", () =>
    Effect.gen(function* () {
      const world = makeLeaseWorld()
      const a = yield* enter(world, "a")
      yield* TestClock.adjust(seconds(3))
      world.edit({ holderIdentity: "b" })
      yield* TestClock.adjust(seconds(2))
      const exit = yield* Fiber.await(a.fiber)
      assert.match(String(Exit.isFailure(exit) && Cause.squash(exit.cause)), /held by b/)
      assert.strictEqual(holder(world), "b")
    })
  )

  it.effect("two candidates never work at once, whichever of them is cut off", () =>
    Effect.gen(function* () {
      const world = makeLeaseWorld()
      const candidates = [yield* enter(world, "a"), yield* enter(world, "b")]
      yield* TestClock.adjust(seconds(5))
      world.door.set("a", "down")
      let gap = 0
      for (let tenth = 0; tenth < 400; tenth++) {
        yield* TestClock.adjust("100 millis")
        const open = yield* Effect.filter(candidates, ({ fence }) => Effect.isSuccess(fence.ensure))
        assert.isAtMost(open.length, 1)
        if (open.length === 0) gap += 1
      }
      assert.strictEqual(holder(world), "b")
      assert.isAtLeast(gap, 20)
    })
  )

  it.effect("says when it has not been able to renew for too long", () =>
    Effect.gen(function* () {
      const world = makeLeaseWorld()
      const a = yield* enter(world, "a")
      const b = yield* enter(world, "b")
      yield* TestClock.adjust(seconds(1))
      assert.deepStrictEqual([yield* a.election.healthy, yield* b.election.healthy], [true, true])
      // A process that was stopped for a minute: the wall clock has gone on before anything else could run.
      const clock = yield* Clock.Clock
      const ahead: Clock.Clock = {
        ...clock,
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + 60_000
      }
      const resumed = <A, E>(effect: Effect.Effect<A, E>) => Effect.provideService(effect, Clock.Clock, ahead)
      assert.deepStrictEqual([yield* resumed(a.election.healthy), yield* resumed(b.election.healthy)], [false, true])
      assert.match((yield* Effect.flip(resumed(a.fence.ensure))).message, /too little/)
    })
  )

  it.effect("opens the fence only while 2 s are left since the last renewal was sent, on either clock", () =>
    Effect.gen(function* () {
      const world = makeLeaseWorld()
      const a = yield* enter(world, "a")
      const clock = yield* Clock.Clock
      const shifted = (wall: number, monotonic: number): Clock.Clock => ({
        ...clock,
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + wall * 1_000,
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() + BigInt(monotonic) * 1_000_000_000n
      })
      const open = (wall: number, monotonic: number) =>
        Effect.isSuccess(Effect.provideService(a.fence.ensure, Clock.Clock, shifted(wall, monotonic)))
      assert.isTrue(yield* open(13, 13))
      assert.isFalse(yield* open(14, 0))
      assert.isFalse(yield* open(0, 14))
      assert.isTrue(yield* open(-3_600, 1))
    })
  )

  it("names every contradiction in the timing", () => {
    assert.deepStrictEqual(timingProblems(defaultTiming), [])
    assert.lengthOf(
      timingProblems({ leaseDuration: seconds(0), renewDeadline: seconds(0), retryPeriod: seconds(0) }),
      6
    )
    assert.lengthOf(timingProblems({ ...defaultTiming, renewDeadline: seconds(15) }), 1)
    assert.lengthOf(timingProblems({ ...defaultTiming, retryPeriod: Duration.millis(8_334) }), 1)
  })

  it.effect("identities are the host name and something unique", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* makeIdentity, yield* makeIdentity]
      assert.match(a, /^.+_[0-9a-f-]{36}$/)
      assert.notStrictEqual(a, b)
    })
  )
})
