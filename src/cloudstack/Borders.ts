/** What lets traffic in to an address: firewall rules of isolated networks. */
import { Context, type Effect } from "effect"
import type { AddressId, FirewallRule, FirewallRuleId } from "../domain/Cloud.ts"
import type { CloudStackError } from "./Api.ts"
import type { Pending } from "./Jobs.ts"

export interface NewFirewallRule {
  readonly addressId: AddressId
  readonly protocol: "tcp" | "udp"
  readonly port: number
  readonly cidrs: ReadonlyArray<string>
}

export class Borders extends Context.Service<
  Borders,
  {
    /** All pages; of one address, or of the whole account or project. */
    readonly list: (addressId?: AddressId) => Effect.Effect<ReadonlyArray<FirewallRule>, CloudStackError>
    /**
     * The server locks the address until the job is done: send the next create of an address only after `done`. `jobId`
     * is one that CloudStack does not know.
     */
    readonly open: (rule: NewFirewallRule & { readonly jobId: string }) => Effect.Effect<Pending, CloudStackError>
    readonly close: (id: FirewallRuleId) => Effect.Effect<Pending, CloudStackError>
  }
>()("ccm/cloudstack/Borders") {}
