/** Virtual routers: each takes one push at a time, and a push lasts a while. */
import { type Duration, Effect, Semaphore } from "effect"

/** Waits until every router that has to be told has been told. */
export const makeRouters = (pushTime: Duration.Duration) => {
  const queues = new Map<string, Semaphore.Semaphore>()
  const queueOf = (network: string) => {
    const known = queues.get(network)
    if (known !== undefined) return known
    const made = Semaphore.makeUnsafe(1)
    queues.set(network, made)
    return made
  }
  return {
    push: <A>(networks: ReadonlyArray<string>, commit: Effect.Effect<A>): Effect.Effect<A> =>
      networks.reduceRight(
        (inner, network) => queueOf(network).withPermit(Effect.andThen(Effect.sleep(pushTime), inner)),
        commit
      )
  }
}
