/**
 * The firewall rules and forwards that this process made. Only a cache: where the role may tag, the tag says it for
 * good; where it may not, this tells ours on a given address from the user's while the process lives.
 */
import { Context, Effect, Layer } from "effect"
import type { FirewallRuleId, ForwardId } from "../../domain/Cloud.ts"

export class MadeObjects extends Context.Service<
  MadeObjects,
  {
    readonly ids: ReadonlySet<string>
    readonly remember: (id: FirewallRuleId | ForwardId) => Effect.Effect<void>
    readonly forget: (id: FirewallRuleId | ForwardId) => Effect.Effect<void>
  }
>()("ccm/controllers/service/MadeObjects") {
  static readonly layer = Layer.sync(this, () => {
    const ids = new Set<string>()
    return {
      ids,
      remember: (id) => Effect.sync(() => void ids.add(id)),
      forget: (id) => Effect.sync(() => void ids.delete(id))
    }
  })
}
