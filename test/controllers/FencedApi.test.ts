import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { CloudStackApi, CloudStackError, Withheld } from "../../src/cloudstack/Api.ts"
import * as FencedApi from "../../src/controllers/FencedApi.ts"
import { Fence } from "../../src/runtime/Fence.ts"
import { brieflyOpen, lost, patiently } from "../support/lostLease.ts"

/** Remembers what reached the wire. */
const wire = (sent: Array<string>) =>
  Layer.succeed(CloudStackApi, {
    call: (command) =>
      patiently(
        () => sent.push(command),
        (text) => new CloudStackError({ command, reason: new Withheld({ text }) })
      )
  })
const commands = ["listVirtualMachines", "getUploadParamsForVolume", "queryAsyncJobResult", "createTags", "deleteTags"]

const sendAll = Effect.gen(function* () {
  const api = yield* CloudStackApi
  return yield* Effect.partition(commands, (command) => api.call(command, {}))
})

describe("FencedApi", () => {
  it.effect("lets everything through while the fence is open", () => {
    const sent: Array<string> = []
    return Effect.gen(function* () {
      yield* sendAll
      assert.deepStrictEqual(sent, commands)
    }).pipe(Effect.provide(FencedApi.layer.pipe(Layer.provide([wire(sent), Fence.layerOpen]))))
  })

  it.effect("keeps changes from the wire when it is closed, as errors that say nothing was sent", () => {
    const sent: Array<string> = []
    return Effect.gen(function* () {
      const [, errors] = yield* sendAll
      assert.deepStrictEqual(sent, ["listVirtualMachines", "getUploadParamsForVolume", "queryAsyncJobResult"])
      assert.deepStrictEqual(
        errors.map((error) => [error.command, error.ambiguous, error.transient]),
        [
          ["createTags", false, true],
          ["deleteTags", false, true]
        ]
      )
      assert.strictEqual(errors[0]?.message, "createTags: Withheld: the lease ran out")
    }).pipe(Effect.provide(FencedApi.layer.pipe(Layer.provide([wire(sent), lost]))))
  })

  it.effect("has changes checked again after all that the client waits for", () => {
    const sent: Array<string> = []
    return Effect.gen(function* () {
      yield* sendAll
      assert.deepStrictEqual(sent, ["listVirtualMachines", "getUploadParamsForVolume", "queryAsyncJobResult"])
    }).pipe(Effect.provide(FencedApi.layer.pipe(Layer.provide([wire(sent), brieflyOpen()]))))
  })
})
