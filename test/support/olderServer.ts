/** What older CloudStack servers make of what the simulated one (4.22) knows. */
import { Effect } from "effect"
import type { Parameters } from "../../src/cloudstack/Api.ts"
import type { BedOptions } from "./testBed.ts"

export interface OlderServer {
  /** What it says it is; absent = it does not say. */
  readonly version?: string
  /** `createLoadBalancerRule` knows `cidrlist` (since 4.18). */
  readonly creates: boolean
  /** `updateLoadBalancerRule` knows it (since 4.22). */
  readonly updates: boolean
}

/** Parameters that a server does not know are ignored without a word. */
const dropped = ({ cidrlist: _, ...rest }: Parameters): Parameters => rest

export const olderServer = ({ creates, updates, version }: OlderServer): NonNullable<BedOptions["around"]> => {
  const forgets = (command: string) =>
    (command === "createLoadBalancerRule" && !creates) || (command === "updateLoadBalancerRule" && !updates)
  return (api) => ({
    call: (command, parameters) =>
      Effect.map(api.call(command, forgets(command) ? dropped(parameters) : parameters), (answer) =>
        command === "listCapabilities"
          ? { capability: version === undefined ? {} : { cloudstackversion: version } }
          : answer
      )
  })
}
