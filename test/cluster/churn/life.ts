/** One life of the controller: users act, it works, and is killed at a moment that the dice have chosen. */
import { Effect, Fiber } from "effect"
import type { Dice } from "../../chaos/nodesRandom.ts"
import type { Replica } from "../Cluster.ts"
import { eventually } from "../eventually.ts"
import type { Proxy, Stage } from "../Proxy.ts"
import { untilLeading } from "../replicas.ts"
import type { Action } from "./plan.ts"

/** After so many looks without a call, five a second, nothing more will come of its own. */
const quietLooks = 10

const untilQuiet = Effect.fnUntraced(function* ({ passages }: Proxy) {
  let seen = -1
  let looks = 0
  yield* eventually(
    Effect.sync(() => passages.length),
    (now) => {
      looks = now === seen ? looks + 1 : 0
      seen = now
      if (looks < quietLooks) throw new Error("it is at work")
    },
    "60 seconds"
  )
})

export interface Life<E> {
  readonly replica: Replica
  readonly proxy: Proxy
  readonly dice: Dice
  readonly actions: ReadonlyArray<Action>
  readonly act: (action: Action) => Effect.Effect<unknown, E>
}

/**
 * It dies in the middle of its so many-th exchange with CloudStack, or a little later, when it may be writing to the API
 * server; if it runs out of work before, then when it is idle. Half of what users do it finds when it starts to lead,
 * half comes while it works, or when it is dead already. Returns what killed it.
 */
export const liveAndDie = Effect.fnUntraced(function* <E>({ act, actions, dice, proxy, replica }: Life<E>) {
  const stage: Stage = dice.pick(["arrived", "done", "answered"] as const)
  const count = 1 + dice.below(120)
  const later = dice.chance(0.4) ? dice.below(250) : 0
  const kill = () => process.kill(replica.pid, "SIGKILL")
  const struck = yield* Effect.forkChild(
    proxy.strike({ count, matches: (passage) => passage.stage === stage }, () => {
      if (later === 0) kill()
      else setTimeout(kill, later)
    }),
    { startImmediately: true }
  )
  const half = Math.ceil(actions.length / 2)
  yield* Effect.forEach(actions.slice(0, half), act, { discard: true })
  const users = yield* Effect.forkChild(
    Effect.forEach(actions.slice(half), (action) => {
      const next = proxy.strike({ count: 3, matches: (passage) => passage.stage === "arrived" }, () => {})
      return Effect.andThen(Effect.raceFirst(next, Effect.asVoid(Fiber.await(struck))), act(action))
    })
  )
  const idle = Effect.andThen(untilLeading(replica), untilQuiet(proxy))
  const idled = yield* Effect.raceFirst(Effect.as(Fiber.join(struck), false), Effect.as(idle, true))
  if (idled) {
    yield* Fiber.interrupt(struck)
    kill()
  }
  yield* replica.exit
  yield* Fiber.join(users)
  return idled ? "idle" : `${stage} ${count}${later === 0 ? "" : ` + ${later} ms`}`
})
