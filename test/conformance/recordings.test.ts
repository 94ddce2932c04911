// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how recordings write their symbols
import { readdirSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Listener, layerHttp } from "../../src/cloudstack/memory/http.ts"
import { layer } from "../../src/cloudstack/memory/layer.ts"
import { decodeWorld } from "../../src/cloudstack/memory/World.ts"
import { callerOf } from "./caller.ts"
import { type Recording, readRecording } from "./recording.ts"
import { replay } from "./replay.ts"

const folder = new URL("recorded/", import.meta.url)
const recordings = readdirSync(folder)
  .filter((file) => file.endsWith(".jsonl"))
  .map((file) => readRecording(new URL(file, folder)))

/** Replays over HTTP against a CloudStack that starts from the recording's world. */
const failuresOf = Effect.fnUntraced(function* (recording: Recording) {
  const world = yield* decodeWorld(recording.world)
  const keys = new Map(world.accounts.map(({ apikey, ref, secretkey }) => [ref, { apikey, secretkey }]))
  const unknown = { apikey: "", secretkey: "" }
  const server = layerHttp({ port: 0, bind: "127.0.0.1" }).pipe(Layer.provide(layer(world)))
  return yield* Effect.flatMap(Listener, ({ url }) =>
    replay(
      callerOf(url, (account) => keys.get(account) ?? unknown),
      recording
    )
  ).pipe(Effect.provide(server))
})

describe.concurrent("answers as a real CloudStack 4.22", () => {
  it.live.each(recordings)("$recording: $shows", (recording) =>
    Effect.map(failuresOf(recording), (failures) => assert.deepStrictEqual(failures, []))
  )
})

describe("the replay", () => {
  const [recording] = recordings.filter((one) => one.recording === "iso-lifecycle")
  /** The recording with the text of one step's expectation changed. */
  const tampered = (step: number, from: string, to: string): Recording => {
    assert(recording !== undefined)
    return {
      ...recording,
      steps: recording.steps.map((one) => {
        if (one.step !== step) return one
        const text = JSON.stringify(one.expect)
        assert.include(text, from)
        return { ...one, expect: JSON.parse(text.replace(from, to)) }
      })
    }
  }

  it.live.each([
    { what: "another status", step: 3, from: '"status":200', to: '"status":431' },
    { what: "another count", step: 2, from: '"count":3', to: '"count":2' },
    { what: "a number for a text", step: 7, from: '"publicport":"80"', to: '"publicport":80' },
    { what: "a field more", step: 12, from: '"startport":80', to: '"startport":80,"icmpcode":-1' },
    { what: "a field less", step: 12, from: '"endport":80,', to: "" },
    { what: "another object's id", step: 10, from: '"${rule1}"', to: '"${ip1}"' },
    { what: "another outcome of a job", step: 9, from: '"success":true', to: '"success":false' },
    { what: "no job", step: 9, from: '"job":{', to: '"jobless":{' }
  ])("refuses $what", ({ from, step, to }) =>
    Effect.gen(function* () {
      const failures = yield* failuresOf(tampered(step, from, to))
      assert.deepStrictEqual(
        failures.map((failure) => failure.step),
        [step]
      )
    })
  )
})
