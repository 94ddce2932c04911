/**
 * The firewall rules and forwards known to be made for a Service, because this process made them or because their jobs
 * told, and the addresses that allocations took. Only a cache: where the role may tag, the tag says it for good; where it
 * may not, this tells ours from the user's. Of an address whose job the server has forgotten nothing else tells.
 */
import { Context, Effect, Layer } from "effect"
import type { AddressId, FirewallRuleId, ForwardId } from "../../domain/Cloud.ts"

interface Known {
  readonly made: ReadonlySet<string>
  /** Looked into, and not the Service's. */
  readonly strangers: ReadonlySet<string>
}

const nothing: Known = { made: new Set(), strangers: new Set() }

export class MadeObjects extends Context.Service<
  MadeObjects,
  {
    readonly of: (serviceUid: string) => ReadonlySet<string>
    readonly remember: (serviceUid: string, ids: ReadonlyArray<FirewallRuleId | ForwardId>) => Effect.Effect<void>
    readonly isStranger: (serviceUid: string, id: FirewallRuleId) => boolean
    readonly noteStranger: (serviceUid: string, id: FirewallRuleId) => Effect.Effect<void>
    /** The address that the allocation with this job's id took. */
    readonly tookAddress: (jobId: string, id: AddressId) => Effect.Effect<void>
    readonly addressTaken: (jobId: string) => AddressId | undefined
    /** The Service has gone. */
    readonly forget: (serviceUid: string) => Effect.Effect<void>
  }
>()("ccm/controllers/service/MadeObjects") {
  static readonly layer = Layer.sync(this, () => {
    const all = new Map<string, Known>()
    const taken = new Map<string, AddressId>()
    const known = (uid: string): Known => all.get(uid) ?? nothing
    return {
      of: (uid: string) => known(uid).made,
      remember: (uid, ids) =>
        Effect.sync(() => {
          const { made, strangers } = known(uid)
          if (ids.length > 0) all.set(uid, { made: new Set([...made, ...ids]), strangers })
        }),
      isStranger: (uid, id) => known(uid).strangers.has(id),
      noteStranger: (uid, id) =>
        Effect.sync(() => {
          const { made, strangers } = known(uid)
          all.set(uid, { made, strangers: new Set([...strangers, id]) })
        }),
      tookAddress: (jobId, id) => Effect.sync(() => void taken.set(jobId, id)),
      addressTaken: (jobId) => taken.get(jobId),
      forget: (uid) => Effect.sync(() => void all.delete(uid))
    }
  })
}
