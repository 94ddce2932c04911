import { request } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { Fault } from "../../../src/cloudstack/memory/faults.ts"
import { Listener, layerHttp, mergeParameters } from "../../../src/cloudstack/memory/http.ts"
import { Simulator, type WireAnswer, type WireRequest } from "../../../src/cloudstack/memory/Simulator.ts"

const onFreePort = layerHttp({ port: 0, bind: "127.0.0.1" })

/** The HTTP door over a Simulator that gives one answer and remembers what it was asked. */
const doorTo = (answer: WireAnswer, asked: Array<WireRequest> = []) =>
  onFreePort.pipe(
    Layer.provide(
      Layer.mock(Simulator)({
        handle: (wire) => Effect.sync(() => asked.push(wire)).pipe(Effect.as(answer)),
        world: Effect.succeed({ zones: ["z"] }),
        log: Effect.succeed([])
      })
    )
  )
const json = { "Content-Type": "application/json;charset=utf-8" }
const ok: WireAnswer = { status: 200, headers: json, body: { listzonesresponse: {} } }

const call = (path: string, init: RequestInit = {}) =>
  Effect.gen(function* () {
    const { port } = yield* Listener
    const answer = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}${path}`, init))
    return { status: answer.status, headers: answer.headers, text: yield* Effect.promise(() => answer.text()) }
  })
const post = (body: string, query = "", type = "application/x-www-form-urlencoded") =>
  call(`/client/api${query}`, { method: "POST", body, headers: { "Content-Type": type } })

describe("mergeParameters", () => {
  it("takes the query before the body, in a query the last value, in a body the first", () => {
    const merged = mergeParameters(
      new URLSearchParams("a=q1&a=q2&b=q"),
      new URLSearchParams("b=b1&c=b1&c=b2&Name=x%20y+z%7E")
    )
    assert.deepStrictEqual(merged, { a: "q2", b: "q", c: "b1", Name: "x y z~" })
  })
})

describe("the HTTP door", () => {
  it.live("hands over method and parameters, and writes JSON", () => {
    const asked: Array<WireRequest> = []
    return Effect.gen(function* () {
      const posted = yield* post("command=listZones&tags[0].key=a%26b", "?response=json")
      assert.strictEqual(posted.status, 200)
      assert.strictEqual(posted.headers.get("content-type"), "application/json;charset=utf-8")
      assert.strictEqual(posted.text, '{"listzonesresponse":{}}')
      yield* call("/client/api?command=listZones&name=a%3Fb?c")
      assert.deepStrictEqual(asked, [
        { method: "POST", parameters: { command: "listZones", "tags[0].key": "a&b", response: "json" } },
        { method: "GET", parameters: { command: "listZones", name: "a?b?c" } }
      ])
    }).pipe(Effect.provide(doorTo(ok, asked)))
  })

  it.live("reads a body only if it is a form", () => {
    const asked: Array<WireRequest> = []
    return Effect.gen(function* () {
      yield* post('{"command":"listZones"}', "", "application/json")
      yield* post("command=listZones", "", "application/x-www-form-urlencoded; charset=utf-8")
      assert.deepStrictEqual(
        asked.map(({ parameters }) => parameters),
        [{}, { command: "listZones" }]
      )
    }).pipe(Effect.provide(doorTo(ok, asked)))
  })

  it.live("passes status and headers on, with what no header may hold replaced", () =>
    Effect.gen(function* () {
      const { headers, status, text } = yield* call("/client/api?response=JSON")
      assert.strictEqual(status, 431)
      assert.strictEqual(headers.get("x-description"), "bad ?name?")
      assert.strictEqual(text, '{"x":"bad\\n€"}')
    }).pipe(Effect.provide(doorTo({ status: 431, headers: { "X-Description": "bad \nname€" }, body: { x: "bad\n€" } })))
  )

  it.live("answers without body as an unhandled exception does", () =>
    Effect.gen(function* () {
      const { headers, status, text } = yield* call("/client/api")
      assert.strictEqual(status, 200)
      assert.strictEqual(headers.get("content-type"), "text/xml")
      assert.strictEqual(text, "")
    }).pipe(Effect.provide(doorTo({ status: 200, headers: { "Content-Type": "text/xml" } })))
  )

  it.live("writes XML to whoever does not ask for JSON", () =>
    Effect.gen(function* () {
      const { headers, text } = yield* call("/client/api?response=xml")
      assert.strictEqual(headers.get("content-type"), "text/xml;charset=utf-8")
      assert.strictEqual(
        text,
        '<?xml version="1.0" encoding="UTF-8"?><listzonesresponse cloud-stack-version="4.22.0.0-SNAPSHOT">' +
          "<count>2</count><zone><name>a&amp;b&apos;s</name></zone><zone><name>c</name></zone></listzonesresponse>"
      )
    }).pipe(
      Effect.provide(
        doorTo({ ...ok, body: { listzonesresponse: { count: 2, zone: [{ name: "a&b's" }, { name: "c" }] } } })
      )
    )
  )

  it.live("writes a page as it is", () =>
    Effect.gen(function* () {
      const { status, text } = yield* call("/client/api")
      assert.deepStrictEqual([status, text], [500, "<html>"])
    }).pipe(Effect.provide(doorTo({ status: 500, headers: { "Content-Type": "text/html" }, page: "<html>" })))
  )

  it.live("cuts the connection for a dropped answer", () =>
    Effect.gen(function* () {
      const { port } = yield* Listener
      const error = yield* Effect.callback<NodeJS.ErrnoException>((resume) => {
        request({ port, host: "127.0.0.1", path: "/client/api" })
          .on("error", (error) => resume(Effect.succeed(error)))
          .on("response", () => resume(Effect.die("answered")))
          .end()
      })
      assert.strictEqual(error.code, "ECONNRESET")
    }).pipe(Effect.provide(doorTo({ ...ok, dropped: true })))
  )

  it.live("refuses what is larger than the server reads, and other methods", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* post(`a=${"x".repeat(1_048_575)}`)).status, 400)
      assert.strictEqual((yield* post(`a=${"x".repeat(1_048_574)}`)).status, 200)
      assert.strictEqual((yield* post("a=1&".repeat(5001))).status, 400)
      assert.strictEqual((yield* post("a=1&".repeat(5000))).status, 200)
      assert.strictEqual((yield* call(`/client/api?a=${"x".repeat(8192)}`)).status, 431)
      assert.strictEqual((yield* call("/client/api", { method: "PUT" })).status, 405)
    }).pipe(Effect.provide(doorTo(ok)))
  )

  it.live("shows state and log, and nothing else", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* call("/world")).text, '{"zones":["z"]}')
      assert.strictEqual((yield* call("/log")).text, "[]")
      assert.strictEqual((yield* call("/")).status, 404)
      assert.strictEqual((yield* call("/world", { method: "POST" })).status, 404)
    }).pipe(Effect.provide(doorTo(ok)))
  )

  it.live("takes faults, and says what is wrong with them", () => {
    const injected: Array<Fault> = []
    const door = onFreePort.pipe(
      Layer.provide(Layer.mock(Simulator)({ inject: (faults) => Effect.sync(() => injected.push(...faults)) }))
    )
    return Effect.gen(function* () {
      const fault = { command: "listZones", occurrence: 2, fault: { _tag: "throttle" as const, millis: 5 } }
      const inject = (faults: unknown) => call("/faults", { method: "POST", body: JSON.stringify(faults) })
      assert.strictEqual((yield* inject([fault])).text, '{"injected":1}')
      assert.deepStrictEqual(injected, [fault])
      const refused = yield* inject([{ ...fault, colour: "red" }])
      assert.strictEqual(refused.status, 400)
      assert.include(refused.text, "colour")
      assert.lengthOf(injected, 1)
    }).pipe(Effect.provide(door))
  })

  it.live("says why it cannot listen", () =>
    Effect.gen(function* () {
      const { port } = yield* Listener
      const second = layerHttp({ port, bind: "127.0.0.1" }).pipe(Layer.provide(Layer.mock(Simulator)({})))
      const error = yield* Effect.flip(Effect.scoped(Layer.build(second)))
      assert.match(error.message, /EADDRINUSE/)
    }).pipe(Effect.provide(doorTo(ok)))
  )
})
