/** A process that was killed may have sent an allocation a moment before: it can arrive after its successor has begun. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { createPhase } from "../../../src/cloudstack/Jobs.ts"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { allocationId } from "../../../src/controllers/service/jobIds.ts"
import { Predecessor } from "../../../src/controllers/service/Predecessor.ts"
import { finalizer } from "../../../src/controllers/service/selection.ts"
import { Services } from "../../../src/kubernetes/Services.ts"
import {
  applyNodes,
  applyService,
  balanced,
  bed,
  counting,
  editService,
  events,
  ingress,
  inTime,
  pass,
  reconcile,
  removeService,
  started,
  wholeWorld,
  world
} from "../../support/testBed.ts"
import { onWallClock } from "../../support/wallClock.ts"

/** As the process before left it: it was about to allocate an address. */
const cutOff = Effect.gen(function* () {
  yield* applyNodes("n1")
  yield* applyService()
  yield* editService({ metadata: { finalizers: [finalizer] } })
})

/** The last call of the process before. */
const arrives = Effect.gen(function* () {
  const all = yield* (yield* Services).all
  const { networks } = yield* world
  const customjobid = allocationId(all[0]?.uid ?? "", 0)
  const call = (yield* Simulator).callAs("alice", "associateIpAddress", {
    networkid: networks[0]?.id ?? "",
    customjobid
  })
  yield* inTime(call)
})

describe("a Service that was cut off before its address was seen", () => {
  it.effect("waits until nothing can arrive any more, and takes what has arrived", () =>
    Effect.gen(function* () {
      yield* cutOff
      assert.strictEqual((yield* Effect.flip(reconcile()))._tag, "StillUnknown")
      yield* pass(20)
      yield* arrives
      const { mutations } = yield* counting(Effect.andThen(TestClock.adjust("5 seconds"), reconcile()))
      assert.strictEqual(mutations["associateIpAddress"], undefined)
      assert.strictEqual((yield* balanced).addresses.length, 1)
      assert.strictEqual((yield* ingress())?.length, 1)
    }).pipe(Effect.provide(bed()))
  )

  it.effect("gets its address in the end if nothing arrives, and nobody is told of a failure", () =>
    Effect.gen(function* () {
      yield* cutOff
      yield* started
      yield* pass(85)
      assert.deepStrictEqual(yield* ingress(), [])
      yield* pass(10)
      assert.strictEqual((yield* ingress())?.length, 1)
      assert.notInclude(yield* events(), "SyncLoadBalancerFailed")
    }).pipe(Effect.provide(bed()))
  )

  it.effect("is not let go before what arrives late can be released", () =>
    Effect.gen(function* () {
      const before = yield* wholeWorld
      yield* cutOff
      yield* removeService()
      assert.strictEqual((yield* Effect.flip(reconcile()))._tag, "StillUnknown")
      yield* arrives
      yield* pass(90)
      assert.strictEqual(yield* reconcile(), "Removed")
      assert.deepStrictEqual(yield* wholeWorld, before)
    }).pipe(Effect.provide(bed()))
  )
})

describe("a Service that nobody served before", () => {
  it.effect("waits for nothing", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService()
      assert.strictEqual(yield* reconcile(), "Changed")
      yield* removeService()
      assert.strictEqual(yield* reconcile(), "Removed")
    }).pipe(Effect.provide(bed()))
  )
})

describe("the silence after a process", () => {
  it.effect("is neither over sooner nor later because the wall clock is corrected", () =>
    onWallClock((correct) =>
      Effect.gen(function* () {
        yield* cutOff
        const [service] = yield* (yield* Services).all
        const { awaitSilence } = yield* Predecessor
        const waiting = awaitSilence(service ?? assert.fail("no Service"))
        correct(3_600_000)
        assert.strictEqual((yield* Effect.flip(waiting))._tag, "StillUnknown")
        correct(-7_200_000)
        yield* TestClock.adjust(createPhase)
        yield* waiting
      }).pipe(Effect.provide(Predecessor.layer), Effect.provide(bed()))
    )
  )
})
