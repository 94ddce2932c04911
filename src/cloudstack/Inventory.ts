/**
 * What CloudStack holds for this cluster, read in whole lists and kept for a while.
 *
 * A decision to do nothing may come from here; a decision to change is made again on `fresh`. Callers report what they
 * changed, so they never read back an older state than their own.
 */
import { Context, type Effect, type Option } from "effect"
import type { AclItem, AddressId, Holding, PublicAddress, RuleId, VmId } from "../domain/Cloud.ts"
import type { CloudStackError } from "./Api.ts"

/** What has become of the members of one rule. */
export interface MembersChange {
  readonly rule: RuleId
  readonly add: ReadonlyArray<VmId>
  readonly drop: ReadonlyArray<VmId>
}

export class Inventory extends Context.Service<
  Inventory,
  {
    /**
     * Every allocated address with its rules, members and firewall rules. Read whole once; later only what was changed
     * and is relevant to who asks is read again. An address acquired since by others than us may be missing: `survey`
     * knows it.
     */
    readonly holdings: (
      relevant: (holding: Holding) => boolean
    ) => Effect.Effect<ReadonlyArray<Holding>, CloudStackError>
    /** One address read now (address, rules, members, firewall). None if it is not the caller's (any more). */
    readonly fresh: (id: AddressId) => Effect.Effect<Option.Option<Holding>, CloudStackError>
    /**
     * All addresses and rules read now. Members and firewall rules come from the last read where nothing has changed,
     * are read now where they are relevant, and are left out elsewhere.
     */
    readonly survey: (relevant: (holding: Holding) => boolean) => Effect.Effect<ReadonlyArray<Holding>, CloudStackError>
    /** The items of all ACL lists, read once; later again when changed. None if the role may not see them. */
    readonly aclItems: Effect.Effect<Option.Option<ReadonlyArray<AclItem>>, CloudStackError>
    /** The same, read from now on; `aclItems` knows it too then. */
    readonly freshAclItems: Effect.Effect<Option.Option<ReadonlyArray<AclItem>>, CloudStackError>
    /** Some item is no longer as cached. */
    readonly aclItemsChanged: Effect.Effect<void>
    /**
     * To decide about members alone, which nodes that come and go make many Services do at once: the address as it is
     * known, with the members of these rules read now. Read anew as a whole if it is not known, or a rule is gone.
     */
    readonly freshMembers: (
      id: AddressId,
      rules: ReadonlyArray<RuleId>
    ) => Effect.Effect<Option.Option<Holding>, CloudStackError>
    /** We have changed members of rules on this address, and nothing else: so much is known without a look. */
    readonly membersChanged: (id: AddressId, changes: ReadonlyArray<MembersChange>) => Effect.Effect<void>
    /** This address is ours now, with nothing on it yet. */
    readonly acquired: (address: PublicAddress) => Effect.Effect<void>
    /**
     * This address is no longer as cached (mutated, or a call contradicted the cache). What vanishes from it, and has not
     * been removed by us, is believed gone only at a second look.
     */
    readonly changed: (id: AddressId, removed?: ReadonlyArray<string>) => Effect.Effect<void>
    /** Forget everything: the next `holdings` reads anew. Called at each resync. */
    readonly expire: Effect.Effect<void>
  }
>()("ccm/cloudstack/Inventory") {}
