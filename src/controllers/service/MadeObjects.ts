/**
 * What this process knows to be made for a Service: firewall rules and forwards, also by a process before it, addresses,
 * and the jobs it sent; and which firewall rules and forwards are others'. Only a cache: where the role may tag, the tag
 * says it for good; where it may not, and of an address whose job the server has forgotten, nothing else tells.
 */
import { Context, Effect, Layer } from "effect"
import type { AddressId, FirewallRuleId, ForwardId, PublicAddress } from "../../domain/Cloud.ts"

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
    /** The address that the allocation with this job's id took. */
    readonly tookAddress: (jobId: string, id: AddressId) => Effect.Effect<void>
    readonly addressTaken: (jobId: string) => AddressId | undefined
    readonly allocated: (address: PublicAddress) => Effect.Effect<void>
    /** When each address was that this process allocated last: an address that was released since may come again. */
    readonly allocations: ReadonlyMap<AddressId, number>
    /** The Service has gone. */
    readonly forget: (serviceUid: string) => Effect.Effect<void>
  }
>()("ccm/controllers/service/MadeObjects") {
  static readonly layer = Layer.sync(this, () => {
    const made = idsByService()
    const others = idsByService()
    const taken = new Map<string, AddressId>()
    const allocations = new Map<AddressId, number>()
    return {
      of: made.of,
      remember: made.add,
      strangers: others.of,
      ruleOut: others.add,
      tookAddress: (jobId, id) => Effect.sync(() => void taken.set(jobId, id)),
      addressTaken: (jobId) => taken.get(jobId),
      allocated: ({ allocatedAt, id }) =>
        Effect.sync(() => {
          if (allocatedAt !== undefined) allocations.set(id, allocatedAt)
        }),
      allocations,
      forget: (uid) => Effect.andThen(made.forget(uid), others.forget(uid))
    }
  })
}
