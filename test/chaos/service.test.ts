import { assert, describe, it } from "@effect/vitest"
import { faultless } from "./service/campaign.ts"

/** Faults are for `npm run chaos -- service`: what it still finds is listed in docs/decisions.md. */
describe("the scenarios of the chaos runs", () => {
  it("come to their end without trouble, and rest there", () => {
    assert.deepStrictEqual(faultless(), [])
  }, 240_000)
})
