/** Runs that were wrong once. The numbers of their calls move when the controller asks otherwise; the kinds stay. */
import { assert, describe, it } from "vitest"
import { type Case, nothing, play } from "./campaign.ts"
import type { FaultName } from "./faults.ts"

const both = "two Services on one address of ours"
const atOnce = "two Services at once on one address of ours, and the first one goes"

const once = (
  setting: string,
  scenario: string,
  ...faults: ReadonlyArray<readonly [at: number, name: FaultName]>
): Case => ({
  setting,
  scenario,
  faults: faults.map(([at, name]) => ({ at, name }))
})

const cases: ReadonlyArray<Case> = [
  once("slow", both, [18, "die, it arrives later"]),
  once("slow", both, [23, "outage 503"]),
  once("slow, narrow role", both, [23, "outage 503"]),
  once("VPC tier", both, [28, "outage 503"]),
  once("VPC tier", atOnce, [28, "outage 429"]),
  once("slow", atOnce, [56, "empty list"]),
  once("slow, narrow role", atOnce, [70, "empty list"]),
  once("VPC tier, narrow role", atOnce, [24, "die after answer"], [68, "outage 503"])
]

describe("service controller, in runs that were wrong once", () => {
  it.each(cases.map((one) => [JSON.stringify(one), one] as const))("%s", (_, one) => {
    assert.deepStrictEqual(play(nothing, one).wrong, [])
  })
})
