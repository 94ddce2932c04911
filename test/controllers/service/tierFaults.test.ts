import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Fault, FaultKind } from "../../../src/cloudstack/memory/faults.ts"
import { Simulator } from "../../../src/cloudstack/memory/Simulator.ts"
import { kinds } from "../../support/networkKinds.ts"
import { difference, initial, linesOf, sorted, wanted } from "../../support/networkLines.ts"
import { everything, settle } from "../../support/strangers.ts"
import { applyNodes, applyService, bed, editService, removeService, started } from "../../support/testBed.ts"

/** Minutes, with the periodic resync among them. */
const wait = Effect.forEach(Array.from({ length: 800 }), () => TestClock.adjust("1 second"), { discard: true })

const kind = kinds.find(({ name }) => name === "VPC tier")

/** A life in which this command goes wrong in each of its stages: what CloudStack holds comes out right all the same. */
const livesThrough = Effect.fnUntraced(function* (command: string, fault: FaultKind) {
  if (kind === undefined) return yield* Effect.die("no VPC tier among the kinds")
  const strangers = yield* settle(kind)
  const before = yield* everything
  const strike = Effect.flatMap(Simulator, ({ inject }) =>
    inject([1, 3].map((occurrence): Fault => ({ account: "alice", command, occurrence, fault })))
  )
  yield* applyNodes(...initial.nodes)
  yield* started
  yield* strike
  yield* applyService()
  yield* wait
  assert.deepStrictEqual(difference(linesOf(yield* everything, strangers), wanted(initial, "acl")), [])

  yield* strike
  const sources = ["10.0.0.0/8", "192.0.2.0/24"]
  yield* editService({ spec: { loadBalancerSourceRanges: sources } })
  yield* wait
  const narrowed = { ...initial, sources }
  assert.deepStrictEqual(difference(linesOf(yield* everything, strangers), wanted(narrowed, "acl")), [])

  yield* strike
  yield* removeService()
  yield* wait
  assert.strictEqual(sorted(yield* everything), sorted(before))
})

const masked: FaultKind = { _tag: "error", code: 530, text: "Command failed due to Internal Server Error" }
const faults: ReadonlyArray<readonly [string, FaultKind]> = [
  ["fails inside the server", masked],
  ["loses its answer", { _tag: "loseAnswer" }],
  ["does not arrive", { _tag: "refuseConnection" }]
]
const jobFaults: ReadonlyArray<readonly [string, FaultKind]> = [
  ["has a job that fails", { _tag: "failJob", code: 530, text: "Failed", result: true }],
  ["has a job that never ends", { _tag: "stuckJob" }]
]
const listFaults: ReadonlyArray<readonly [string, FaultKind]> = [["is late", { _tag: "staleList", millis: 5_000 }]]

const cases = [
  ...["createNetworkACL", "updateNetworkACLItem", "deleteNetworkACL"].map(
    (command) => [command, [...faults, ...jobFaults]] as const
  ),
  ...["associateIpAddress", "createLoadBalancerRule", "updateLoadBalancerRule", "disassociateIpAddress"].map(
    (command) => [command, faults] as const
  ),
  ["listNetworkACLs", [...faults, ...listFaults]] as const,
  ...["listNetworkACLLists", "listCapabilities"].map((command) => [command, faults] as const)
]

describe("a VPC tier, when", () => {
  for (const [command, all] of cases) {
    for (const [what, fault] of all) {
      it.effect(`${command} ${what}`, () =>
        livesThrough(command, fault).pipe(Effect.scoped, Effect.provide(bed(kind?.options)))
      )
    }
  }
})
