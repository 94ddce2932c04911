import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import { signatureOf, signedForm } from "../../../src/cloudstack/live/Signature.ts"
import { apiKey, settingsOf } from "../settings.ts"

const secret = Redacted.make("TESTSECRET")

describe("signatureOf", () => {
  it("agrees with the server on a plain call", () => {
    assert.strictEqual(
      signatureOf({ apikey: apiKey, command: "listZones", response: "json" }, secret),
      "zEecbv9MifYeph5FSIbnRmLxxcA="
    )
  })

  it("agrees with the server on maps, blanks and characters that encoders disagree about", () => {
    // The server lower-cases the whole text after sorting; `apikey` sorts here where `apiKey` does.
    const parameters = {
      apiKey,
      command: "createTags",
      response: "json",
      signatureversion: "3",
      expires: "2030-01-02T03:04:05+0000",
      resourcetype: "LoadBalancer",
      resourceids: "8d0e6d5c-0000-4000-8000-000000000001",
      "tags[0].key": "k8s.io/cluster name",
      "tags[0].value": "a+b*c~d (e) 'f' !é"
    }
    assert.strictEqual(signatureOf(parameters, secret), "AL3G6Sg4xIx79BGEoK3GcJivZVo=")
  })
})

describe("signedForm", () => {
  it("carries what was signed, in version 3 with an expiry", () => {
    const { credentials } = settingsOf()
    const form = new URLSearchParams(
      signedForm("createTags", { "tags[0].value": "a+b~c é&=" }, credentials, Date.parse("2026-11-22T10:00:00.999Z"))
    )
    const { signature, ...rest } = Object.fromEntries(form)
    assert.deepStrictEqual(rest, {
      "tags[0].value": "a+b~c é&=",
      command: "createTags",
      response: "json",
      apikey: apiKey,
      signatureversion: "3",
      expires: "2026-11-22T10:08:00Z"
    })
    assert.strictEqual(signature, signatureOf(rest, credentials.secretKey))
  })
})
