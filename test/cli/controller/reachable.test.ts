import { createServer } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import { readiness, tryCall } from "../../../src/cli/controller/reachable.ts"
import { type CloudSettings, Settings } from "../../../src/config/Settings.ts"
import { HealthChecks } from "../../../src/observability/HealthChecks.ts"

/** A CloudStack that answers as told, on a port of its own. */
const cloud = Effect.fnUntraced(function* (answer: () => { readonly status: number; readonly body: string }) {
  const asked: Array<string> = []
  const server = yield* Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const listening = createServer((request, response) => {
        request.setEncoding("utf8").on("data", (text: string) => asked.push(text))
        request.on("end", () => {
          const { body, status } = answer()
          response.writeHead(status, { "content-type": "application/json" }).end(body)
        })
      }).listen(0, "127.0.0.1", () => resume(Effect.succeed(listening)))
    }),
    (listening) => Effect.sync(() => listening.close().closeAllConnections())
  )
  const address = server.address()
  const port = typeof address === "object" ? address?.port : undefined
  const settings: CloudSettings = {
    apiUrl: `http://127.0.0.1:${port}/client/api`,
    credentials: { apiKey: Redacted.make("theApiKey"), secretKey: Redacted.make("theSecretKey") },
    verifyTls: true,
    callTimeout: Duration.seconds(5),
    jobTimeout: Duration.minutes(5),
    rateLimit: { qps: 20, burst: 20 },
    vmCacheTtl: Duration.seconds(30),
    previousClusterIds: [],
    servicePolicy: "all",
    allowedAddresses: [],
    projectId: "p-1"
  }
  return { asked, settings }
})

const fine = { status: 200, body: '{"listvirtualmachinesresponse":{}}' }
const unauthorised = {
  status: 401,
  body: '{"listvirtualmachinesresponse":{"errorcode":401,"errortext":"unable to verify user credentials"}}'
}

describe("trying settings", () => {
  it.live("is one harmless call", () =>
    Effect.gen(function* () {
      const { asked, settings } = yield* cloud(() => fine)
      yield* tryCall(settings)
      assert.lengthOf(asked, 1)
      const form = new URLSearchParams(asked[0])
      assert.deepInclude(Object.fromEntries(form), { command: "listVirtualMachines", pagesize: "1", projectid: "p-1" })
    }).pipe(Effect.scoped)
  )

  it.live("fails as CloudStack does", () =>
    Effect.gen(function* () {
      const { settings } = yield* cloud(() => unauthorised)
      const error = yield* Effect.flip(tryCall(settings))
      assert.strictEqual(error.reason._tag, "Unauthorised")
      assert.notMatch(JSON.stringify([error, error.message]), /theApiKey|theSecretKey/)
    }).pipe(Effect.scoped)
  )
})

describe("readiness", () => {
  it.effect("comes with the first answer, and says meanwhile what it waits for", () =>
    Effect.gen(function* () {
      let answer = { status: 503, body: "<html>maintenance</html>" }
      const { settings } = yield* cloud(() => answer)
      yield* Effect.gen(function* () {
        const checks = yield* HealthChecks
        const report = checks.report("readyz", new URLSearchParams())
        /** Lets time pass until the report is as wanted. */
        const until = Effect.fnUntraced(function* (wanted: (body: string) => boolean) {
          while (!wanted((yield* report).body)) {
            yield* TestClock.adjust("1 second")
            yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          }
          return (yield* report).healthy
        })
        const fiber = yield* Effect.forkChild(readiness, { startImmediately: true })
        assert.isFalse(yield* until((body) => body.includes("[-]cloudstack failed: Unavailable")))
        answer = unauthorised
        assert.isFalse(yield* until((body) => body.includes("[-]cloudstack failed: Unauthorised")))
        answer = fine
        assert.isTrue(yield* until((body) => body === "ok"))
        yield* Fiber.join(fiber)
        const said = [...(yield* TestConsole.logLines), ...(yield* TestConsole.errorLines)].join("\n")
        assert.notMatch(said, /theApiKey|theSecretKey|signature/)
      }).pipe(Effect.scoped, Effect.provide(Layer.merge(HealthChecks.layer, Settings.layerOf(settings))))
    }).pipe(Effect.scoped)
  )
})
