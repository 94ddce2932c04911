/** `Networks` over the calls: networks hardly ever change, so what was read holds until a call contradicts it. */
import { Array, Cache, Duration, Effect, Exit, Layer, Option } from "effect"
import type { Settings } from "../../config/Settings.ts"
import type { NetworkId } from "../../domain/Cloud.ts"
import { Lists } from "../Lists.ts"
import { Networks } from "../Networks.ts"
import { makeShared } from "../Shared.ts"
import { networks } from "../schemas/networks.ts"
import { makeScopeGuard } from "../scope.ts"
import { noneIfAbsent } from "./absence.ts"

/** An offering or a network's state does change at times. */
const goodFor = Duration.minutes(10)

export const layer: Layer.Layer<Networks, never, Lists | Settings> = Layer.effect(
  Networks,
  Effect.gen(function* () {
    const lists = yield* Lists
    const cache = yield* Cache.makeWith(
      (id: NetworkId) => Effect.map(noneIfAbsent(lists.all("listNetworks", { id }, networks)), Array.head),
      {
        capacity: 1_000,
        timeToLive: (exit) => (Exit.isSuccess(exit) && Option.isSome(exit.value) ? goodFor : Duration.zero)
      }
    )
    const list = lists.all("listNetworks", {}, networks)
    const shared = makeShared(list)
    const checkScope = yield* makeScopeGuard(Effect.andThen(Cache.invalidateAll(cache), shared.forget))
    const named = Effect.fnUntraced(function* (idOrName: string, maxAge: number) {
      const { value } = yield* shared.get(maxAge)
      return value.filter(({ id, name }) => id === idOrName || name === idOrName)
    })
    return Networks.of({
      find: Effect.fn("Networks.find")((id) => Effect.andThen(checkScope, Cache.get(cache, id))),
      list,
      named: Effect.fn("Networks.named")(function* (idOrName) {
        yield* checkScope
        const found = yield* named(idOrName, Duration.toMillis(goodFor))
        return found.length === 1 ? found : yield* named(idOrName, 0)
      }),
      forget: (id) => Cache.invalidate(cache, id)
    })
  })
)
