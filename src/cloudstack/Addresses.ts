/** Public addresses: what the caller has, acquiring and releasing. */
import { Context, type Effect, type Option } from "effect"
import type { AddressId, NetworkId, PublicAddress } from "../domain/Cloud.ts"
import type { CloudStackError } from "./Api.ts"
import type { Pending } from "./Jobs.ts"

/** An allocation under way. */
export interface Allocation extends Pending {
  /** Awaits the job: the address as it was allocated. */
  readonly address: Effect.Effect<PublicAddress, CloudStackError>
}

export class Addresses extends Context.Service<
  Addresses,
  {
    /** Every allocated address of the account or project, all pages. */
    readonly list: Effect.Effect<ReadonlyArray<PublicAddress>, CloudStackError>
    /** Those whose allocation has begun and not ended. A server that was stopped there leaves them so for good. */
    readonly allocating: Effect.Effect<ReadonlyArray<PublicAddress>, CloudStackError>
    /** None if it is not (or no longer) the caller's. */
    readonly find: (id: AddressId) => Effect.Effect<Option.Option<PublicAddress>, CloudStackError>
    /** The same in whatever state, also while it is acquired or released, and when it is free. */
    readonly inspect: (id: AddressId) => Effect.Effect<Option.Option<PublicAddress>, CloudStackError>
    readonly findByIp: (ip: string) => Effect.Effect<Option.Option<PublicAddress>, CloudStackError>
    /** Nobody has it, as far as the server tells. */
    readonly isFree: (ip: string) => Effect.Effect<boolean, CloudStackError>
    /** `ip` asks for that very address. `jobId` makes a lost answer findable. */
    readonly associate: (request: {
      readonly target: { readonly networkId: NetworkId } | { readonly vpcId: string }
      readonly ip?: string
      readonly jobId: string
    }) => Effect.Effect<Allocation, CloudStackError>
    /** Removes all rules of the address and releases it. */
    readonly disassociate: (id: AddressId) => Effect.Effect<Pending, CloudStackError>
  }
>()("ccm/cloudstack/Addresses") {}
