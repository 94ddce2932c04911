import { assert, describe, it } from "@effect/vitest"
import { serverUrl } from "../../../src/kubernetes/live/serverUrl.ts"

/** As client-go's `DefaultServerURL` completes them without and with anything for TLS. */
const addresses: ReadonlyArray<readonly [text: string, plain: string | undefined, tls: string | undefined]> = [
  ["https://10.0.0.1:6443", "https://10.0.0.1:6443", "https://10.0.0.1:6443"],
  ["https://10.0.0.1:6443/", "https://10.0.0.1:6443", "https://10.0.0.1:6443"],
  ["http://10.0.0.1:8080/prefix/", "http://10.0.0.1:8080/prefix", "http://10.0.0.1:8080/prefix"],
  ["10.0.0.1:6443", "http://10.0.0.1:6443", "https://10.0.0.1:6443"],
  ["myhost:6443", "http://myhost:6443", "https://myhost:6443"],
  ["myhost:6443/", "http://myhost:6443", "https://myhost:6443"],
  ["myhost", "http://myhost", "https://myhost"],
  ["[fd00::1]:6443", "http://[fd00::1]:6443", "https://[fd00::1]:6443"],
  ["myhost:6443/prefix", undefined, undefined],
  ["https:10.0.0.1", undefined, undefined],
  ["ftp://myhost", undefined, undefined],
  ["https://", undefined, undefined],
  [":bad", undefined, undefined],
  ["myhost:99999", undefined, undefined],
  ["two words", undefined, undefined],
  ["", undefined, undefined]
]

describe("the address of an API server", () => {
  for (const [text, plain, tls] of addresses) {
    it(JSON.stringify(text), () => {
      assert.strictEqual(serverUrl(text, false), plain)
      assert.strictEqual(serverUrl(text, true), tls)
    })
  }
})
