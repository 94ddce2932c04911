import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { pages } from "../../scripts/docs.ts"

describe("generated reference", () => {
  for (const [name, page] of Object.entries(pages)) {
    it(`${name} is what node scripts/docs.ts writes`, () => {
      const committed = readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), "utf8")
      assert.strictEqual(committed, page())
    })
  }
})
