/**
 * The firewall rules and forwards that this process made, by the Service they were made for. Only a cache: where the
 * role may tag, the tag says it for good; where it may not, this tells ours from the user's while the process lives.
 */
import { Context, Effect, Layer } from "effect"
import type { FirewallRuleId, ForwardId } from "../../domain/Cloud.ts"

export class MadeObjects extends Context.Service<
  MadeObjects,
  {
    readonly of: (serviceUid: string) => ReadonlySet<string>
    readonly remember: (serviceUid: string, ids: ReadonlyArray<FirewallRuleId | ForwardId>) => Effect.Effect<void>
    /** The Service has gone. */
    readonly forget: (serviceUid: string) => Effect.Effect<void>
  }
>()("ccm/controllers/service/MadeObjects") {
  static readonly layer = Layer.sync(this, () => {
    const all = new Map<string, ReadonlySet<string>>()
    const of = (uid: string): ReadonlySet<string> => all.get(uid) ?? new Set()
    return {
      of,
      remember: (uid, ids) =>
        Effect.sync(() => {
          if (ids.length > 0) all.set(uid, new Set([...of(uid), ...ids]))
        }),
      forget: (uid) => Effect.sync(() => void all.delete(uid))
    }
  })
}
