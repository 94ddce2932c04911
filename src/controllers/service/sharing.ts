/**
 * Services that share an address take turns there, from what they read to what they do: otherwise two that leave at once
 * would each leave the address to the other, and one that comes could find it released.
 */
import { Effect } from "effect"
import { AddressLanes } from "./AddressLanes.ts"

/** By IP: two Services may name one that is not allocated yet. */
export const takingTurns = <A, E, R>(ips: ReadonlyArray<string>, effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(AddressLanes, ({ within }) =>
    // One order for all, so that nobody waits for somebody who waits for him.
    [...new Set(ips)].sort().reduceRight((inner, ip) => within(`turn ${ip}`)(inner), effect)
  )
