import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, Redacted, Stream } from "effect"
import type { FaultKind } from "../../../../src/cloudstack/memory/faults.ts"
import { Simulator } from "../../../../src/cloudstack/memory/Simulator.ts"
import { type CloudSettings, Settings } from "../../../../src/config/Settings.ts"
import {
  applyNodes,
  applyService,
  balanced,
  bed,
  counting,
  editService,
  eventMessages,
  events,
  ingress,
  pass,
  removeService,
  settings,
  started,
  wholeWorld
} from "../../../support/testBed.ts"

const onePort = { spec: { ports: [{ name: "http", port: 80, nodePort: 30_080 }] } }

const breakDown = (fault: FaultKind) =>
  Effect.flatMap(Simulator, (simulator) =>
    simulator.inject(Array.from({ length: 1_000 }, (_, index) => ({ account: "alice", occurrence: index + 1, fault })))
  )

/** Uses up what is left of the faults, now. */
const healed = Effect.gen(function* () {
  const simulator = yield* Simulator
  let broken = true
  while (broken) broken = (yield* simulator.callAs("alice", "listZones", {})).status !== 200
})

/** Seconds until it is so. */
const until = Effect.fnUntraced(function* <R>(isSo: Effect.Effect<boolean, never, R>, most: number) {
  for (let seconds = 0; seconds < most; seconds++) {
    if (yield* isSo) return seconds
    yield* pass(1)
  }
  return most
})

const faults: ReadonlyArray<readonly [string, FaultKind]> = [
  ["500 with HTML", { _tag: "html500" }],
  ["503", { _tag: "error", code: 503, text: "Maintenance" }],
  ["429", { _tag: "throttle", millis: 1_000 }]
]

describe("half an hour of", () => {
  it.effect.each(faults)("%s deletes nothing, is probed every 15 s, and is over within 30 s of its end", ([, fault]) =>
    Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService(onePort)
      yield* applyService({ name: "gone", spec: { ports: [{ name: "http", port: 80, nodePort: 30_081 }] } })
      yield* started
      yield* pass(20)
      const before = yield* wholeWorld
      yield* breakDown(fault)
      yield* editService({ spec: { loadBalancerSourceRanges: ["192.0.2.0/24"] } })
      yield* removeService("gone")
      yield* pass(300)
      const { log } = yield* counting(pass(1_500))
      assert.isAtMost(log.length, 100)
      assert.deepStrictEqual(yield* wholeWorld, before)
      yield* healed
      const restricted = Effect.map(
        balanced,
        ({ addresses, firewall }) => addresses.length === 1 && firewall.every((rule) => rule.includes("192.0.2.0/24"))
      )
      assert.isAtMost(yield* until(restricted, 400), 30)
      yield* pass(10)
      assert.notInclude(yield* events(), "DriftRepaired")
      assert.strictEqual((yield* events()).at(-1), "EnsuredLoadBalancer", (yield* eventMessages()).join("\n"))
    }).pipe(Effect.provide(bed()))
  )
})

describe("an outage", () => {
  it.effect("of the key ends for every Service when the key in the settings is put right", () => {
    const queue = Effect.runSync(Queue.unbounded<CloudSettings>())
    const right: CloudSettings = settings
    const wrong: CloudSettings = {
      ...settings,
      credentials: { ...settings.credentials, apiKey: Redacted.make("nobody-key") }
    }
    let current = wrong
    const rotating = Layer.succeed(Settings, {
      current: Effect.sync(() => current),
      changes: Stream.concat(Stream.make(wrong), Stream.fromQueue(queue))
    })
    return Effect.gen(function* () {
      yield* applyNodes("n1")
      yield* applyService(onePort)
      yield* breakDown({ _tag: "error", code: 401, text: "unable to verify user credentials" })
      yield* started
      yield* pass(1_000)
      assert.include(yield* events(), "SyncLoadBalancerFailed")
      yield* healed
      current = right
      yield* Queue.offer(queue, right)
      const served = Effect.map(ingress(), (shown) => shown?.length === 1)
      assert.isAtMost(yield* until(served, 400), 15)
    }).pipe(Effect.provide(bed({ following: rotating })))
  })
})
