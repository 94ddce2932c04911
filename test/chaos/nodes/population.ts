/** The VMs of a generated cluster, their kubelets, and what becomes of both from period to period. */
import { Effect } from "effect"
import { confirmAnnotation } from "../../../src/controllers/nodeLifecycle/sight.ts"
import type { Machine } from "../../../src/domain/Cloud.ts"
import { encodeSeenVm } from "../../../src/domain/SeenVm.ts"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { type NodeCloud, registerNode, setReady, vmOf } from "../../support/nodeCloud.ts"
import type { Dice } from "../nodesRandom.ts"

/** Whether and how a Node can be told to be its VM; only `proper` ones may ever be deleted. */
export type Kind = "proper" | "legacy" | "nameless" | "foreign" | "invisible"

export interface Soul {
  readonly name: string
  readonly vm: string
  readonly owner: string
  readonly kind: Kind
  /** Periods for which the kubelet stays silent although the VM runs. */
  silent: number
  /** Periods until the Node is not Ready after its VM went. */
  lag: number
  /** Since when the VM is destroyed or expunged. */
  deadSince: number | undefined
}

/** Somebody's own taint, which has to stay. */
export const ownTaint = { key: "mine", effect: "NoSchedule" }
const kinds = ["legacy", "nameless", "foreign", "invisible"] as const

export interface PopulationOptions {
  readonly dice: Dice
  readonly cloud: NodeCloud
  readonly zones: readonly [string, ...Array<string>]
  readonly owners: readonly [string, ...Array<string>]
  readonly real: () => number
  /** `Ready` of the Nodes there are, by name. */
  readonly readiness: ReadonlyMap<string, string>
}

export const makePopulation = ({ cloud, dice, owners, readiness, real, zones }: PopulationOptions) => {
  const souls: Array<Soul> = []
  let born = 0

  // What else the account has, in no cluster.
  for (const name of ["database", "bastion"]) {
    cloud.put(vmOf(`vm-${name}`, { name, zone: dice.pick(zones), owner: dice.pick(owners) }))
  }

  const join = Effect.fnUntraced(function* () {
    const name = `node-${++born}`
    const vm = `vm-${born}`
    const kind = dice.chance(0.85) ? "proper" : dice.pick(kinds)
    const machine = vmOf(vm, { name, zone: dice.pick(zones), owner: dice.pick(owners) })
    if (kind !== "invisible" && kind !== "foreign") cloud.put(machine)
    const providerID = {
      proper: dice.pick([`cloudstack:///${vm}`, `external-cloudstack://${vm}`]),
      invisible: `cloudstack:///${vm}`,
      legacy: "external-cloudstack",
      foreign: `kind://docker/${name}`
    }
    yield* registerNode(name, {
      ...(kind === "nameless" ? {} : { providerID: providerID[kind] }),
      taints: [ownTaint],
      annotations: kind === "proper" && dice.chance(0.8) ? { "cloudstack-ccm/seen-vm": encodeSeenVm(machine) } : {}
    })
    souls.push({ name, vm, owner: machine.owner, kind, silent: 0, lag: 0, deadSince: undefined })
  })

  const die = (soul: Soul, lag: number) => {
    soul.deadSince = real()
    soul.lag = lag
    if (dice.chance(0.5)) cloud.expunge(soul.vm)
    else cloud.become(soul.vm, "Destroyed")
  }

  const befall = (soul: Soul, machine: Machine) => {
    if (machine.state === "Running" && dice.chance(0.0015)) die(soul, dice.below(12))
    else if (machine.state === "Running" && dice.chance(0.002)) {
      cloud.become(soul.vm, dice.pick(["Stopped", "Stopping", "Shutdown", "Error"]))
    } else if (machine.state === "Running" && dice.chance(0.001))
      cloud.become(soul.vm, dice.pick(["Migrating", "Unknown"]))
    else if (machine.state === "Destroyed" && dice.chance(0.001)) {
      cloud.become(soul.vm, "Running")
      soul.deadSince = undefined
    } else if (machine.state !== "Running" && machine.state !== "Destroyed" && dice.chance(0.05)) {
      cloud.become(soul.vm, "Running")
    }
  }

  const runs = (soul: Soul) => {
    const state = cloud.vms.get(soul.vm)?.state
    return soul.deadSince === undefined && (state === undefined || state === "Running" || state === "Migrating")
  }

  /** What the kubelet says of itself now; that of a VM that was recovered registers again. */
  const report = Effect.fnUntraced(function* (soul: Soul) {
    const reports = soul.deadSince === undefined ? runs(soul) && soul.silent === 0 : soul.lag > 0
    const before = readiness.get(soul.name)
    if (before === undefined) {
      if (!reports || soul.deadSince !== undefined || soul.kind !== "proper") return
      yield* registerNode(soul.name, { providerID: `cloudstack:///${soul.vm}`, taints: [ownTaint] })
    } else if ((before === "True") !== reports) {
      yield* setReady(soul.name, reports ? "True" : dice.pick(["Unknown", "Unknown", "False"]))
    }
  })

  const confirm = (name: string) =>
    Effect.flatMap(KubeMemory, (kube) =>
      kube.edit("nodes", name, { metadata: { annotations: { [confirmAnnotation]: "true" } } })
    )

  /** What a period brings. */
  const happen = Effect.fnUntraced(function* () {
    for (const soul of [...souls]) {
      const machine = cloud.vms.get(soul.vm)
      if (machine !== undefined) befall(soul, machine)
      if (soul.silent === 0 && dice.chance(0.008)) soul.silent = 1 + dice.below(120)
      if (soul.silent > 0) soul.silent--
      if (soul.deadSince !== undefined && soul.lag > 0) soul.lag--
      yield* report(soul)
    }
    if (readiness.size < 14 && dice.chance(0.004)) yield* join()
    // Somebody is tired of waiting, rightly or not.
    const [name] = [...readiness.keys()].slice(dice.below(readiness.size))
    if (name !== undefined && dice.chance(0.002)) yield* confirm(name)
  })

  /** A period in which nobody dies and no kubelet is silent. */
  const settle = Effect.fnUntraced(function* () {
    for (const soul of souls) {
      soul.silent = 0
      if (soul.deadSince !== undefined && soul.lag > 0) soul.lag--
      yield* report(soul)
    }
  })

  /** A kubelet that was silent reports at just this moment. */
  const speak = Effect.fnUntraced(function* () {
    const silent = souls.filter(
      (soul) => soul.silent > 0 && runs(soul) && (readiness.get(soul.name) ?? "True") !== "True"
    )
    const soul = silent[dice.below(silent.length)]
    if (soul === undefined) return
    soul.silent = 0
    yield* setReady(soul.name, "True")
  })

  /** A VM that was destroyed is recovered and its kubelet reports, at just this moment. */
  const returns = Effect.fnUntraced(function* (name: string) {
    const soul = souls.find((each) => each.name === name)
    if (soul === undefined || cloud.vms.get(soul.vm)?.state !== "Destroyed" || !readiness.has(name)) return
    cloud.become(soul.vm, "Running")
    soul.deadSince = undefined
    soul.silent = 0
    yield* setReady(name, "True")
  })

  return { souls, join, die, happen, returns, settle, speak }
}
export type Population = ReturnType<typeof makePopulation>
