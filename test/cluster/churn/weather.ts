/** What breaks on the way to CloudStack, by the roll of a dice. */
import type { Dice } from "../../chaos/nodesRandom.ts"
import type { Choice, Fault } from "../Proxy.ts"

/**
 * One call in eleven fails: more, and three in a row would stop all changes for 15 s most of the time. Delays stay far
 * below what is left of a Lease when a change is sent, as they do on a network that works.
 */
export const weatherOf =
  (dice: Dice): Choice =>
  (): Fault | undefined => {
    const after = dice.chance(0.5)
    const roll = dice.next()
    if (roll < 0.05) return { _tag: "Cut", after }
    if (roll < 0.07) return { _tag: "Page", status: 500, after }
    if (roll < 0.09) return { _tag: "Page", status: 503, after }
    if (roll < 0.11) return { _tag: "Throttle", millis: 50 + dice.below(400) }
    if (roll < 0.25) return { _tag: "Delay", millis: dice.below(400), after }
    return undefined
  }
