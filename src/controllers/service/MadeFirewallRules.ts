/**
 * The firewall rules that this process made. Only a cache: where the role may tag, the tag says it for good; where it
 * may not, this tells our rules on a given address from the user's while the process lives.
 */
import { Context, Effect, Layer } from "effect"
import type { FirewallRuleId } from "../../domain/Cloud.ts"

export class MadeFirewallRules extends Context.Service<
  MadeFirewallRules,
  {
    readonly ids: ReadonlySet<FirewallRuleId>
    readonly remember: (id: FirewallRuleId) => Effect.Effect<void>
    readonly forget: (id: FirewallRuleId) => Effect.Effect<void>
  }
>()("ccm/controllers/service/MadeFirewallRules") {
  static readonly layer = Layer.sync(this, () => {
    const ids = new Set<FirewallRuleId>()
    return {
      ids,
      remember: (id) => Effect.sync(() => void ids.add(id)),
      forget: (id) => Effect.sync(() => void ids.delete(id))
    }
  })
}
