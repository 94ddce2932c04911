import { assert, describe, it } from "@effect/vitest"
import manifest from "../../package.json" with { type: "json" }
import { refusal } from "../../src/cli/oldNode.ts"

describe("the Node that runs the program", () => {
  const old = ["18.20.4", "20.19.0", "22.9.0", "22.18.9"]
  for (const version of old) {
    it(`must not be ${version}`, () => {
      assert.strictEqual(refusal(version), `cloudstack-ccm needs Node 22.19 or newer, this is v${version}`)
    })
  }

  for (const version of ["22.19.0", "22.20.1", "23.0.0", "24.1.0", "100.0.0"]) {
    it(`may be ${version}`, () => assert.isUndefined(refusal(version)))
  }

  it("is told by the manifest, in the one form that is read", () => {
    assert.match(manifest.engines.node, /^>=\d+\.\d+$/)
  })
})
