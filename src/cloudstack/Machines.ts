/** The virtual machines behind the Nodes: one paged list serves everybody. */
import { Context, type Effect, type Option } from "effect"
import type { Machine, VmId } from "../domain/Cloud.ts"
import type { CloudStackError } from "./Api.ts"

/** A complete list: nothing cut, nothing skipped. */
export interface MachineList {
  readonly machines: ReadonlyArray<Machine>
  /** Milliseconds of the Clock when the list was asked for. */
  readonly at: number
}

export class Machines extends Context.Service<
  Machines,
  {
    /** At most `maxAge` (milliseconds) old; concurrent callers share one read. 0 = afresh. */
    readonly list: (maxAge: number) => Effect.Effect<MachineList, CloudStackError>
    /** Direct look-up by id, never from a cache. None = the server says that no such VM is visible. */
    readonly find: (id: VmId) => Effect.Effect<Option.Option<Machine>, CloudStackError>
  }
>()("ccm/cloudstack/Machines") {}
