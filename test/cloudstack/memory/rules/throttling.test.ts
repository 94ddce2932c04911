import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { simulatedAs } from "./simulated.ts"
import { admin, alice, bob, everything } from "./world.ts"

const throttled = simulatedAs({ ...everything, settings: { throttling: { interval: 10, max: 3 } } })

describe("throttling", () => {
  it.effect("counts calls per account in a fixed window that the first call starts", () =>
    Effect.gen(function* () {
      yield* alice.ok("listZones")
      yield* TestClock.adjust("4 seconds")
      yield* alice.ok("listZones")
      const { apilimit } = yield* alice.ok("getApiLimit")
      assert.deepInclude(apilimit, { account: "alice", apiIssued: 3, apiAllowed: 0 })
      const refused = yield* alice.call("listZones")
      assert.strictEqual(refused.status, 429)
      assert.deepStrictEqual(Object.keys(refused.body ?? {}), ["listzonesresponse"])
      assert.match(
        yield* alice.verdict("queryAsyncJobResult"),
        /^429\/9999 The given user has reached his\/her account api limit, please retry after \[\d+\] ms\.$/
      )
      yield* bob.ok("listZones")
      for (const _ of [1, 2, 3, 4, 5]) yield* admin.ok("listZones")
      yield* TestClock.adjust("7 seconds")
      const capabilities = yield* alice.ok("listCapabilities")
      assert.deepInclude(capabilities["capability"], { apilimitmax: 3, apilimitinterval: 10 })
    }).pipe(throttled)
  )
})
