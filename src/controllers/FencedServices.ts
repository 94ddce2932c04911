/** Services as only a leader sees them: everybody may read, only who holds enough of the lease may write. */
import { Effect, Layer } from "effect"
import { Services } from "../kubernetes/Services.ts"
import { Fence } from "../runtime/Fence.ts"
import { fenced } from "./FencedNodes.ts"

/** A process that was frozen before a write would otherwise publish what its successor has changed since. */
export const layer: Layer.Layer<Services, never, Services | Fence> = Layer.effect(
  Services,
  Effect.gen(function* () {
    const services = yield* Services
    const fence = yield* Fence
    return Services.of({
      ...services,
      write: (service, write) => fenced(fence, `patch services/status ${service.key}`, services.write(service, write))
    })
  })
)
