import { assert, describe, it } from "@effect/vitest"
import { isEnabled } from "../../../src/cli/flags/controllers.ts"

describe("--controllers", () => {
  const cases: ReadonlyArray<readonly [entries: ReadonlyArray<string>, service: boolean, node: boolean]> = [
    [["*"], true, true],
    [[], false, false],
    [["service"], true, false],
    [["service-lb-controller"], true, false],
    [["cloud-node", "service"], true, true],
    [["*", "-service"], false, true],
    [["-service-lb-controller", "*"], false, true],
    [["-service"], false, false],
    [["service", "-service-lb-controller"], true, false],
    [["-service", "service", "*"], false, true],
    [["cloud-node-lifecycle"], false, false]
  ]
  for (const [entries, service, node] of cases) {
    it(`=${entries.join(",")}`, () => {
      assert.strictEqual(isEnabled("service-lb-controller", entries), service)
      assert.strictEqual(isEnabled("cloud-node-controller", entries), node)
    })
  }
})
