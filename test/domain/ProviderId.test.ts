import { assert, describe, it } from "@effect/vitest"
import { VmId } from "../../src/domain/Cloud.ts"
import { formatProviderId, ProviderId, parseProviderId } from "../../src/domain/ProviderId.ts"

const id = VmId.make("b2f0c9a4-6a0e-4f39-a0d4-0b0a6f7b0001")
const foreign = (value: string) => ProviderId.Foreign({ value })

describe("parseProviderId", () => {
  it.each([
    ["", ProviderId.None()],
    ["external-cloudstack", ProviderId.Legacy()],
    [`external-cloudstack://${id}`, ProviderId.Vm({ id })],
    [`external-cloudstack:///${id}`, ProviderId.Vm({ id })],
    [`cloudstack:///${id}`, ProviderId.Vm({ id })],
    [`cloudstack://${id}`, ProviderId.Vm({ id })],
    [`cloudstack://eu-1/${id}`, ProviderId.Vm({ id, region: "eu-1" })],
    ["cloudstack://", foreign("cloudstack://")],
    ["cloudstack:///", foreign("cloudstack:///")],
    [`cloudstack://a/b/${id}`, foreign(`cloudstack://a/b/${id}`)],
    ["cloudstack", foreign("cloudstack")],
    [`cloudstack:///${id}/`, foreign(`cloudstack:///${id}/`)],
    ["kind://docker/kind/worker", foreign("kind://docker/kind/worker")],
    ["rke2://node-1", foreign("rke2://node-1")],
    ["aws:///eu-1/i-0abc", foreign("aws:///eu-1/i-0abc")],
    [`xcloudstack://${id}`, foreign(`xcloudstack://${id}`)]
  ])("%s", (text, expected) => assert.deepStrictEqual(parseProviderId(text), expected))

  it.each(["external-cloudstack", "cloudstack"] as const)("reads back what it writes as %s", (format) =>
    assert.deepStrictEqual(parseProviderId(formatProviderId(format, id)), ProviderId.Vm({ id }))
  )

  it("writes the two forms the other providers write", () => {
    assert.strictEqual(formatProviderId("external-cloudstack", id), `external-cloudstack://${id}`)
    assert.strictEqual(formatProviderId("cloudstack", id), `cloudstack:///${id}`)
  })
})
