import { assert, describe, it } from "@effect/vitest"
import { calmRun, nothing, play, scenarioOf, singles } from "./nodeCrashes/campaign.ts"

/** Others every day; a failure's message is the case that repeats it. */
const share = 23
const day = Number(process.env["CHAOS_SEED"] ?? Math.floor(Date.now() / 86_400_000)) % share

describe("node controllers stopped and disturbed at their calls", () => {
  it("say nothing of a limit that they do not know to be used up: the API server has gone away with its answer", () => {
    const scenario = "a VM is expunged"
    const deletion = calmRun(scenarioOf(scenario)).calls.findIndex(({ what }) => what.startsWith("delete nodes"))
    assert.isAtLeast(deletion, 0)
    const { wrong } = play(nothing, { scenario, faults: [{ at: deletion + 1, name: "kube: down" }] })
    assert.deepStrictEqual(wrong, [])
  })

  it(`come to the end of the calm run (every ${share}th case, from ${day} on)`, () => {
    let totals = nothing
    let index = 0
    for (const one of singles()) if (index++ % share === day) totals = play(totals, one)
    assert.deepStrictEqual(totals.wrong, [])
    assert.isAbove(totals.runs, 100)
    assert.isAbove(totals.lives, totals.runs)
  }, 240_000)
})
