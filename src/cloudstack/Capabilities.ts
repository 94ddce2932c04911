/** What the server is and can do, as far as it tells and the role may ask. */
import { Context, type Effect } from "effect"
import type { CloudStackError } from "./Api.ts"

/**
 * What becomes of the list of sources on a load balancer rule. `none`: before 4.18 it is ignored. `create`: before 4.22
 * a change of it is ignored. `unknown`: the server does not say how old it is, so what it made has to be looked at.
 */
export type RuleSources = "none" | "create" | "update" | "unknown"

export class Capabilities extends Context.Service<
  Capabilities,
  {
    readonly ruleSources: Effect.Effect<RuleSources, CloudStackError>
    /** Name of the region, where there is one only: of several the server does not tell which it is. */
    readonly region: Effect.Effect<string | undefined, CloudStackError>
  }
>()("ccm/cloudstack/Capabilities") {}
