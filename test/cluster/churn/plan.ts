/** What users do to fifty Services, life after life of the controller, and what they want in the end. From a seed. */
import type { Dice } from "../../chaos/nodesRandom.ts"

export interface Wish {
  readonly balanced: boolean
  /** TCP. */
  readonly ports: ReadonlyArray<number>
  /** Besides, port 53 by UDP, which the virtual router can only forward. */
  readonly dns: boolean
  /** Empty: from anywhere. */
  readonly sources: ReadonlyArray<string>
  readonly proxied: boolean
}

export interface Action {
  readonly name: string
  readonly verb: "create" | "ports" | "sources" | "proxy" | "type" | "delete"
  /** As it is afterwards. */
  readonly wish: Wish
}

export interface Plan {
  readonly lives: ReadonlyArray<ReadonlyArray<Action>>
  /** Of those that are not deleted. */
  readonly wanted: ReadonlyMap<string, Wish>
}

const services = 50
const actionsPerLife = 14
/** From then on nothing new comes, so that the last lives have old things to change. */
const lastBirth = 0.75
const mostDeleted = 20

const some = <A>(dice: Dice, from: ReadonlyArray<A>, least: number): ReadonlyArray<A> => {
  const chosen = from.filter(() => dice.chance(0.4))
  return chosen.length >= least ? chosen : from.slice(0, least)
}

const anyPorts = (dice: Dice): Pick<Wish, "ports" | "dns"> => ({
  ports: some(dice, [80, 443, 8080, 8443, 9000], 1),
  dns: dice.chance(0.25)
})
const anySources = (dice: Dice) => some(dice, ["10.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.7/32"], 0)

const newborn = (dice: Dice): Wish => ({
  balanced: true,
  ...anyPorts(dice),
  sources: dice.chance(0.5) ? anySources(dice) : [],
  proxied: dice.chance(0.3)
})

const edited = (dice: Dice, wish: Wish): Pick<Action, "verb" | "wish"> => {
  const verb = dice.pick(["ports", "ports", "sources", "sources", "proxy", "type"] as const)
  switch (verb) {
    case "ports":
      return { verb, wish: { ...wish, ...anyPorts(dice) } }
    case "proxy":
      return { verb, wish: { ...wish, proxied: !wish.proxied } }
    case "sources":
      // The API server takes source ranges only for load balancers.
      if (wish.balanced) return { verb, wish: { ...wish, sources: anySources(dice) } }
      return { verb: "type", wish: { ...wish, balanced: true } }
    default:
      return { verb: "type", wish: { ...wish, balanced: !wish.balanced, sources: [] } }
  }
}

export const planOf = (dice: Dice, lives: number): Plan => {
  const wanted = new Map<string, Wish>()
  let born = 0
  let deleted = 0
  const next = (done: number): Action => {
    const due = Math.min(services, Math.ceil((services * done) / (lives * actionsPerLife * lastBirth)))
    if (born < due || wanted.size === 0) {
      const action: Action = { name: `web-${born++}`, verb: "create", wish: newborn(dice) }
      wanted.set(action.name, action.wish)
      return action
    }
    const name = [...wanted.keys()][dice.below(wanted.size)] ?? ""
    const wish = wanted.get(name) ?? newborn(dice)
    if (deleted < mostDeleted && dice.chance(0.1)) {
      deleted += 1
      wanted.delete(name)
      return { name, verb: "delete", wish }
    }
    const action = { name, ...edited(dice, wish) }
    wanted.set(name, action.wish)
    return action
  }
  const all = Array.from({ length: lives }, (_, life) =>
    Array.from({ length: actionsPerLife }, (_, index) => next(life * actionsPerLife + index + 1))
  )
  return { lives: all, wanted }
}
