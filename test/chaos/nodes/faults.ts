/** What goes wrong between the controller and the truth about its VMs, as long as nobody could be expected to see it. */
import { Duration } from "effect"
import {
  DeadlineExceeded,
  Malformed,
  type Reason,
  ServerFault,
  Throttled,
  Unauthorised,
  Unavailable,
  Unreachable
} from "../../../src/cloudstack/Api.ts"
import type { Machine } from "../../../src/domain/Cloud.ts"
import { vmOf } from "../../support/nodeCloud.ts"
import type { Dice } from "../nodesRandom.ts"
import { calm, type Disturbance, largestPage, type Question } from "./server.ts"

/** The controller's own configuration, which may change with the answers. */
export type Access = "unchanged" | "credentials" | "project" | "endpoint"

export interface Phase {
  readonly disturbance: Disturbance
  readonly access: Access
  /** Milliseconds. */
  readonly lasts: number
}

export interface Fault {
  /** One, or two that alternate. */
  readonly names: ReadonlyArray<string>
  readonly phases: readonly [Phase, ...Array<Phase>]
}

/** What the generator knows of the world when a fault begins. */
export interface Scene {
  /** Visible VMs as they were some time ago. */
  readonly past: ReadonlyArray<Machine>
  readonly machines: ReadonlyArray<Machine>
  readonly zones: readonly [string, ...Array<string>]
  /** Zones that can be hidden from both answers without deceiving anybody who knows their Ready Nodes. */
  readonly guarded: (owner: string, zone: string) => boolean
}

type Shows = Disturbance["shows"]
const isList = ({ id }: Question) => id === undefined

/** The list is as given; a direct look-up tells the truth. */
const listing = (list: (truth: ReadonlyArray<Machine>) => ReadonlyArray<Machine>): Disturbance => ({
  shows: (question, truth) => (isList(question) ? list(truth) : truth)
})
/** Both answers show only some VMs. */
const showing = (shown: (machine: Machine) => boolean): Disturbance => ({ shows: (_, truth) => truth.filter(shown) })
const answering = (list: ReadonlyArray<Machine>): Disturbance => ({ shows: () => list })
/** Some calls fail, the others tell the truth. */
const sometimes = (dice: Dice, share: number, reason: () => Reason): Disturbance => ({
  shows: calm.shows,
  fails: () => (dice.chance(share) ? reason() : undefined)
})
/** Another account's VMs, one of them of a Node's name, and without any id of ours. */
const strangers = (owner: string) => [vmOf("stranger-1", { owner }), vmOf("stranger-2", { owner, name: "node-1" })]

const troubles: readonly [() => Reason, ...Array<() => Reason>] = [
  () => new Unavailable({ status: 503, text: "busy" }),
  () => new ServerFault({ code: 530, text: "Internal error" }),
  () => new Unreachable({ sent: true, text: "socket hang up" }),
  () => new Malformed({ text: "not JSON" }),
  () => new DeadlineExceeded({ after: Duration.seconds(30) })
]

const partialPages = (dice: Dice, truth: ReadonlyArray<Machine>): Disturbance => {
  const last = Math.max(1, Math.ceil(truth.length / largestPage))
  const page = 1 + dice.below(last)
  const hidden = new Set(dice.chance(0.5) ? [dice.below(truth.length)] : truth.map(() => dice.below(truth.length)))
  const some: Shows = (question, all) => (isList(question) ? all.filter((_, at) => !hidden.has(at)) : all)
  const at = (question: Question) => isList(question) && question.page === page
  return dice.pick<Disturbance>([
    // The server's own count agrees with what it leaves out.
    { shows: some },
    // It counts what it does not show.
    {
      shows: calm.shows,
      mangles: (answer, question) => {
        const { virtualmachine: rows, ...rest } = answer
        if (!at(question) || !Array.isArray(rows)) return answer
        return dice.chance(0.5) ? rest : { ...rest, virtualmachine: rows.slice(1) }
      }
    },
    // One page of several fails.
    { shows: calm.shows, fails: (question) => (at(question) ? troubles[0]() : undefined) },
    // Pages overlap and leave gaps, because the order is another each time.
    { shows: (question, all) => (isList(question) && question.page % 2 === 0 ? all.toReversed() : all) },
    // The last pages are gone, and the count does not say so.
    { shows: (question, all) => (isList(question) ? all.slice(0, largestPage * Math.max(1, page - 1)) : all) }
  ])
}

interface Steady {
  readonly name: string
  readonly disturbance: Disturbance
  readonly access: Access
}
type Maker = (dice: Dice, scene: Scene) => Steady

/** Faults that last. */
const makers: readonly [Maker, ...Array<Maker>] = [
  (dice) => ({
    name: "throttling",
    disturbance: sometimes(dice, dice.pick([0.1, 0.3, 1]), () => new Throttled({ retryAfter: Duration.seconds(1) })),
    access: "unchanged"
  }),
  (dice) => ({
    name: "5xx",
    disturbance: sometimes(dice, dice.pick([0.1, 0.3, 1]), () => dice.pick(troubles)()),
    access: "unchanged"
  }),
  (dice) => ({
    name: "slow",
    disturbance: { shows: calm.shows, takes: () => dice.below(25_000) },
    access: "unchanged"
  }),
  (dice) => ({
    name: "empty list",
    disturbance: dice.chance(0.5) ? answering([]) : listing(() => []),
    access: dice.pick(["unchanged", "credentials"])
  }),
  (dice) => ({
    name: "wrong account",
    disturbance: answering(strangers("other")),
    access: dice.pick(["unchanged", "credentials"])
  }),
  (dice) => ({
    name: "only one owner visible",
    disturbance: showing((machine) => machine.owner === "acme"),
    access: dice.pick(["unchanged", "credentials"])
  }),
  (dice) => ({
    name: "revoked key",
    disturbance: sometimes(dice, 1, () => new Unauthorised({ text: "unable to verify user credentials" })),
    access: dice.pick(["unchanged", "credentials"])
  }),
  (dice, { machines }) => ({
    name: "partial pages",
    disturbance: partialPages(dice, machines),
    access: "unchanged"
  }),
  (_, { past }) => ({ name: "stale list", disturbance: listing(() => past), access: "unchanged" }),
  (_, { past }) => {
    const known = new Set(past.map(({ id }) => id))
    const disturbance: Disturbance = {
      shows: (_, truth) => [...past, ...truth.filter(({ id }) => !known.has(id))]
    }
    return { name: "stale server", disturbance, access: "unchanged" }
  },
  (dice) => ({
    name: "project switched",
    disturbance: answering(strangers("project:p2")),
    access: dice.pick(["unchanged", "project"])
  }),
  (dice) => ({
    name: "another installation, same account name",
    disturbance: answering(strangers(dice.pick(["acme", "project:p1"]))),
    access: dice.pick(["unchanged", "endpoint"])
  }),
  (dice, { zones }) => {
    const zone = dice.pick(zones)
    return {
      name: "list of another zone",
      disturbance: listing((truth) => truth.filter((machine) => machine.zone === zone)),
      access: "unchanged"
    }
  },
  (dice, { guarded, zones }) => {
    const zone = dice.pick(zones)
    const disturbance = showing((machine) => machine.zone === zone || !guarded(machine.owner, machine.zone))
    return { name: "answers for another zone", disturbance, access: "unchanged" }
  },
  (dice, { machines }) => {
    const hidden = dice.below(machines.length)
    let lacking = false
    const shows: Shows = (question, truth) => {
      // A list is read from one of them.
      if (isList(question) && question.page === 1) lacking = dice.chance(0.5)
      return isList(question) && lacking ? truth.filter((_, at) => at !== hidden) : truth
    }
    return { name: "servers that disagree", disturbance: { shows }, access: "unchanged" }
  },
  () => ({ name: "ids ignored", disturbance: { shows: calm.shows, ignoresId: true }, access: "unchanged" })
]

export const zoneFault = "answers for another zone"
/** Shorter than the two looks are apart: what hides a VM from both answers for longer can not be told from the truth. */
const blinkMillis = 9_900

const hiding = ({ machines }: Scene, dice: Dice): Disturbance => {
  const hidden = machines[dice.below(machines.length)]?.id
  return showing(({ id }) => id !== hidden)
}

/** Both answers lack one VM for a moment. */
const blink = (dice: Dice, scene: Scene): Fault => ({
  names: ["blink"],
  phases: [{ disturbance: hiding(scene, dice), access: "unchanged", lasts: 1 + dice.below(blinkMillis) }]
})

/** The same VM is hidden for a moment from the old key, and then for a moment from the new one. */
const handover = (dice: Dice, scene: Scene): Fault => {
  const disturbance = hiding(scene, dice)
  const access = dice.pick<Access>(["credentials", "project", "endpoint"])
  return {
    names: ["handover"],
    phases: [
      { disturbance, access: "unchanged", lasts: 5_000 + dice.below(blinkMillis - 5_000) },
      { disturbance, access, lasts: 5_000 + dice.below(blinkMillis - 5_000) }
    ]
  }
}

/** One fault for a while, another for a while, and so on. No look is so slow that it sees more than one change. */
const alternating = (names: ReadonlyArray<string>, first: Phase, second: Disturbance): Fault => {
  const half = Math.max(60_000, first.lasts / 2)
  return {
    names,
    phases: [
      { ...first, lasts: half },
      { ...first, disturbance: second, lasts: half },
      { ...first, lasts: half }
    ]
  }
}

/** Hides a VM from both answers. */
const isBrief = ({ names }: Fault): boolean => names.includes("blink") || names.includes("handover")

export const faultFrom = (dice: Dice, scene: Scene, before: Fault | undefined): Fault => {
  // Two moments in a row would be a longer one.
  if (before === undefined || !isBrief(before)) {
    if (dice.chance(0.12)) return blink(dice, scene)
    if (dice.chance(0.08)) return handover(dice, scene)
  }
  const { access, disturbance, name } = dice.pick(makers)(dice, scene)
  const phase: Phase = { disturbance, access, lasts: 5_000 * (1 + dice.below(40)) }
  if (name === "slow" || !dice.chance(0.3)) return { names: [name], phases: [phase] }
  const other = dice.pick(makers)(dice, scene)
  return alternating([name, other.name], phase, other.name === "slow" ? calm : other.disturbance)
}
