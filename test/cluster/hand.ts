/** What a person does in CloudStack with the cluster owner's key, beside the controller. */
import { assert } from "@effect/vitest"
import { Effect, Schema } from "effect"
import type { Hand } from "../support/strangers.ts"
import { CloudError, callerAt, decoded, Envelope } from "./cloudClient.ts"
import { eventually } from "./eventually.ts"
import { keys } from "./world.ts"

const Named = Schema.Array(Schema.Struct({ id: Schema.String, name: Schema.String }))
const Submitted = Schema.Struct({ jobid: Schema.String })
const Made = Schema.Record(Schema.String, Schema.Struct({ id: Schema.String }))

export const handAt = (origin: string): Hand<unknown, never> => {
  const call = callerAt(origin)
  const ask = Effect.fnUntraced(function* (command: string, parameters: Readonly<Record<string, string>>) {
    const answer = yield* decoded(Envelope, yield* call(keys.owner, command, parameters))
    return Object.values(answer)[0] ?? {}
  })
  const job = Effect.fnUntraced(function* (command: string, parameters: Readonly<Record<string, string>>) {
    const { jobid } = yield* decoded(Submitted, yield* ask(command, parameters))
    const ended = yield* eventually(ask("queryAsyncJobResult", { jobid }), ({ jobstatus }) =>
      assert.notStrictEqual(jobstatus, 0)
    )
    if (ended["jobstatus"] === 1) return ended["jobresult"]
    return yield* new CloudError({ message: `${command}: ${JSON.stringify(ended)}` })
  })
  return {
    job,
    make: Effect.fnUntraced(function* (command, parameters) {
      const [made] = Object.values(yield* decoded(Made, yield* job(command, parameters)))
      return made?.id ?? (yield* new CloudError({ message: `${command} made nothing` }))
    }),
    idOf: Effect.fnUntraced(function* (command, name, parameters = {}) {
      const answer = yield* ask(command, { listall: "true", ...parameters })
      const list = Object.values(answer).find((value) => Array.isArray(value)) ?? []
      const id = (yield* decoded(Named, list)).find((object) => object.name === name)?.id
      return id ?? (yield* new CloudError({ message: `${command} shows no ${name}` }))
    })
  }
}
