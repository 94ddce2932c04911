import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Option, type Scope } from "effect"
import { TestClock } from "effect/testing"
import {
  CallPriority,
  DeadlineExceeded,
  Forbidden,
  NotFound,
  Refused,
  ServerFault,
  Unavailable,
  Unreachable
} from "../../../src/cloudstack/Api.ts"
import { Jobs } from "../../../src/cloudstack/Jobs.ts"
import { layer as jobs } from "../../../src/cloudstack/jobs/layer.ts"
import { onWallClock } from "../../support/wallClock.ts"
import { type Asked, type Script, scripted } from "../scripted.ts"
import { layerSettings } from "../settings.ts"

const unknown = new NotFound({ text: "entity does not exist" })
const running = { jobstatus: 0 }
const succeeded = { jobstatus: 1, jobresult: { success: true } }
const start = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkScoped(effect, { startImmediately: true })

const withJobs = <A, E>(
  script: Script,
  body: (asked: Array<Asked>) => Effect.Effect<A, E, Jobs | Scope.Scope>,
  jobTimeout = Duration.minutes(10),
  rateLimit = { qps: 20, burst: 20 }
) => {
  const asked: Array<Asked> = []
  const settings = layerSettings({ jobTimeout, rateLimit })
  const layer = jobs.pipe(Layer.provide(scripted(script, asked)), Layer.provide(settings))
  return Effect.scoped(body(asked).pipe(Effect.provide(layer)))
}
const submit = (command: string, jobId?: string) =>
  Effect.flatMap(Jobs, (all) => all.submit(command, { id: "r1" }, jobId === undefined ? {} : { jobId }))
const count = (asked: ReadonlyArray<Asked>, command: string) => asked.filter((one) => one.command === command).length

describe("Jobs.submit", () => {
  it.effect("sends a fresh v4 id and awaits the job by the id the server answers with", () =>
    withJobs(
      ({ at, command, parameters }) => {
        if (command !== "queryAsyncJobResult") return { jobid: parameters["customjobid"] ?? "", id: "a1" }
        return at < 700 ? running : succeeded
      },
      (asked) =>
        Effect.gen(function* () {
          const first = yield* submit("associateIpAddress")
          const second = yield* submit("associateIpAddress")
          assert.strictEqual(first.objectId, "a1")
          assert.notStrictEqual(first.jobId, second.jobId)
          assert.match(first.jobId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
          const done = yield* start(first.done)
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(yield* Fiber.join(done), { success: true })
          const polls = asked.filter(({ command }) => command === "queryAsyncJobResult")
          assert.isTrue(polls.every(({ parameters }) => parameters["jobid"] === first.jobId))
          assert.deepStrictEqual(
            polls.slice(0, 3).map(({ at }) => at),
            [100, 200, 300]
          )
          assert.isAtMost(polls.length, 7)
        })
    )
  )

  for (const hours of [-1, 1]) {
    it.effect(`asks on as before when the clock is set by ${hours} h`, () =>
      onWallClock((correct) =>
        withJobs(
          ({ command }, nth) => {
            if (command !== "queryAsyncJobResult") return { jobid: "j1" }
            return nth < 5 ? running : succeeded
          },
          () =>
            Effect.gen(function* () {
              const { done } = yield* submit("associateIpAddress")
              const fiber = yield* start(done)
              yield* TestClock.adjust("250 millis")
              correct(hours * 3_600_000)
              yield* TestClock.adjust("1 second")
              assert.deepStrictEqual(yield* Fiber.join(fiber), { success: true })
            })
        )
      )
    )
  }

  it.effect("is asked after as urgently as it is awaited, whoever waited before", () => {
    const asked: Array<string> = []
    return withJobs(
      ({ command, parameters }, nth) => {
        if (command !== "queryAsyncJobResult") return { jobid: `j${nth}` }
        return Effect.map(CallPriority, (priority) => {
          asked.push(`${parameters["jobid"]} ${priority}`)
          return parameters["jobid"] === "j1" ? running : succeeded
        })
      },
      () =>
        Effect.gen(function* () {
          const resync = yield* submit("assignToLoadBalancerRule")
          yield* start(Effect.provideService(resync.done, CallPriority, "resync"))
          const edit = yield* submit("assignToLoadBalancerRule")
          yield* start(Effect.provideService(edit.done, CallPriority, "edit"))
          yield* TestClock.adjust("100 millis")
          assert.deepStrictEqual(asked, ["j1 resync", "j2 edit"])
        })
    )
  })

  it.effect("types the failure of a job and names the job", () =>
    withJobs(
      ({ command }) =>
        command === "queryAsyncJobResult"
          ? {
              jobstatus: 2,
              jobresultcode: 530,
              jobresult: { errorcode: 530, errortext: "Failed to assign load balancer rule" }
            }
          : { jobid: "j1" },
      () =>
        Effect.gen(function* () {
          const { done } = yield* submit("assignToLoadBalancerRule", "j1")
          const failed = yield* start(Effect.flip(done))
          yield* TestClock.adjust("1 second")
          const error = yield* Fiber.join(failed)
          assert.deepInclude(error, { command: "assignToLoadBalancerRule", jobId: "j1" })
          assert.strictEqual(error.reason._tag, "ServerFault")
        })
    )
  )

  it.effect("passes a refusal on at once", () =>
    withJobs(
      () => new Refused({ code: 431, text: "Invalid algorithm" }),
      (asked) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* Effect.flip(submit("createLoadBalancerRule"))).reason._tag, "Refused")
          assert.strictEqual(asked.length, 1)
        })
    )
  )

  it.effect("takes a 530 for an answer: no job will come of it", () =>
    withJobs(
      () => new ServerFault({ code: 530, text: "masked" }),
      (asked) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* Effect.flip(submit("associateIpAddress"))).reason._tag, "ServerFault")
          assert.strictEqual(asked.length, 1)
        })
    )
  )
})

describe("a lost answer", () => {
  for (const lost of [
    new Unreachable({ sent: true, text: "ECONNRESET" }),
    new DeadlineExceeded({ after: Duration.seconds(30) }),
    new Unavailable({ status: 502, text: "HTML" })
  ]) {
    it.effect(`is found again by the job id (${lost._tag})`, () =>
      withJobs(
        ({ at, command }) => {
          if (command !== "queryAsyncJobResult") return lost
          if (at < 20_000) return unknown
          return at < 30_000
            ? { jobstatus: 0, jobinstanceid: "a1" }
            : { jobstatus: 1, jobinstanceid: "a1", jobresult: { ipaddress: { id: "a1" } } }
        },
        (asked) =>
          Effect.gen(function* () {
            const fiber = yield* start(submit("associateIpAddress", "11111111-1111-4111-8111-111111111111"))
            yield* TestClock.adjust("25 seconds")
            const pending = yield* Fiber.join(fiber)
            assert.strictEqual(pending.objectId, "a1")
            const done = yield* start(pending.done)
            yield* TestClock.adjust("10 seconds")
            assert.deepStrictEqual(yield* Fiber.join(done), { ipaddress: { id: "a1" } })
            assert.strictEqual(count(asked, "associateIpAddress"), 1)
          })
      )
    )
  }

  it.effect("counts as never arrived only after 90 s for a create, 10 s for others; and nothing is sent twice", () =>
    withJobs(
      ({ command }) => (command === "queryAsyncJobResult" ? unknown : new Unreachable({ sent: true, text: "reset" })),
      (asked) =>
        Effect.gen(function* () {
          const create = yield* start(Effect.flip(submit("createFirewallRule")))
          const assign = yield* start(Effect.flip(submit("assignToLoadBalancerRule")))
          yield* TestClock.adjust("9 seconds")
          assert.isUndefined(assign.pollUnsafe())
          yield* TestClock.adjust("6 seconds")
          assert.isFalse((yield* Fiber.join(assign)).ambiguous)
          yield* TestClock.adjust("74 seconds")
          assert.isUndefined(create.pollUnsafe())
          yield* TestClock.adjust("6 seconds")
          const error = yield* Fiber.join(create)
          assert.deepInclude(error.reason, { _tag: "Unreachable", sent: false })
          assert.isTrue(error.transient)
          assert.strictEqual(count(asked, "createFirewallRule") + count(asked, "assignToLoadBalancerRule"), 2)
        })
    )
  )

  it.effect("does not count as never arrived because the clock is set forward", () =>
    onWallClock((correct) =>
      withJobs(
        ({ command }, nth) => {
          if (command !== "queryAsyncJobResult") return new Unreachable({ sent: true, text: "reset" })
          return nth < 5 ? unknown : { ...succeeded, jobinstanceid: "a1" }
        },
        () =>
          Effect.gen(function* () {
            const fiber = yield* start(submit("associateIpAddress"))
            yield* TestClock.adjust("1 second")
            correct(3_600_000)
            yield* TestClock.adjust("10 seconds")
            assert.strictEqual((yield* Fiber.join(fiber)).objectId, "a1")
          })
      )
    )
  )

  it.effect("that was certainly never sent is not asked for", () =>
    withJobs(
      () => new Unreachable({ sent: false, text: "ECONNREFUSED" }),
      (asked) =>
        Effect.gen(function* () {
          yield* Effect.flip(submit("createFirewallRule"))
          assert.strictEqual(asked.length, 1)
        })
    )
  )

  it.effect("without a job id in it is looked up too", () =>
    withJobs(
      ({ command }) => (command === "queryAsyncJobResult" ? { ...succeeded, jobinstanceid: "r1" } : { success: true }),
      () =>
        Effect.gen(function* () {
          const pending = yield* submit("createFirewallRule")
          assert.strictEqual(pending.objectId, "r1")
          assert.deepStrictEqual(yield* pending.done, { success: true })
        })
    )
  )
})

describe("Jobs.find", () => {
  it.effect("is none for a job that the server does not know", () =>
    withJobs(
      () => unknown,
      () =>
        Effect.map(
          Effect.flatMap(Jobs, (all) => all.find("j1")),
          (found) => assert.isTrue(Option.isNone(found))
        )
    )
  )

  it.effect("gives an ended job without polling, named after its command", () =>
    withJobs(
      () => ({
        cmd: "org.apache.cloudstack.api.command.user.address.AssociateIPAddrCmd",
        jobstatus: 2,
        jobresultcode: 530
      }),
      (asked) =>
        Effect.gen(function* () {
          const found = Option.getOrThrow(yield* (yield* Jobs).find("j1"))
          const error = yield* Effect.flip(found.done)
          assert.deepInclude(error, { command: "AssociateIPAddrCmd", jobId: "j1" })
          assert.strictEqual(asked.length, 1)
        })
    )
  )
})

describe("the poller", () => {
  const endsAt = (jobId: string) => Number(jobId.slice(1)) * 1_000
  const server =
    (listing: boolean): Script =>
    ({ at, command, parameters }) => {
      if (command === "listAsyncJobs") {
        const ids = Array.from({ length: 20 }, (_, i) => `j${i + 1}`)
        return listing
          ? { asyncjobs: ids.filter((id) => endsAt(id) > at).map((jobid) => ({ jobid })) }
          : new Forbidden({ what: "command", text: "no" })
      }
      if (command !== "queryAsyncJobResult") return { jobid: parameters["customjobid"] ?? "" }
      return at < endsAt(parameters["jobid"] ?? "") ? running : succeeded
    }
  const twenty = Effect.forEach(
    Array.from({ length: 20 }, (_, i) => `j${i + 1}`),
    (jobId) => Effect.flatMap(submit("assignToLoadBalancerRule", jobId), ({ done }) => start(done))
  )

  it.effect("sees many jobs end with one list per look and one query per job", () =>
    withJobs(server(true), (asked) =>
      Effect.gen(function* () {
        const fibers = yield* twenty
        yield* TestClock.adjust("27 seconds")
        for (const fiber of fibers) assert.deepStrictEqual(yield* Fiber.join(fiber), { success: true })
        assert.isAtMost(count(asked, "queryAsyncJobResult"), 45)
        assert.isAtMost(count(asked, "listAsyncJobs"), 80)
      })
    )
  )

  it.effect("does without the list where the role may not use it, and leaves room for others", () =>
    withJobs(server(false), (asked) =>
      Effect.gen(function* () {
        const fibers = yield* twenty
        yield* TestClock.adjust("10 seconds")
        assert.isAtMost(count(asked, "queryAsyncJobResult"), 130)
        yield* TestClock.adjust("17 seconds")
        for (const fiber of fibers) yield* Fiber.join(fiber)
      })
    )
  )

  it.effect("asks on without the list where calls are not limited", () =>
    withJobs(
      server(false),
      () =>
        Effect.gen(function* () {
          const fibers = yield* twenty
          yield* TestClock.adjust("27 seconds")
          for (const fiber of fibers) assert.deepStrictEqual(yield* Fiber.join(fiber), { success: true })
        }),
      Duration.minutes(10),
      { qps: 0, burst: 1 }
    )
  )

  it.effect("goes on through passing faults and gives a stuck job up", () =>
    withJobs(
      ({ command }) =>
        command === "queryAsyncJobResult" ? new Unavailable({ status: 503, text: "maintenance" }) : { jobid: "j1" },
      () =>
        Effect.gen(function* () {
          const { done } = yield* submit("deleteFirewallRule", "j1")
          const fiber = yield* start(Effect.flip(done))
          yield* TestClock.adjust("59 seconds")
          assert.isUndefined(fiber.pollUnsafe())
          yield* TestClock.adjust("10 seconds")
          const error = yield* Fiber.join(fiber)
          assert.deepInclude(error, { jobId: "j1" })
          assert.strictEqual(error.reason._tag, "DeadlineExceeded")
        }),
      Duration.minutes(1)
    )
  )

  it.effect("does not report a forgotten job as an absent object", () =>
    withJobs(
      ({ command }) => (command === "queryAsyncJobResult" ? unknown : { jobid: "j1" }),
      () =>
        Effect.gen(function* () {
          const { done } = yield* submit("deleteFirewallRule", "j1")
          const fiber = yield* start(Effect.flip(done))
          yield* TestClock.adjust("1 second")
          const error = yield* Fiber.join(fiber)
          assert.strictEqual(error.reason._tag, "ServerFault")
          assert.isTrue(error.ambiguous)
        })
    )
  )

  it.effect("stops asking when nobody waits any more", () =>
    withJobs(
      ({ command }) => (command === "queryAsyncJobResult" ? running : { jobid: "j1" }),
      (asked) =>
        Effect.gen(function* () {
          const { done } = yield* submit("deleteFirewallRule", "j1")
          const fiber = yield* start(done)
          yield* TestClock.adjust("1 second")
          yield* Fiber.interrupt(fiber)
          const before = asked.length
          yield* TestClock.adjust("1 minute")
          assert.isAtMost(asked.length, before + 1)
        })
    )
  )
})
