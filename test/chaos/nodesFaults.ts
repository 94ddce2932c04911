/** What goes wrong between the controller and the truth about its VMs. */
import { Duration, Effect, Option } from "effect"
import {
  CloudStackError,
  Malformed,
  type Reason,
  ServerFault,
  Throttled,
  Unauthorised,
  Unavailable,
  Unreachable
} from "../../src/cloudstack/Api.ts"
import type { Machine } from "../../src/domain/Cloud.ts"
import { type Disturbance, failing, vmOf } from "../support/nodeCloud.ts"
import type { Dice } from "./nodesRandom.ts"

export interface Fault {
  readonly name: string
  readonly disturbance: Disturbance
  /** The controller's own configuration changed with it: other credentials, another project, another endpoint. */
  readonly settings: "unchanged" | "credentials" | "project" | "endpoint"
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

const failed = (reason: Reason) => new CloudStackError({ command: "listVirtualMachines", reason })
const none = Effect.succeed(Option.none<Machine>())

const answering = (list: ReadonlyArray<Machine>): Disturbance => ({
  list: () => Effect.succeed(list),
  find: (id) => Effect.succeed(Option.fromNullishOr(list.find((machine) => machine.id === id)))
})

/** The list is as given; a direct look-up tells the truth. */
const listing = (list: (truth: ReadonlyArray<Machine>) => ReadonlyArray<Machine>): Disturbance => ({
  list: (truth) => Effect.succeed(list(truth)),
  find: (_, truth) => Effect.succeed(truth)
})

/** Both answers show only some VMs. */
const showing = (shown: (machine: Machine) => boolean): Disturbance => ({
  list: (truth) => Effect.succeed(truth.filter(shown)),
  find: (_, truth) => Effect.succeed(Option.filter(truth, shown))
})

/** Some calls fail, the others tell the truth. */
const sometimes = (dice: Dice, share: number, reason: Reason): Disturbance => ({
  list: (truth) => (dice.chance(share) ? Effect.fail(failed(reason)) : Effect.succeed(truth)),
  find: (_, truth) => (dice.chance(share) ? Effect.fail(failed(reason)) : Effect.succeed(truth))
})

const strangers = (owner: string) => [vmOf("stranger-1", { owner }), vmOf("stranger-2", { owner, name: "node-1" })]

/** Faults that last. */
export const steadyMakers: readonly [
  (dice: Dice, scene: Scene) => Fault,
  ...Array<(dice: Dice, scene: Scene) => Fault>
] = [
  (dice) => ({
    name: "throttling",
    disturbance: sometimes(dice, dice.pick([0.3, 1]), new Throttled({ retryAfter: Duration.seconds(1) })),
    settings: "unchanged"
  }),
  (dice) => ({
    name: "5xx",
    disturbance: sometimes(
      dice,
      dice.pick([0.3, 1]),
      dice.pick<Reason>([
        new Unavailable({ status: 503, text: "busy" }),
        new ServerFault({ code: 530, text: "Internal error" }),
        new Unreachable({ sent: true, text: "socket hang up" }),
        new Malformed({ text: "not JSON" })
      ])
    ),
    settings: "unchanged"
  }),
  (dice) => ({
    name: "empty list",
    disturbance: {
      list: () => Effect.succeed([]),
      find: dice.chance(0.5) ? () => none : (_, truth) => Effect.succeed(truth)
    },
    settings: "unchanged"
  }),
  (dice) => ({
    name: "wrong account",
    disturbance: answering(strangers("other")),
    settings: dice.pick(["unchanged", "credentials"])
  }),
  (dice) => ({
    name: "only one owner visible",
    disturbance: showing((machine) => machine.owner === "acme"),
    settings: dice.pick(["unchanged", "credentials"])
  }),
  (dice) => ({
    name: "revoked key",
    disturbance: failing(failed(new Unauthorised({ text: "unable to verify user credentials" }))),
    settings: dice.pick(["unchanged", "credentials"])
  }),
  (dice) => {
    const hidden = new Set(dice.chance(0.5) ? [0] : Array.from({ length: 20 }, () => dice.below(40)))
    return {
      name: "partial pages",
      disturbance: listing((truth) => truth.filter((_, at) => !hidden.has(at))),
      settings: "unchanged"
    }
  },
  (_, scene) => ({ name: "stale list", disturbance: listing(() => scene.past), settings: "unchanged" }),
  (dice) => ({
    name: "project switched",
    disturbance: answering(strangers("project:p2")),
    settings: dice.pick(["unchanged", "project"])
  }),
  (dice) => ({
    name: "another installation, same account name",
    disturbance: answering(strangers(dice.pick(["acme", "project:p1"]))),
    settings: dice.pick(["unchanged", "endpoint"])
  }),
  (dice, { zones }) => {
    const zone = dice.pick(zones)
    return {
      name: "list of another zone",
      disturbance: listing((truth) => truth.filter((machine) => machine.zone === zone)),
      settings: "unchanged"
    }
  },
  (dice, { zones, guarded }) => {
    const zone = dice.pick(zones)
    const disturbance = showing((machine) => machine.zone === zone || !guarded(machine.owner, machine.zone))
    return { name: "answers for another zone", disturbance, settings: "unchanged" }
  },
  (dice) => {
    const hidden = dice.below(40)
    let turn = 0
    return {
      name: "servers that disagree",
      disturbance: listing((truth) => (turn++ % 2 === 0 ? truth : truth.filter((_, at) => at !== hidden))),
      settings: "unchanged"
    }
  }
]

/** For one period both answers lack one VM. Two in a row would be a longer fault that nobody can tell from the truth. */
const blink = (dice: Dice, { machines }: Scene): Fault => {
  const hidden = machines[dice.below(Math.max(1, machines.length))]?.id
  return { name: "blink", disturbance: showing(({ id }) => id !== hidden), settings: "unchanged" }
}

export const faultFrom = (dice: Dice, scene: Scene, before: Fault | undefined): Fault =>
  before?.name !== "blink" && dice.chance(0.1) ? blink(dice, scene) : dice.pick(steadyMakers)(dice, scene)

/** One fault for some calls, another for as many, and so on: trouble begins and ends in the middle of looks. */
export const alternating = (first: Disturbance, second: Disturbance, calls: number): Disturbance => {
  let made = 0
  const now = () => (Math.floor(made++ / calls) % 2 === 0 ? first : second)
  return { list: (truth) => now().list(truth), find: (id, truth) => now().find(id, truth) }
}
