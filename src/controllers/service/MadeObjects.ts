/**
 * What this process made, by the Service it was made for: firewall rules and forwards, also those that it knows to be made
 * by a process before it, addresses, and the jobs it sent; and firewall rules and forwards known to be others'. Only a
 * cache: where the role may tag, the tag says it for good; where it may not, this tells ours from the user's while the
 * process lives.
 */
import { Context, Effect, Layer } from "effect"
import type { FirewallRuleId, ForwardId } from "../../domain/Cloud.ts"

const idsByService = () => {
  const all = new Map<string, ReadonlySet<string>>()
  const of = (uid: string): ReadonlySet<string> => all.get(uid) ?? new Set()
  return {
    of,
    add: (uid: string, ids: ReadonlyArray<string>) =>
      Effect.sync(() => {
        if (ids.length > 0) all.set(uid, new Set([...of(uid), ...ids]))
      }),
    forget: (uid: string) => Effect.sync(() => void all.delete(uid))
  }
}

export class MadeObjects extends Context.Service<
  MadeObjects,
  {
    readonly of: (serviceUid: string) => ReadonlySet<string>
    readonly remember: (serviceUid: string, ids: ReadonlyArray<string>) => Effect.Effect<void>
    readonly strangers: (serviceUid: string) => ReadonlySet<string>
    readonly ruleOut: (serviceUid: string, ids: ReadonlyArray<FirewallRuleId | ForwardId>) => Effect.Effect<void>
    /** The Service has gone. */
    readonly forget: (serviceUid: string) => Effect.Effect<void>
  }
>()("ccm/controllers/service/MadeObjects") {
  static readonly layer = Layer.sync(this, () => {
    const made = idsByService()
    const others = idsByService()
    return {
      of: made.of,
      remember: made.add,
      strangers: others.of,
      ruleOut: others.add,
      forget: (uid) => Effect.andThen(made.forget(uid), others.forget(uid))
    }
  })
}
