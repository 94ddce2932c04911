/** CloudStack as only a leader sees it: everybody may look, only who holds enough of the lease may change. */
import { Effect, Layer } from "effect"
import { CloudStackApi, CloudStackError, Withheld } from "../cloudstack/Api.ts"
import { Fence } from "../runtime/Fence.ts"
import { LastCheck } from "../wire/LastCheck.ts"

/** Commands that change nothing, by CloudStack's own naming. */
const reads = /^(list|get|query)/

/**
 * Belongs as close to the wire as possible, below everything that may make a call wait; what the connection itself may
 * wait for comes before the last check. A refused change counts as never sent: nothing has happened, and whoever leads
 * next starts from what there is.
 */
export const layer: Layer.Layer<CloudStackApi, never, CloudStackApi | Fence> = Layer.effect(
  CloudStackApi,
  Effect.gen(function* () {
    const api = yield* CloudStackApi
    const fence = yield* Fence
    return {
      call: (command, parameters) =>
        reads.test(command)
          ? api.call(command, parameters)
          : fence.ensure.pipe(
              Effect.mapError(({ why }) => new CloudStackError({ command, reason: new Withheld({ text: why }) })),
              Effect.andThen(Effect.provideService(api.call(command, parameters), LastCheck, fence.ensure))
            )
    }
  })
)
