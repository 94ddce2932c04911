/** One look at CloudStack for VMs that a list lacked. */
import { Effect, Option } from "effect"
import { Machines } from "../../cloudstack/Machines.ts"
import { Settings } from "../../config/Settings.ts"
import { Doubt, isGone, type Member, vouches, weigh, witnessIn } from "../../domain/Absence.ts"
import type { Machine, VmId } from "../../domain/Cloud.ts"
import { indexMachines, type MachineIndex } from "../../domain/NodeIdentity.ts"
import type { Node } from "../../kubernetes/objects.ts"
import { refuse } from "./explain.ts"
import { accessEpoch, clear, type Memory, monotonicNow } from "./Memory.ts"

/** A Node whose VM a list lacked, and the Nodes whose VMs can bear witness. */
export interface Case {
  readonly node: Node
  readonly vm: VmId
  readonly member: Member
  readonly siblings: ReadonlyArray<Member>
}

const currentEpoch = Effect.fnUntraced(function* (memory: Memory) {
  const settings = yield* Settings
  return accessEpoch(memory, yield* settings.current)
})

/** The VM first, the witness after it: whatever hides the one by then hides the other too. */
const lookUp = Effect.fnUntraced(function* (vm: VmId, witness: Machine) {
  const machines = yield* Machines
  const own = yield* machines.find(vm)
  if (!isGone(Option.getOrUndefined(own))) return Doubt.Contradicted({ vm })
  const vouched = vouches(witness, yield* machines.find(witness.id))
  return vouched ? undefined : Doubt.NoWitness({ owner: witness.owner })
})

const examine = Effect.fnUntraced(function* (suspect: Case, index: MachineIndex) {
  const witness = witnessIn(index, suspect.member, suspect.siblings)
  if (witness._tag === "Failure") return witness.failure
  return yield* lookUp(suspect.vm, witness.success).pipe(
    Effect.catchTag("CloudStackError", (error) => Effect.succeed(Doubt.Unclear({ error: error.message })))
  )
})

/** Looks for these VMs again, afresh. Returns the Nodes whose VMs are now proved to be gone. */
export const look = Effect.fn("nodeLifecycle.look")(function* (memory: Memory, suspects: ReadonlyArray<Case>) {
  const machines = yield* Machines
  const before = yield* currentEpoch(memory)
  const listed = yield* Effect.result(machines.list(0))
  if (listed._tag === "Failure") {
    const doubt = Doubt.Unclear({ error: listed.failure.message })
    yield* Effect.forEach(suspects, ({ node }) => refuse(memory, node, doubt), { discard: true })
    return []
  }
  const index = indexMachines(listed.success.machines)
  const confirmed: Array<Case> = []
  for (const suspect of suspects) {
    if (!isGone(index.byId.get(suspect.vm.toLowerCase()))) {
      clear(memory, suspect.node.uid)
      continue
    }
    const doubt = yield* examine(suspect, index)
    if (doubt === undefined) confirmed.push(suspect)
    else yield* refuse(memory, suspect.node, doubt)
  }
  const access = yield* currentEpoch(memory)
  if (access !== before) {
    yield* Effect.forEach(confirmed, ({ node }) => refuse(memory, node, Doubt.AccessChanged()), { discard: true })
    return []
  }
  const at = yield* monotonicNow
  return confirmed.filter(({ node }) => {
    const { suspicion, proved } = weigh(memory.suspicions.get(node.uid), { at, listedAt: listed.success.at, access })
    memory.suspicions.set(node.uid, suspicion)
    return proved
  })
})
