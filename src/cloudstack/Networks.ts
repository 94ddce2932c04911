/** Guest networks and what they offer. */
import { Context, type Effect, type Option } from "effect"
import type { Network, NetworkId } from "../domain/Cloud.ts"
import type { CloudStackError } from "./Api.ts"

export class Networks extends Context.Service<
  Networks,
  {
    /** Cached; `forget` after a call contradicts it. */
    readonly find: (id: NetworkId) => Effect.Effect<Option.Option<Network>, CloudStackError>
    readonly list: Effect.Effect<ReadonlyArray<Network>, CloudStackError>
    /** All that have this id or name, from a list that may be some minutes old; read again if it does not say. */
    readonly named: (idOrName: string) => Effect.Effect<ReadonlyArray<Network>, CloudStackError>
    readonly forget: (id: NetworkId) => Effect.Effect<void>
  }
>()("ccm/cloudstack/Networks") {}
