import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { ServiceController } from "../../../src/controllers/service/ServiceController.ts"
import {
  applyNodes,
  applyService,
  balanced,
  bed,
  ingress,
  inTime,
  pass,
  reconcile,
  started,
  worldOf
} from "../../support/testBed.ts"

/** The server's locks as measured: whoever meets one sleeps 5 s. Jobs take 100 ms, the router 100 ms per push. */
const locked = { locks: true, createTime: "100 millis", pushTime: "100 millis" } as const

const ports = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `p${index}`, port: 1_000 + index, nodePort: 30_100 + index }))

const seconds = Effect.map(Clock.currentTimeMillis, (millis) => millis / 1_000)

describe("CloudStack's locks", () => {
  it.effect("are never met by a Service with ten ports", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      yield* applyService({ spec: { ports: ports(10) } })
      const start = yield* seconds
      yield* inTime(ServiceController.reconcile("shop/web"), "50 millis")
      const took = (yield* seconds) - start
      assert.strictEqual((yield* balanced).rules.length, 10)
      // 1 s for ten creates, 10 assigns and 10 firewall rules pushed one by one, each call and poll a moment.
      assert.isAtMost(took, 7)
    }).pipe(Effect.provide(bed({ simulator: locked })))
  )

  it.effect("are never met by twenty Services that come at once", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1", "n2", "n3")
      for (let n = 0; n < 20; n++) {
        yield* applyService({ name: `s${n}`, spec: { ports: [{ port: 80, nodePort: 31_000 + n }] } })
      }
      yield* started
      const start = yield* seconds
      let ready = 0
      while (ready < 20 && (yield* seconds) - start < 60) {
        yield* pass(0.25)
        ready = 0
        for (let n = 0; n < 20; n++) if (((yield* ingress(`s${n}`)) ?? []).length > 0) ready += 1
      }
      const took = (yield* seconds) - start
      assert.strictEqual(ready, 20)
      // Twenty allocations one after the other (2 s), forty pushes (4 s).
      assert.isAtMost(took, 12)
    }).pipe(Effect.provide(bed({ simulator: locked, world: worldOf() })))
  )

  it.effect("would be met without lanes: the model is not blind", () =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService({ spec: { ports: ports(3) } })
      const start = yield* seconds
      yield* reconcile()
      assert.isAtLeast((yield* seconds) - start, 5)
    }).pipe(Effect.provide(bed({ simulator: locked, lanes: "none" })))
  )
})
