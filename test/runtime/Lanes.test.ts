import { assert, describe, it } from "@effect/vitest"
import { makeLanes } from "../../src/runtime/Lanes.ts"

const drain = <K>(lanes: { readonly shift: () => { readonly key: K } | undefined }) => {
  const keys: Array<K> = []
  for (let next = lanes.shift(); next !== undefined; next = lanes.shift()) keys.push(next.key)
  return keys
}

describe("Lanes", () => {
  it("a key that has aged past a more urgent newcomer keeps its place when it becomes as urgent", () => {
    const lanes = makeLanes<string, "high" | "low">(["high", "low"], 100)
    lanes.push("old", "low", 0)
    lanes.push("new", "high", 150)
    lanes.push("old", "high", 150)
    assert.deepStrictEqual(lanes.depth("high"), { count: 2, oldest: 0 })
    assert.deepStrictEqual(drain(lanes), ["old", "new"])
  })

  it("a younger one moves up, behind those that were as urgent before", () => {
    const lanes = makeLanes<string, "high" | "low">(["high", "low"], 100)
    lanes.push("first", "high", 0)
    lanes.push("other", "low", 0)
    lanes.push("raised", "low", 0)
    lanes.push("raised", "high", 50)
    lanes.push("first", "low", 60)
    assert.deepStrictEqual(lanes.depth("low"), { count: 1, oldest: 0 })
    assert.deepStrictEqual(drain(lanes), ["first", "raised", "other"])
    assert.strictEqual(lanes.size(), 0)
  })

  it("refuses a priority it does not know", () => {
    assert.throws(() => makeLanes<string, string>(["high"], 100).push("a", "low", 0), /no such priority: low/)
  })
})
