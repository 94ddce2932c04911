/** What kubelets and people do while everything else goes wrong: each scenario is a list of actions, as data. */
import { narrowRole, worldOf } from "../../support/testBed.ts"

export type Action =
  /** A kubelet registers its Node, as new. */
  | { readonly _tag: "Register"; readonly node: string }
  | { readonly _tag: "Ready"; readonly node: string; readonly status: "True" | "False" | "Unknown" }
  /** Somebody's command to CloudStack about the VM of this name. */
  | { readonly _tag: "Cloud"; readonly command: string; readonly vm: string; readonly more?: Record<string, string> }
  /** The VM gets another address. */
  | { readonly _tag: "Address"; readonly vm: string }
  /** A merge patch by a user. */
  | { readonly _tag: "Edit"; readonly node: string; readonly patch: unknown }

export interface Scenario {
  readonly name: string
  /** Actions, and the seconds that pass after each. */
  readonly steps: ReadonlyArray<readonly [Action, seconds: number]>
  /** A write that fails waits for the next refresh, as upstream has it. */
  readonly waitsForRefresh?: true
}

const register = (node: string): Action => ({ _tag: "Register", node })
const ready = (node: string, status: "True" | "False" | "Unknown"): Action => ({ _tag: "Ready", node, status })
const cloud = (command: string, vm: string, more?: Record<string, string>): Action =>
  more === undefined ? { _tag: "Cloud", command, vm } : { _tag: "Cloud", command, vm, more }
const expunge = (vm: string) => cloud("destroyVirtualMachine", vm, { expunge: "true" })

/** Initialised from the start. */
export const settledNodes = ["n1", "n2", "n3"]
export const refreshSeconds = 60

export const scenarios: ReadonlyArray<Scenario> = [
  { name: "nothing happens", steps: [] },
  { name: "a Node registers", steps: [[register("n4"), 5]] },
  {
    name: "three Nodes register one after the other",
    steps: [
      [register("n4"), 0.2],
      [register("n5"), 0.2],
      [register("n6"), 5]
    ]
  },
  { name: "an address changes", steps: [[{ _tag: "Address", vm: "n1" }, 5]], waitsForRefresh: true },
  {
    name: "a newer label is edited",
    steps: [
      [{ _tag: "Edit", node: "n1", patch: { metadata: { labels: { "topology.kubernetes.io/zone": "mine" } } } }, 5]
    ]
  },
  {
    name: "a VM is stopped",
    steps: [
      [cloud("stopVirtualMachine", "n1"), 1],
      [ready("n1", "Unknown"), 20]
    ]
  },
  {
    name: "a VM is stopped and started",
    steps: [
      [cloud("stopVirtualMachine", "n1"), 1],
      [ready("n1", "Unknown"), 20],
      [cloud("startVirtualMachine", "n1"), 1],
      [ready("n1", "True"), 10]
    ]
  },
  {
    name: "a VM is expunged",
    steps: [
      [expunge("n1"), 1],
      [ready("n1", "Unknown"), 20]
    ]
  },
  {
    name: "two VMs are expunged",
    steps: [
      [expunge("n1"), 1],
      [expunge("n2"), 1],
      [ready("n1", "Unknown"), 1],
      [ready("n2", "False"), 20]
    ]
  },
  {
    name: "a VM is stopped, and expunged later",
    steps: [
      [cloud("stopVirtualMachine", "n1"), 1],
      [ready("n1", "Unknown"), 150],
      [expunge("n1"), 30]
    ]
  },
  {
    name: "a Node registers while another goes",
    steps: [
      [expunge("n2"), 1],
      [ready("n2", "Unknown"), 3],
      [register("n4"), 20]
    ]
  }
]

export const world = { ...worldOf({ nodes: 6, allow: narrowRole }), settings: { jobMillis: 250 } }
