/** `CloudStackApi` over HTTP: sign, send once, classify. */
import { Clock, Effect, Layer } from "effect"
import { Settings } from "../../config/Settings.ts"
import { CloudStackApi, CloudStackError } from "../Api.ts"
import { classify } from "../classify.ts"
import { signedForm } from "./Signature.ts"
import { makeTransport } from "./transport.ts"

export const layerLive: Layer.Layer<CloudStackApi, never, Settings> = Layer.effect(
  CloudStackApi,
  Effect.gen(function* () {
    const settings = yield* Settings
    const send = yield* makeTransport
    return CloudStackApi.of({
      call: Effect.fn("CloudStackApi.call")(function* (command, parameters) {
        yield* Effect.annotateCurrentSpan({ command })
        const current = yield* settings.current
        const form = signedForm(command, parameters, current.credentials, yield* Clock.currentTimeMillis)
        const reply = yield* Effect.mapError(send(current, form), (reason) => new CloudStackError({ command, reason }))
        return yield* Effect.fromResult(classify(command, reply.status, reply.body))
      })
    })
  })
)
