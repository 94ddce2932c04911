/** What docs/simulator.md shows is taken, and its tables name what there is. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { boot } from "../../../src/cloudstack/memory/boot.ts"
import { Fault, FaultKind } from "../../../src/cloudstack/memory/faults.ts"
import { decodeWorld } from "../../../src/cloudstack/memory/World.ts"

const page = readFileSync(new URL("../../../docs/simulator.md", import.meta.url), "utf8")
const [worldText = "", faultsText = ""] = [...page.matchAll(/```json\n([^`]*)```/g)].map(([, text]) => text ?? "")

describe("the page about the simulator", () => {
  it.effect("shows a world that is taken", () =>
    Effect.gen(function* () {
      const { addresses, vms } = boot(yield* decodeWorld(worldText), 1, 0)
      assert.strictEqual(vms.size, 2)
      assert.strictEqual([...addresses.values()].filter(({ state }) => state === "Free").length, 5)
    })
  )

  it.effect("shows faults that are taken", () =>
    Effect.gen(function* () {
      const faults = yield* Schema.decodeEffect(Schema.fromJsonString(Schema.Array(Fault)))(faultsText)
      assert.lengthOf(faults, 3)
    })
  )

  it("names each kind of fault", () => {
    for (const kind of Object.keys(FaultKind.cases)) assert.include(page, `| \`${kind}\` |`)
  })
})
