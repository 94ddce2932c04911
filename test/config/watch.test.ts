import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Queue, Stream } from "effect"
import { TestClock } from "effect/testing"
import { loadCloudConfig } from "../../src/config/load.ts"
import { Settings } from "../../src/config/Settings.ts"
import { layerWatching, type Reload } from "../../src/config/watch.ts"

const conf = (zone: string) => `[Global]
api-url = https://c.test/client/api
api-key = aKey
secret-key = topSecret
zone = ${zone}
`

/** A mounted Secret as the kubelet makes it: the file is a link through `..data`, which is swapped. */
const mounted = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  let version = 0
  const swap = Effect.fnUntraced(function* (text: string) {
    const name = `..v${version++}`
    yield* fs.makeDirectory(`${directory}/${name}`)
    yield* fs.writeFileString(`${directory}/${name}/cloud-config`, text)
    yield* fs.symlink(name, `${directory}/..data_tmp`)
    yield* fs.rename(`${directory}/..data_tmp`, `${directory}/..data`)
  })
  yield* swap(conf("z1"))
  yield* fs.symlink("..data/cloud-config", `${directory}/cloud-config`)
  const refusals = new Set<string>()
  const reports = yield* Queue.unbounded<Reload>()
  const source = { path: `${directory}/cloud-config`, env: {} }
  const first = yield* loadCloudConfig(source)
  const layer = layerWatching(
    {
      source,
      tryCall: ({ zone = "" }) => (refusals.has(zone) ? Effect.fail({ message: `no ${zone}` }) : Effect.void),
      report: (reload) => Effect.asVoid(Queue.offer(reports, reload))
    },
    first
  )
  return { swap, refusals, reports, layer }
})

const zones = Stream.unwrap(Effect.map(Settings, ({ changes }) => changes)).pipe(Stream.map(({ zone }) => zone))
const zone = Effect.flatMap(Settings, ({ current }) => Effect.map(current, (settings) => settings.zone))

/** Lets the minute pass, as often as it takes until something is reported. */
const reported = (reports: Queue.Queue<Reload>) =>
  Effect.gen(function* () {
    const waiting = yield* Effect.forkChild(Queue.take(reports), { startImmediately: true })
    while (waiting.pollUnsafe() === undefined) {
      yield* TestClock.adjust("1 minute")
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    }
    return yield* Fiber.join(waiting)
  })

describe("settings that follow their file", () => {
  it.effect("change when the kubelet swaps the Secret", () =>
    Effect.gen(function* () {
      const { layer, reports, swap } = yield* mounted
      yield* Effect.gen(function* () {
        const seen = yield* Effect.forkChild(Stream.runCollect(Stream.take(zones, 2)), { startImmediately: true })
        assert.strictEqual(yield* zone, "z1")
        yield* swap(conf("z2"))
        assert.deepStrictEqual(yield* reported(reports), { _tag: "Accepted", warnings: [] })
        assert.strictEqual(yield* zone, "z2")
        assert.deepStrictEqual(yield* Fiber.join(seen), ["z1", "z2"])
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("stay while the new ones can not be read, and say so once", () =>
    Effect.gen(function* () {
      const { layer, reports, swap } = yield* mounted
      yield* Effect.gen(function* () {
        yield* swap(conf("z2").replace("https:", "ftp:"))
        const report = yield* reported(reports)
        assert.strictEqual(report._tag, "Refused")
        assert.include(JSON.stringify(report), "line 2: api-url: expected an http or https URL")
        assert.notInclude(JSON.stringify(report), "topSecret")
        assert.strictEqual(yield* zone, "z1")

        yield* swap(conf("z3"))
        assert.strictEqual((yield* reported(reports))._tag, "Accepted") // no second complaint came before it
        assert.strictEqual(yield* zone, "z3")
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("stay while CloudStack refuses the new ones, which are tried again", () =>
    Effect.gen(function* () {
      const { layer, refusals, reports, swap } = yield* mounted
      yield* Effect.gen(function* () {
        refusals.add("z2")
        yield* swap(conf("z2"))
        assert.deepStrictEqual(yield* reported(reports), { _tag: "Refused", reason: "no z2" })
        assert.strictEqual(yield* zone, "z1")

        refusals.clear()
        assert.strictEqual((yield* reported(reports))._tag, "Accepted")
        assert.strictEqual(yield* zone, "z2")
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("are noticed at once, without waiting for the minute", () =>
    Effect.gen(function* () {
      const { layer, reports, swap } = yield* mounted
      yield* Effect.gen(function* () {
        // The watch may start after the first swap: then the next one is seen.
        const swaps = Effect.forever(Effect.andThen(swap(conf("z2")), Effect.sleep("1 second")))
        const report = yield* Effect.raceFirst(Queue.take(reports), Effect.orDie(swaps))
        assert.strictEqual(report._tag, "Accepted")
        assert.strictEqual(yield* zone, "z2")
      }).pipe(Effect.provide(layer), Effect.timeout("20 seconds"))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("fixed ones never change", () =>
    Effect.gen(function* () {
      const { layer } = yield* mounted
      const settings = yield* Effect.flatMap(Settings, ({ current }) => current).pipe(Effect.provide(layer))
      const first = yield* Stream.runCollect(Stream.take(zones, 1)).pipe(Effect.provide(Settings.layerOf(settings)))
      assert.deepStrictEqual(first, ["z1"])
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
