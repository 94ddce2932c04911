/** The Layer door of the in-memory CloudStack: the same seam as over HTTP, without the wire. */
import { Effect, Layer } from "effect"
import { CloudStackApi, CloudStackError, Unreachable } from "../Api.ts"
import { classify } from "../classify.ts"
import { Simulator } from "./Simulator.ts"

/** Calls as the account with this `ref`. A cut connection is an unreachable server; a page or nothing is malformed. */
export const layerMemory = (account: string): Layer.Layer<CloudStackApi, never, Simulator> =>
  Layer.effect(
    CloudStackApi,
    Effect.map(Simulator, (simulator) =>
      CloudStackApi.of({
        call: Effect.fn("CloudStackApi.call")(function* (command, parameters) {
          yield* Effect.annotateCurrentSpan({ command })
          const answer = yield* simulator.callAs(account, command, parameters)
          if (answer.dropped === true) {
            const reason = new Unreachable({ sent: answer.unsent !== true, text: "the connection was cut" })
            return yield* new CloudStackError({ command, reason })
          }
          return yield* Effect.fromResult(classify(command, answer.status, answer.body))
        })
      })
    )
  )
