import { assert, describe, it } from "@effect/vitest"
import { nearest } from "../../src/config/nearest.ts"

describe("nearest", () => {
  const known = ["api-url", "api-key", "secret-key", "zone", "leader-elect", "leader-elect-retry-period"]
  const cases: ReadonlyArray<readonly [string, string | undefined]> = [
    ["api-ur", "api-url"],
    ["aip-url", "api-url"],
    ["apiurl", "api-url"],
    ["zones", "zone"],
    ["Zone", "zone"],
    ["leader-elected", "leader-elect"],
    ["leader-elect-retry-perod", "leader-elect-retry-period"],
    ["foo", undefined],
    ["", undefined]
  ]
  for (const [name, wanted] of cases) {
    it(`${name || "nothing"} → ${wanted}`, () => assert.strictEqual(nearest(name, known), wanted))
  }
})
