import { assert, describe, it } from "@effect/vitest"
import { double, faultless, nothing, play, single, type Totals } from "./service/campaign.ts"

/**
 * Other faults every day; CHAOS_SEED repeats a failure, whose message is a case for `npm run chaos -- service --case`.
 * That program's full runs are in bench/RESULTS.md.
 */
const seed = Number(process.env["CHAOS_SEED"] ?? Math.floor(Date.now() / 86_400_000) * 10_000)
const runs = 1_200

const playAll = (caseOf: typeof double): Totals => {
  let totals = nothing
  for (let next = seed; next < seed + runs; next++) totals = play(totals, caseOf(next))
  return totals
}

describe(`the service controller (seed ${seed})`, () => {
  it("comes to each scenario's end without trouble, and rests there", () => {
    assert.deepStrictEqual(faultless(), [])
  }, 240_000)

  it("comes to the same end with one thing going wrong at any call", () => {
    assert.deepStrictEqual(playAll(single).wrong, [])
  }, 600_000)

  it("and with two", () => {
    assert.deepStrictEqual(playAll(double).wrong, [])
  }, 600_000)
})
