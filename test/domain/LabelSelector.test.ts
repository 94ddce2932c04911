import { assert, describe, it } from "@effect/vitest"
import { matches, parseSelector } from "../../src/domain/LabelSelector.ts"

const labels = { pool: "edge", zone: "a", "example.org/tier": "1", empty: "", cores: "8" }
const selects = (text: string) => {
  const selector = parseSelector(text)
  return selector === undefined ? "no selector" : matches(selector, labels)
}

describe("label selectors", () => {
  it.each([
    ["pool=edge", true],
    ["pool==edge", true],
    ["pool = edge , zone=a", true],
    ["pool=core", false],
    ["pool!=core", true],
    ["missing!=core", true],
    ["pool!=edge", false],
    ["zone in (a, b)", true],
    ["zone in (b)", false],
    ["zone notin (b,c),pool=edge", true],
    ["missing notin (b)", true],
    ["missing in (b)", false],
    ["pool", true],
    ["missing", false],
    ["!missing", true],
    ["! pool", false],
    ["empty=", true],
    ["empty in (,x)", true],
    ["example.org/tier=1", true],
    ["cores>4", true],
    ["cores > 8", false],
    ["cores<9,cores>7", true],
    ["pool>1", false]
  ])("%s: %s", (text, expected) => assert.strictEqual(selects(text), expected))

  it.each([
    [""],
    [" "],
    [","],
    ["pool=" + "x".repeat(64)],
    ["a=b,"],
    ["in (a)x"],
    ["pool in a"],
    ["pool in (a"],
    ["-x=1"],
    ["x>y"],
    ["a=b c"],
    ["Example.org/x=1"]
  ])("%j is none", (text) => assert.isUndefined(parseSelector(text)))
})
