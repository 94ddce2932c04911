/** A CloudStack that answers as a test says and remembers when it was asked what. */
import { Clock, Effect, Layer } from "effect"
import { type Answer, CloudStackApi, CloudStackError, type Parameters, type Reason } from "../../src/cloudstack/Api.ts"

export interface Asked {
  readonly at: number
  readonly command: string
  readonly parameters: Parameters
}

type Said = Answer | Reason | Effect.Effect<Answer | Reason>
export type Script = (asked: Asked, nth: number) => Said

/** Reasons are errors, and errors are Effects too. */
const isReason = (said: Said): said is Reason => said instanceof Error

export const scripted = (script: Script, asked: Array<Asked> = []): Layer.Layer<CloudStackApi> =>
  Layer.succeed(CloudStackApi, {
    call: (command, parameters) =>
      Effect.gen(function* () {
        const one = { at: yield* Clock.currentTimeMillis, command, parameters }
        asked.push(one)
        const nth = asked.filter((other) => other.command === command).length
        const said = script(one, nth)
        const answer = !isReason(said) && Effect.isEffect(said) ? yield* said : said
        return isReason(answer) ? yield* new CloudStackError({ command, reason: answer }) : answer
      })
  })

export const ask = (command: string, parameters: Parameters = {}) =>
  Effect.flatMap(CloudStackApi, (api) => api.call(command, parameters))
