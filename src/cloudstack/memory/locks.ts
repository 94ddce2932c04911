/**
 * The server's locks around create phases. A waiter does not queue: it looks again every 5 seconds, so whoever looks
 * first after the release gets the lock.
 */
import { Duration, Effect, Ref } from "effect"
import type { Parameters } from "../Api.ts"
import { parameterOf } from "./auth.ts"
import type { Account } from "./records.ts"
import type { State } from "./state.ts"

const lookAgain = Duration.seconds(5)

export interface LockPlan {
  readonly key: string
  /** Whether it is held until the job has ended, and not only during the call. */
  readonly throughJob: boolean
}

/** Rules lock their public address, firewall rules until they are applied; allocations lock the account. */
export const lockOf = (
  state: State,
  caller: Account,
  command: string,
  parameters: Parameters
): LockPlan | undefined => {
  const address = (name: string, throughJob: boolean): LockPlan | undefined => {
    const id = parameterOf(parameters, name)
    return id === undefined || !state.addresses.has(id) ? undefined : { key: `address ${id}`, throughJob }
  }
  switch (command) {
    case "createLoadBalancerRule":
      return address("publicipid", false)
    case "createPortForwardingRule":
      return address("ipaddressid", false)
    case "createFirewallRule":
      return address("ipaddressid", true)
    case "associateIpAddress":
      return { key: `account ${parameterOf(parameters, "projectid") ?? caller.id}`, throughJob: false }
    default:
      return undefined
  }
}

export const makeLocks = Effect.map(Ref.make<ReadonlySet<string>>(new Set()), (held) => ({
  acquire: (key: string): Effect.Effect<void> =>
    Ref.modify(held, (keys): readonly [boolean, ReadonlySet<string>] =>
      keys.has(key) ? [false, keys] : [true, new Set(keys).add(key)]
    ).pipe(
      Effect.flatMap((got) => (got ? Effect.succeed(true) : Effect.as(Effect.sleep(lookAgain), false))),
      Effect.repeat({ until: (got) => got }),
      Effect.asVoid
    ),
  release: (key: string): Effect.Effect<void> =>
    Ref.update(held, (keys) => new Set([...keys].filter((other) => other !== key)))
}))
