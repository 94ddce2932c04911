/** Port forwarding rules: one public port of an address to one machine. */
import { Context, type Effect, type Option } from "effect"
import type { AddressId, Forward, ForwardId, NetworkId, VmId } from "../domain/Cloud.ts"
import type { CloudStackError } from "./Api.ts"
import type { Pending } from "./Jobs.ts"

export interface NewForward {
  readonly addressId: AddressId
  /** Only in a VPC. */
  readonly networkId?: NetworkId
  readonly protocol: "tcp" | "udp"
  readonly publicPort: number
  readonly privatePort: number
  readonly vmId: VmId
}

export class Forwards extends Context.Service<
  Forwards,
  {
    /** All pages; of one address, or of the whole account or project. None if the role may not list them (remembered). */
    readonly list: (addressId?: AddressId) => Effect.Effect<Option.Option<ReadonlyArray<Forward>>, CloudStackError>
    /** `jobId` is one that CloudStack does not know. */
    readonly create: (forward: NewForward & { readonly jobId: string }) => Effect.Effect<Pending, CloudStackError>
    readonly remove: (id: ForwardId) => Effect.Effect<Pending, CloudStackError>
  }
>()("ccm/cloudstack/Forwards") {}
