import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration } from "effect"
import { CloudStackError, LimitReached } from "../../../src/cloudstack/Api.ts"
import { reasonOf, syncFailed, updateFailed, willRetry } from "../../../src/controllers/service/failureTexts.ts"
import { WriteFailed } from "../../../src/controllers/service/publish.ts"
import { KubeError } from "../../../src/kubernetes/KubeError.ts"

const limit = (jobId: string) =>
  Cause.fail(
    new CloudStackError({
      command: "associateIpAddress",
      reason: new LimitReached({ code: 532, text: "no more" }),
      jobId
    })
  )

describe("what is told of a failure", () => {
  it("is upstream's text, the same for each job", () => {
    const told = ["j1", "j2"].map((job) => syncFailed(reasonOf(limit(job), "ensure")))
    const text =
      "Error syncing load balancer: failed to ensure load balancer: associateIpAddress: LimitReached 532: no more"
    assert.deepStrictEqual(told, [text, text])
    assert.include(reasonOf(limit("j1"), "delete"), "failed to delete load balancer: ")
  })

  it("of a write to Kubernetes is what was to be written", () => {
    const error = new KubeError({ operation: "patch services/status shop/web", status: 403, text: "forbidden" })
    const failed = Cause.fail(new WriteFailed({ purpose: "add load balancer cleanup finalizer", error }))
    assert.strictEqual(
      reasonOf(failed, "ensure"),
      "failed to add load balancer cleanup finalizer: patch services/status shop/web: 403 forbidden"
    )
  })

  it("of a change of nodes names 20 of them", () => {
    const names = Array.from({ length: 23 }, (_, index) => `n${index + 1}`)
    assert.strictEqual(
      updateFailed(limit("j1"), ["n2", "n1"]),
      "Error updating load balancer with new hosts [n1 n2] [node names limited, total number of nodes: 2], error: associateIpAddress: LimitReached 532: no more"
    )
    assert.match(
      updateFailed(limit("j1"), names),
      /hosts \[n1 n10 .* n9 <3 more>\] \[node names limited, total number of nodes: 23\]/
    )
  })

  it("in the log says when it is tried again", () => {
    const retryIn = Duration.seconds(15)
    assert.strictEqual(
      willRetry("shop/web", "x", { retryIn, counted: true }),
      "error processing service shop/web (retrying with exponential backoff): x"
    )
    assert.strictEqual(
      willRetry("shop/web", "x", { retryIn, counted: false }),
      "error processing service shop/web (retrying in 15s): x"
    )
  })
})
