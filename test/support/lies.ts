/** A CloudStack that lies for a moment: a list that is empty, or shows what was there before. */
import { Effect } from "effect"
import type { CloudStackApi, Parameters } from "../../src/cloudstack/Api.ts"

type Api = CloudStackApi["Service"]
export type Question = (command: string, parameters: Parameters) => boolean

export interface Liar {
  /** The next question of this kind gets an empty answer. */
  readonly emptyNext: (question: Question) => void
  readonly around: (api: Api) => Api
}

export const makeLiar = (): Liar => {
  let due: Question | undefined
  return {
    emptyNext: (question) => {
      due = question
    },
    around: (api) => ({
      call: (command, parameters) => {
        if (due?.(command, parameters) !== true) return api.call(command, parameters)
        due = undefined
        return Effect.as(api.call(command, parameters), {})
      }
    })
  }
}

export const asking =
  (wanted: string, key?: string): Question =>
  (command, parameters) =>
    command === wanted && (key === undefined || parameters[key] !== undefined)
