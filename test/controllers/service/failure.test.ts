import { assert, describe, it } from "@effect/vitest"
import { CloudStackError, Refused, ServerFault } from "../../../src/cloudstack/Api.ts"
import { StepFailed } from "../../../src/controllers/service/apply.ts"
import { mostLooks, nextOf } from "../../../src/controllers/service/failure.ts"

const failed = (port: number, meaning: StepFailed["meaning"]) =>
  new StepFailed({
    step: `add 1 member(s) to the rule of port ${port}`,
    meaning,
    error: new CloudStackError({
      command: "assignToLoadBalancerRule",
      reason: meaning === "refuse" ? new Refused({ code: 431, text: "no" }) : new ServerFault({ code: 530, text: "x" }),
      jobId: `job ${port}`
    })
  })

describe("how failures of a run go on", () => {
  it.each(["refuse", "look", "fail"] as const)("is told the same whichever of two is first (%s)", (meaning) => {
    const [a, b] = [failed(80, meaning), failed(443, meaning)]
    assert.deepStrictEqual(nextOf([a, b], mostLooks), nextOf([b, a], mostLooks))
  })

  it("is another look, a few times", () => {
    assert.strictEqual(nextOf([failed(80, "look")], 1)._tag, "LookAgain")
    assert.strictEqual(nextOf([failed(80, "look")], mostLooks)._tag, "Failed")
    assert.strictEqual(nextOf([], 1)._tag, "Done")
  })
})
