/** Which VM a Node runs on: exactly one, or a reason why nobody may say. */
import { Data } from "effect"
import type { Machine } from "./Cloud.ts"
import { ProviderId, parseProviderId } from "./ProviderId.ts"

/**
 * `Foreign`: another cloud's Node, not ours to judge. `Missing`: not among these machines, which alone proves nothing.
 * `Ambiguous`: several live VMs bear the name; whoever picked one would give a Node the identity of another.
 */
export type Resolution = Data.TaggedEnum<{
  Found: { readonly machine: Machine }
  Foreign: object
  Missing: object
  Ambiguous: { readonly machines: ReadonlyArray<Machine> }
}>
export const Resolution = Data.taggedEnum<Resolution>()

/** Machines by id and by lower-case name, built once per list. */
export interface MachineIndex {
  readonly byId: ReadonlyMap<string, Machine>
  /** Live machines only, as a destroyed twin has lost its name, and of the zone that the config names. */
  readonly byName: ReadonlyMap<string, ReadonlyArray<Machine>>
}

const goneStates: ReadonlySet<string> = new Set(["Destroyed", "Expunging"])
const lifelessStates: ReadonlySet<string> = new Set([...goneStates, "Error"])
const offStates: ReadonlySet<string> = new Set(["Stopping", "Stopped", "Shutdown", "Error"])

/** The VM is destroyed. Only admins see such VMs at all; for everybody else they are absent from every answer. */
export const isDestroyed = (machine: Machine): boolean => goneStates.has(machine.state)

/**
 * The VM bears its name: it runs, or may run again (Running, Starting, Stopping, Stopped, Migrating, Shutdown,
 * Restoring, Unknown and whatever later versions add). `Error` is a deployment that failed and never became a guest.
 */
export const isLive = (machine: Machine): boolean => !lifelessStates.has(machine.state)

/**
 * The VM may be member of a load balancer rule. A stopped VM may: taking it out and in again would push the router twice
 * for each reboot, and the router's own check skips it meanwhile. CloudStack hides `Unknown` VMs from a rule's members,
 * so that asking for them would never come to rest.
 */
export const canServe = (machine: Machine): boolean => isLive(machine) && machine.state !== "Unknown"

/** The VM is off, on its way there, or broken: its Node gets the shutdown taint, so that volumes may move on. */
export const isShutDown = (machine: Machine): boolean => offStates.has(machine.state)

export const indexMachines = (machines: Iterable<Machine>): MachineIndex => {
  const byId = new Map<string, Machine>()
  // Pages may overlap when VMs come and go between them: the later sight of a VM counts, and only once.
  for (const machine of machines) byId.set(machine.id.toLowerCase(), machine)
  const byName = new Map<string, Array<Machine>>()
  for (const machine of byId.values()) {
    if (!isLive(machine) || machine.elsewhere === true) continue
    const name = machine.name.toLowerCase()
    const twins = byName.get(name)
    if (twins === undefined) byName.set(name, [machine])
    else twins.push(machine)
  }
  return { byId, byName }
}

/**
 * By the id in the providerID, and then never by name; without one (or with the legacy literal) by the whole name in
 * any case, and for a Node named by its FQDN by the part before the first dot. Found by id, a VM is returned in any
 * state: callers look at it.
 */
export const resolveMachine = (
  node: { readonly name: string; readonly providerID: string },
  index: MachineIndex
): Resolution =>
  ProviderId.$match(parseProviderId(node.providerID), {
    Foreign: () => Resolution.Foreign(),
    Vm: ({ id }) => {
      const machine = index.byId.get(id.toLowerCase())
      return machine === undefined ? Resolution.Missing() : Resolution.Found({ machine })
    },
    Legacy: () => byName(node.name, index),
    None: () => byName(node.name, index)
  })

const byName = (nodeName: string, index: MachineIndex): Resolution => {
  const name = nodeName.toLowerCase()
  const [short = name] = name.split(".", 1)
  const candidates = index.byName.get(name) ?? index.byName.get(short) ?? []
  const [machine, ...others] = candidates
  if (machine === undefined) return Resolution.Missing()
  return others.length > 0 ? Resolution.Ambiguous({ machines: candidates }) : Resolution.Found({ machine })
}
