import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, type Scope } from "effect"
import { TestClock } from "effect/testing"
import {
  CallPriority,
  type CloudStackApi,
  Malformed,
  type Priority,
  Refused,
  ServerFault,
  Throttled,
  Unavailable,
  Unreachable,
  Withheld
} from "../../src/cloudstack/Api.ts"
import { layer as governor } from "../../src/cloudstack/Governor.ts"
import { onWallClock } from "../support/wallClock.ts"
import { type Asked, ask, type Script, scripted } from "./scripted.ts"
import { layerSettings } from "./settings.ts"

const ok = { success: true }
const down = new Unavailable({ status: 502, text: "HTML" })

/** A governed CloudStack; `asked` is what got through. */
const governed = <A, E>(
  script: Script,
  body: (asked: Array<Asked>) => Effect.Effect<A, E, CloudStackApi | Scope.Scope>,
  rateLimit = { qps: 10, burst: 5 }
) => {
  const asked: Array<Asked> = []
  const layer = governor.pipe(Layer.provide(scripted(script, asked)), Layer.provide(layerSettings({ rateLimit })))
  return Effect.scoped(body(asked).pipe(Effect.provide(layer)))
}
const start = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkScoped(effect, { startImmediately: true })
const many = (n: number, command = "listZones") =>
  Effect.all(Effect.replicate(start(ask(command)), n).map((one) => one))

describe("Governor", () => {
  it.effect("lets a burst through and then the rate", () =>
    governed(
      () => ok,
      (asked) =>
        Effect.gen(function* () {
          yield* many(15)
          assert.strictEqual(asked.length, 5)
          yield* TestClock.adjust("500 millis")
          assert.strictEqual(asked.length, 10)
          yield* TestClock.adjust("500 millis")
          assert.deepStrictEqual(
            asked.map(({ at }) => at),
            [0, 0, 0, 0, 0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]
          )
        })
    )
  )

  for (const hours of [-1, 1]) {
    it.effect(`keeps its rate when the clock is set by ${hours} h`, () =>
      onWallClock((correct) =>
        governed(
          () => ok,
          (asked) =>
            Effect.gen(function* () {
              yield* many(5)
              correct(hours * 3_600_000)
              yield* many(10)
              assert.strictEqual(asked.length, 5)
              yield* TestClock.adjust("1 second")
              assert.strictEqual(asked.length, 15)
            })
        )
      )
    )
  }

  it.effect("knows no limit if the rate is 0", () =>
    governed(
      () => ok,
      (asked) =>
        Effect.gen(function* () {
          yield* many(1_000)
          assert.strictEqual(asked.length, 1_000)
        }),
      { qps: 0, burst: 1 }
    )
  )

  it.effect("does not spin where the clock stands between two milliseconds", () =>
    governed(
      () => ok,
      (asked) =>
        Effect.gen(function* () {
          yield* TestClock.adjust(Duration.millis(1_750_000.3712))
          yield* many(5)
          assert.strictEqual(asked.length, 5)
          yield* many(5)
          yield* TestClock.adjust("1 second")
          assert.strictEqual(asked.length, 10)
        })
    )
  )

  it.effect("pauses everybody until the time a 429 names, then goes on at half the rate", () =>
    governed(
      ({ command }, nth) =>
        command === "createTags" && nth === 1 ? new Throttled({ retryAfter: Duration.millis(9732) }) : ok,
      (asked) =>
        Effect.gen(function* () {
          const throttled = yield* start(ask("createTags"))
          yield* many(3)
          yield* TestClock.adjust("9731 millis")
          assert.strictEqual(asked.length, 1)
          yield* TestClock.adjust("1 seconds")
          const after = asked.map(({ at }) => at - 9732)
          for (const [i, expected] of [-9732, 0, 200, 400, 600].entries()) {
            assert.closeTo(after[i] ?? Number.NaN, expected, 5)
          }
          assert.deepStrictEqual(yield* Fiber.join(throttled), ok)
          yield* TestClock.adjust("60 seconds")
          asked.length = 0
          yield* many(9)
          yield* TestClock.adjust("400 millis")
          assert.strictEqual(asked.length, 9)
        })
    )
  )

  it.effect("halves once for all the calls that one window refused", () => {
    const refused = new Throttled({ retryAfter: Duration.seconds(1) })
    return governed(
      (_, nth) => (nth <= 5 ? Effect.delay(Effect.succeed(refused), "10 millis") : ok),
      (asked) =>
        Effect.gen(function* () {
          yield* many(5)
          yield* TestClock.adjust("1 seconds")
          yield* TestClock.adjust("1 seconds")
          const after = asked.slice(5).map(({ at }) => at)
          for (const [i, expected] of [1010, 1210, 1410, 1610, 1810].entries()) {
            assert.closeTo(after[i] ?? Number.NaN, expected, 15)
          }
        })
    )
  })

  it.effect("gives a call up that is throttled again and again", () =>
    governed(
      () => new Throttled({ retryAfter: Duration.seconds(1) }),
      (asked) =>
        Effect.gen(function* () {
          const fiber = yield* start(Effect.flip(ask("listZones")))
          yield* TestClock.adjust("1 minute")
          assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "Throttled")
          assert.strictEqual(asked.length, 6)
        })
    )
  )

  it.effect("repeats a read that failed in passing, and nothing else", () =>
    governed(
      ({ command }, nth) => {
        if (command === "listBroken") return new Refused({ code: 431, text: "no" })
        return nth <= 2 ? new ServerFault({ code: 530, text: "deadlock" }) : ok
      },
      (asked) =>
        Effect.gen(function* () {
          const read = yield* start(ask("listZones"))
          const mutation = yield* start(Effect.flip(ask("createTags")))
          const refused = yield* start(Effect.flip(ask("listBroken")))
          yield* TestClock.adjust("10 seconds")
          assert.deepStrictEqual(yield* Fiber.join(read), ok)
          assert.strictEqual((yield* Fiber.join(mutation)).reason._tag, "ServerFault")
          assert.strictEqual((yield* Fiber.join(refused)).reason._tag, "Refused")
          const times = (command: string) => asked.filter((one) => one.command === command).length
          assert.deepStrictEqual([times("listZones"), times("createTags"), times("listBroken")], [3, 1, 1])
        })
    )
  )

  it.effect("probes a failing CloudStack every 15 s and recovers within 30 s", () => {
    let healthy = true
    return governed(
      () => (healthy ? ok : down),
      (asked) =>
        Effect.gen(function* () {
          yield* ask("listZones")
          healthy = false
          const readers = yield* many(30)
          yield* TestClock.adjust("10 seconds")
          const before = asked.length
          assert.isBelow(before, 40)
          const refused = yield* Effect.flip(ask("createTags"))
          assert.deepInclude(refused.reason, { _tag: "Unreachable", sent: false })
          yield* TestClock.adjust("5 minutes")
          assert.isAtMost(asked.length - before, 21)
          assert.isFalse(asked.some(({ command }) => command === "createTags"))
          healthy = true
          yield* TestClock.adjust("30 seconds")
          assert.deepStrictEqual(yield* ask("createTags"), ok)
          const exits = yield* Effect.all(readers.map((fiber) => Fiber.await(fiber)))
          assert.isAbove(exits.filter(Exit.isSuccess).length, 15)
        })
    )
  })

  it.effect("fails the mutations that wait when CloudStack begins to fail", () =>
    governed(
      () => Effect.delay(Effect.succeed(down), "1 second"),
      (asked) =>
        Effect.gen(function* () {
          yield* many(3)
          const waiting = yield* start(Effect.flip(ask("createTags")))
          yield* TestClock.adjust("1 second")
          assert.deepInclude((yield* Fiber.join(waiting)).reason, { _tag: "Unreachable", sent: false })
          assert.strictEqual(asked.length, 3)
        }),
      { qps: 0.1, burst: 3 }
    )
  )

  it.effect("sends the next probe in time although the last one hangs", () =>
    governed(
      (_, nth) => (nth <= 3 ? down : Effect.never),
      (asked) =>
        Effect.gen(function* () {
          yield* many(10)
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(
            asked.map(({ at }) => at),
            [0, 0, 0, 15_000, 30_000, 45_000, 60_000]
          )
        })
    )
  )

  it.effect("serves edits first, but nobody starves", () =>
    governed(
      () => ok,
      (asked) =>
        Effect.gen(function* () {
          const as = (priority: Priority, command: string) =>
            start(Effect.provideService(ask(command), CallPriority, priority))
          yield* as("edit", "listFirst")
          for (const priority of ["resync", "membership", "deletion", "edit"] as const)
            yield* as(priority, `list_${priority}`)
          yield* TestClock.adjust("4 seconds")
          assert.deepStrictEqual(
            asked.map(({ command }) => command),
            ["listFirst", "list_edit", "list_deletion", "list_membership", "list_resync"]
          )
          asked.length = 0
          for (let i = 0; i < 60; i++) yield* as("edit", "list_busy")
          yield* as("resync", "list_old")
          for (let second = 0; second < 90; second++) {
            yield* as("edit", "list_busy")
            yield* TestClock.adjust("1 second")
          }
          const old = asked.findIndex(({ command }) => command === "list_old")
          assert.isAtLeast(old, 60)
          assert.isAtMost(old, 85)
        }),
      { qps: 1, burst: 1 }
    )
  )

  it.effect("forgets a caller that went away", () =>
    governed(
      () => ok,
      (asked) =>
        Effect.gen(function* () {
          const fibers = yield* many(10)
          yield* Effect.forEach(fibers.slice(5), Fiber.interrupt)
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(asked.length, 5)
        })
    )
  )

  it.effect("takes what was not sent for neither an outage nor its end", () => {
    let answer: Withheld | Unavailable = new Withheld({ text: "the lease ran out" })
    return governed(
      () => answer,
      (asked) =>
        Effect.gen(function* () {
          for (let n = 0; n < 4; n++) yield* Effect.exit(ask("createTags"))
          assert.strictEqual(asked.length, 4)
          answer = down
          for (let n = 0; n < 2; n++) yield* Effect.exit(ask("createTags"))
          answer = new Withheld({ text: "the lease ran out" })
          yield* Effect.exit(ask("createTags"))
          answer = down
          for (let n = 0; n < 3; n++) yield* Effect.exit(ask("createTags"))
          assert.strictEqual(asked.length, 8)
        }),
      { qps: 0, burst: 1 }
    )
  })

  it.effect("takes one bad command for no outage", () =>
    governed(
      ({ command }) => (command === "listBad" ? new Malformed({ text: "empty" }) : ok),
      (asked) =>
        Effect.gen(function* () {
          const bad = yield* start(Effect.flip(ask("listBad")))
          for (let i = 0; i < 50; i++) {
            yield* ask("createTags")
            yield* TestClock.adjust("100 millis")
          }
          assert.strictEqual((yield* Fiber.join(bad)).reason._tag, "Malformed")
          assert.strictEqual(asked.filter(({ command }) => command === "createTags").length, 50)
        })
    )
  )

  it.effect("counts a refused connection like any failure", () =>
    governed(
      () => new Unreachable({ sent: false, text: "ECONNREFUSED" }),
      (asked) =>
        Effect.gen(function* () {
          const alone = yield* start(Effect.flip(ask("listZones")))
          yield* TestClock.adjust("1 minute")
          assert.strictEqual((yield* Fiber.join(alone)).reason._tag, "Unreachable")
          assert.strictEqual(asked.length, 4)
        })
    )
  )
})
