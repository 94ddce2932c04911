/**
 * CloudStack locks the public address (or the account) while it creates things there, and whoever finds the lock taken
 * sleeps for five seconds. One lane per lock keeps our own calls from ever meeting there.
 */
import { Context, Effect, Layer, Semaphore } from "effect"

export class AddressLanes extends Context.Service<
  AddressLanes,
  {
    /** First come, first served, one at a time per lane. */
    readonly within: (lane: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  }
>()("ccm/controllers/service/AddressLanes") {
  static readonly layer = Layer.sync(this, () => {
    const lanes = new Map<string, { readonly semaphore: Semaphore.Semaphore; users: number }>()
    const within =
      (name: string) =>
      <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            const lane = lanes.get(name) ?? { semaphore: Semaphore.makeUnsafe(1), users: 0 }
            lane.users += 1
            lanes.set(name, lane)
            return lane
          }),
          ({ semaphore }) => semaphore.withPermit(effect),
          (lane) =>
            Effect.sync(() => {
              lane.users -= 1
              if (lane.users === 0) lanes.delete(name)
            })
        )
    return { within }
  })
}

export const addressLane = (addressId: string): string => `address ${addressId}`
/** Associates of one account queue up behind each other, whatever network they are for. */
export const accountLane = "account"
