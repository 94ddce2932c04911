/** The API server as only a leader sees it: everybody may read, only who holds enough of the lease may write. */
import { Effect, Layer } from "effect"
import { KubeApi, operationOf, type Verb } from "../kubernetes/KubeApi.ts"
import { KubeError } from "../kubernetes/KubeError.ts"
import { Fence } from "../runtime/Fence.ts"
import { LastCheck } from "../wire/LastCheck.ts"

const reads: ReadonlySet<Verb> = new Set(["get", "list"] as const)

/**
 * A process that was frozen between its last look and its write would otherwise publish what its successor has changed
 * since, or delete a Node on what was true before. The client may make a request wait for its turn or for the server,
 * so the last check matters more than the first. A refused write counts as never sent.
 */
export const layer: Layer.Layer<KubeApi, never, KubeApi | Fence> = Layer.effect(
  KubeApi,
  Effect.gen(function* () {
    const api = yield* KubeApi
    const fence = yield* Fence
    return KubeApi.of({
      ...api,
      call: (request) =>
        reads.has(request.verb)
          ? api.call(request)
          : fence.ensure.pipe(
              Effect.mapError(
                ({ why }) => new KubeError({ operation: operationOf(request), status: 0, text: why, withheld: true })
              ),
              Effect.andThen(Effect.provideService(api.call(request), LastCheck, fence.ensure))
            )
    })
  })
)
