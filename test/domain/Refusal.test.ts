import { assert, describe, it } from "@effect/vitest"
import { refusalMessage } from "../../src/domain/Refusal.ts"

const refusal = { reason: "AddressUnusable", field: "spec.loadBalancerIP", cause: "no", remedy: "Name another" }

describe("a refusal", () => {
  it("is one text of field, cause and remedy", () => {
    assert.strictEqual(refusalMessage(refusal), "spec.loadBalancerIP: no. Name another")
  })
  it("has one full stop where CloudStack has set one", () => {
    assert.strictEqual(
      refusalMessage({ ...refusal, cause: "it is taken." }),
      "spec.loadBalancerIP: it is taken. Name another"
    )
  })
})
