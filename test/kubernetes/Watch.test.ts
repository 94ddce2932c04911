import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Logger, Option, Schedule, Stream } from "effect"
import { TestClock } from "effect/testing"
import { decodeService } from "../../src/kubernetes/decode.ts"
import { KubeApi, services } from "../../src/kubernetes/KubeApi.ts"
import { KubeError } from "../../src/kubernetes/KubeError.ts"
import { servicesLayer } from "../../src/kubernetes/layers.ts"
import type { Service } from "../../src/kubernetes/objects.ts"
import { type Change, Services } from "../../src/kubernetes/Services.ts"
import { makeStore } from "../../src/kubernetes/Store.ts"
import { follow } from "../../src/kubernetes/Watch.ts"
import { serviceJson } from "../support/kubeJson.ts"
import { type Answering, type Asked, clientOf, kubeServer } from "../support/kubeServer.ts"

const listOf = (resourceVersion: number, items: ReadonlyArray<unknown>, token?: string) => ({
  kind: "ServiceList",
  apiVersion: "v1",
  metadata: { resourceVersion: String(resourceVersion), ...(token === undefined ? {} : { continue: token }) },
  items
})
const event = (type: string, object: unknown) => ({ type, object })
const bookmark = (resourceVersion: number) =>
  event("BOOKMARK", { kind: "Service", metadata: { resourceVersion: String(resourceVersion) }, spec: {} })
const gone = { kind: "Status", status: "Failure", message: "too old resource version", reason: "Expired", code: 410 }

type Turn = (answer: Answering, asked: Asked) => void

/** Lists and watches answer in turn; the last turn of each repeats. */
const world = Effect.fnUntraced(function* (turns: {
  readonly lists: readonly [Turn, ...ReadonlyArray<Turn>]
  readonly watches: ReadonlyArray<Turn>
}) {
  const counts = { list: 0, watch: 0 }
  const server = yield* kubeServer((asked, answer) => {
    const kind = asked.query.get("watch") === "true" ? "watch" : "list"
    const choices = kind === "watch" ? turns.watches : turns.lists
    const turn = choices[Math.min(counts[kind], choices.length - 1)]
    counts[kind] += 1
    if (turn === undefined) answer.lines()
    else turn(answer, asked)
  })
  const context = yield* Layer.build(servicesLayer.pipe(Layer.provide(clientOf(server.url))))
  const watches = () => server.asked.filter((asked) => asked.query.get("watch") === "true")
  return { ...server, counts, watches, run: Effect.provideContext(Services, context) }
})

const until = (done: Effect.Effect<boolean> | (() => boolean)) =>
  (typeof done === "function" ? Effect.sync(done) : done).pipe(
    Effect.repeat({ until: (yes) => yes, schedule: Schedule.spaced("10 millis"), times: 1_000 }),
    Effect.flatMap((yes) => (yes ? Effect.void : Effect.die("it never came true")))
  )

const has = (view: Services["Service"], key: string, resourceVersion: number) =>
  Effect.map(view.find(key), (found) =>
    Option.exists(found, (service) => service.resourceVersion === String(resourceVersion))
  )

const seen = ({ before, after }: Change<Service>) =>
  `${before === undefined ? "" : `${before.name}@${before.resourceVersion}`}>${
    after === undefined ? "" : `${after.name}@${after.resourceVersion}`
  }`

/** Remembers the changes of a view from now on. */
const recorded = Effect.fnUntraced(function* (view: Services["Service"]) {
  const changes: Array<string> = []
  yield* Stream.runForEach(view.changes, (change) => Effect.sync(() => changes.push(seen(change)))).pipe(
    Effect.forkScoped({ startImmediately: true })
  )
  return changes
})

const quiet = Effect.provide(Logger.layer([]))

const stay: Turn = (answer) => answer.lines()

describe.concurrent("following the API server", () => {
  it.live("lists in pages, then watches with bookmarks and a limit in time", () =>
    Effect.gen(function* () {
      const { run, asked, watches } = yield* world({
        lists: [
          (answer) => answer.json(200, listOf(10, [serviceJson("a", 3)], "more")),
          (answer) => answer.json(200, listOf(10, [serviceJson("b", 4)]))
        ],
        watches: [(answer) => answer.lines(event("ADDED", serviceJson("c", 11)))]
      })
      const view = yield* run
      yield* view.synced
      yield* until(has(view, "shop/c", 11))
      assert.deepStrictEqual(
        (yield* view.all).map((service) => service.key),
        ["shop/a", "shop/b", "shop/c"]
      )
      assert.strictEqual(asked[0]?.path, "/api/v1/services")
      assert.deepStrictEqual([...(asked[0]?.query ?? [])], [["limit", "100"]])
      assert.strictEqual(asked[1]?.query.get("continue"), "more")
      const watch = watches()[0]
      assert.strictEqual(watch?.query.get("resourceVersion"), "10")
      assert.strictEqual(watch?.query.get("allowWatchBookmarks"), "true")
      const seconds = Number(watch?.query.get("timeoutSeconds"))
      assert.isTrue(seconds >= 300 && seconds <= 600)
    }).pipe(Effect.scoped, quiet)
  )

  it.live("resumes a watch that was cut in the middle of a line, without a list", () =>
    Effect.gen(function* () {
      const { run, counts, watches } = yield* world({
        lists: [(answer) => answer.json(200, listOf(10, [serviceJson("a", 3)]))],
        watches: [
          (answer) => {
            answer.lines(event("MODIFIED", serviceJson("a", 12)))
            answer.raw(JSON.stringify(event("MODIFIED", serviceJson("a", 13))).slice(0, 200))
            answer.cut()
          },
          (answer) => {
            answer.raw(JSON.stringify(event("MODIFIED", serviceJson("a", 13))).slice(0, 100))
            answer.end()
          },
          (answer) => answer.lines(event("MODIFIED", serviceJson("a", 13)))
        ]
      })
      const view = yield* run
      yield* until(has(view, "shop/a", 13))
      assert.deepStrictEqual(
        watches().map((watch) => watch.query.get("resourceVersion")),
        ["10", "12", "12"]
      )
      assert.strictEqual(counts.list, 1)
    }).pipe(Effect.scoped, quiet)
  )

  it.live("resumes from a bookmark after an orderly end", () =>
    Effect.gen(function* () {
      const { counts, watches } = yield* world({
        lists: [(answer) => answer.json(200, listOf(10, []))],
        watches: [
          (answer) => {
            answer.lines(bookmark(4711))
            answer.end()
          },
          stay
        ]
      })
      yield* until(() => counts.watch === 2)
      assert.strictEqual(watches()[1]?.query.get("resourceVersion"), "4711")
      assert.strictEqual(counts.list, 1)
    }).pipe(Effect.scoped, quiet)
  )

  for (const [how, turn] of [
    ["as a status", (answer: Answering) => answer.json(410, gone)],
    [
      "as an event",
      (answer: Answering) => {
        answer.lines(event("ERROR", gone))
        answer.end()
      }
    ],
    [
      "in other words",
      (answer: Answering) => answer.json(504, { ...gone, code: 504, message: "Too large resource version" })
    ]
  ] as const) {
    it.live(`lists again when its revision is refused (${how}), and shows what it missed`, () =>
      Effect.gen(function* () {
        let open = false
        const { run, counts, watches } = yield* world({
          lists: [
            (answer) =>
              answer.json(200, listOf(10, [serviceJson("kept", 3), serviceJson("gone", 4), serviceJson("changed", 5)])),
            (answer) =>
              answer.json(200, listOf(90, [serviceJson("kept", 3), serviceJson("changed", 70), serviceJson("new", 80)]))
          ],
          watches: [
            (answer) =>
              void until(() => open).pipe(
                Effect.map(() => turn(answer)),
                Effect.runFork
              ),
            stay
          ]
        })
        const view = yield* run
        yield* view.synced
        const changes = yield* recorded(view)
        open = true
        yield* until(() => counts.watch === 2)
        assert.deepStrictEqual(changes, [
          ">kept@3",
          ">gone@4",
          ">changed@5",
          "gone@4>",
          "changed@5>changed@70",
          ">new@80"
        ])
        assert.strictEqual(watches()[1]?.query.get("resourceVersion"), "90")
      }).pipe(Effect.scoped, quiet)
    )
  }

  it.live("takes duplicates and old news for nothing", () =>
    Effect.gen(function* () {
      const { run } = yield* world({
        lists: [(answer) => answer.json(200, listOf(10, [serviceJson("a", 10)]))],
        watches: [
          (answer) =>
            answer.lines(
              event("ADDED", serviceJson("a", 10)),
              event("MODIFIED", serviceJson("a", 9)),
              event("MODIFIED", serviceJson("a", 11)),
              event("MODIFIED", serviceJson("a", 11)),
              event("DELETED", serviceJson("a", 12)),
              event("DELETED", serviceJson("a", 12)),
              event("ADDED", serviceJson("end", 13))
            )
        ]
      })
      const view = yield* run
      yield* view.synced
      const changes = yield* recorded(view)
      yield* until(() => changes.includes(">end@13"))
      assert.deepStrictEqual(changes.slice(changes.indexOf(">a@10")), [">a@10", "a@10>a@11", "a@11>", ">end@13"])
    }).pipe(Effect.scoped, quiet)
  )

  it.live("keeps what it knew of an object that it cannot read, and still sees its end", () =>
    Effect.gen(function* () {
      const broken = { ...serviceJson("a", 20), spec: { ports: "none" } }
      const { run, counts } = yield* world({
        lists: [
          (answer) => answer.json(200, listOf(10, [serviceJson("a", 3)])),
          (answer) => answer.json(200, listOf(30, [broken]))
        ],
        watches: [
          (answer) => {
            answer.lines(event("MODIFIED", broken), event("ERROR", gone))
            answer.end()
          },
          (answer) => answer.lines(event("MODIFIED", broken), event("ADDED", serviceJson("z", 31))),
          stay
        ]
      })
      const view = yield* run
      yield* until(has(view, "shop/z", 31))
      assert.strictEqual(counts.list, 2)
      assert.isTrue(yield* has(view, "shop/a", 3))
    }).pipe(Effect.scoped, quiet)
  )

  it.live("follows a server that was restored from a backup", () =>
    Effect.gen(function* () {
      const { run } = yield* world({
        lists: [
          (answer) => answer.json(200, listOf(5_000, [serviceJson("a", 4_000)])),
          (answer) => answer.json(200, listOf(100, [serviceJson("a", 90)]))
        ],
        watches: [(answer) => answer.json(504, gone), stay]
      })
      const view = yield* run
      yield* until(has(view, "shop/a", 90))
    }).pipe(Effect.scoped, quiet)
  )

  it.live("goes on asking while the server refuses to list", () =>
    Effect.gen(function* () {
      const refused = { kind: "Status", message: "services is forbidden", code: 403 }
      const { run, counts } = yield* world({
        lists: [
          (answer) => answer.json(403, refused),
          (answer) => answer.cut(),
          (answer) => answer.json(200, { kind: "Nonsense" }),
          (answer) => answer.json(200, listOf(10, [serviceJson("a", 3)]))
        ],
        watches: [stay]
      })
      const view = yield* run
      yield* view.synced
      assert.strictEqual(counts.list, 4)
    }).pipe(Effect.scoped, quiet)
  )

  it.effect("takes a silent watch for dead", () =>
    Effect.gen(function* () {
      const asked: Array<string | undefined> = []
      const api = KubeApi.of({
        call: () => Effect.succeed(listOf(10, [serviceJson("a", 3)])),
        watch: (_, query) => {
          asked.push(query["resourceVersion"])
          return asked.length === 1 ? Stream.concat(Stream.make(bookmark(42)), Stream.never) : Stream.never
        },
        healthy: Effect.void
      })
      const store = makeStore<Service>((service) => service.key)
      yield* Effect.forkScoped(follow(api, { resource: services, decode: decodeService, store }))
      yield* TestClock.adjust("1 second")
      yield* TestClock.adjust("148 seconds")
      assert.deepStrictEqual(asked, ["10"])
      yield* TestClock.adjust("3 seconds")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(asked, ["10", "42"])
    })
  )

  it.effect("backs off to half a minute, and starts afresh after success", () =>
    Effect.gen(function* () {
      const at: Array<number> = []
      const api = KubeApi.of({
        call: () => Effect.succeed(listOf(10, [])),
        watch: () =>
          Stream.unwrap(
            Effect.clockWith((clock) => {
              at.push(clock.currentTimeMillisUnsafe())
              return Effect.succeed(at.length === 9 ? Stream.make(bookmark(50)) : Stream.empty)
            })
          ),
        healthy: Effect.void
      })
      const store = makeStore<Service>((service) => service.key)
      yield* Effect.forkScoped(follow(api, { resource: services, decode: decodeService, store }))
      yield* TestClock.adjust("4 minutes")
      const gaps = at.slice(1).map((time, index) => time - (at[index] ?? 0))
      for (const [index, most] of [800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 800, 1_600].entries()) {
        const gap = gaps[index] ?? 0
        assert.isTrue(gap <= most && gap >= most / 2 - 1, `gap ${index} was ${gap} ms, not about ${most}`)
      }
    })
  )

  it.effect("comes back at once to a watch that a proxy cuts before the first bookmark, and cuts again", () =>
    Effect.gen(function* () {
      const begun: Array<number> = []
      const ended: Array<number> = []
      const now = Effect.clockWith((clock) => Effect.succeed(clock.currentTimeMillisUnsafe()))
      const api = KubeApi.of({
        call: () => Effect.succeed(listOf(10, [])),
        watch: () =>
          Stream.fromEffectDrain(
            Effect.gen(function* () {
              begun.push(yield* now)
              yield* Effect.sleep("50 seconds")
              ended.push(yield* now)
              return yield* new KubeError({ operation: "watch services", status: 0, text: "the connection broke" })
            })
          ),
        healthy: Effect.void
      })
      const store = makeStore<Service>((service) => service.key)
      yield* Effect.forkScoped(follow(api, { resource: services, decode: decodeService, store }))
      yield* TestClock.adjust("10 minutes")
      assert.isAtLeast(ended.length, 10)
      for (const [index, end] of ended.entries()) assert.isAtMost((begun[index + 1] ?? end) - end, 800)
    })
  )

  it.effect("lets its readers die with it", () =>
    Effect.gen(function* () {
      const api = KubeApi.of({
        call: () => Effect.die("a bug"),
        watch: () => Stream.never,
        healthy: Effect.void
      })
      const store = makeStore<Service>((service) => service.key)
      const early = yield* Effect.forkChild(Stream.runDrain(store.changes), { startImmediately: true })
      yield* Effect.exit(follow(api, { resource: services, decode: decodeService, store }))
      for (const reader of [Fiber.join(early), Stream.runDrain(store.changes), store.synced]) {
        const exit = yield* Effect.exit(reader)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      }
    })
  )
})
