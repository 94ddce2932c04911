import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { type Environment, environmentProxy } from "../../src/wire/proxies.ts"

const expected = "expected an http, https or socks5 URL, such as http://10.0.0.1:3128"
const found = (server: string, env: Environment) => Result.getOrThrow(environmentProxy(server, env))

describe("the proxy that the environment names", () => {
  it.each([
    ["https://10.0.0.1", { https_proxy: "http://proxy:3128" }, "http://proxy:3128/"],
    ["https://10.0.0.1", { HTTPS_PROXY: "http://proxy:3128" }, "http://proxy:3128/"],
    ["https://10.0.0.1", { https_proxy: "", HTTPS_PROXY: "http://proxy:3128" }, "http://proxy:3128/"],
    ["http://10.0.0.1", { http_proxy: "http://proxy:3128" }, "http://proxy:3128/"],
    ["https://10.0.0.1", { http_proxy: "http://proxy:3128" }, undefined],
    ["http://10.0.0.1", { https_proxy: "http://proxy:3128" }, undefined],
    ["https://10.0.0.1", {}, undefined],
    ["https://10.0.0.1", { https_proxy: "proxy:3128" }, "http://proxy:3128/"],
    ["https://10.0.0.1", { https_proxy: "10.0.0.9:3128" }, "http://10.0.0.9:3128/"],
    ["https://10.0.0.1", { https_proxy: "[fd00::9]:3128" }, "http://[fd00::9]:3128/"],
    ["https://10.0.0.1", { https_proxy: "proxy" }, "http://proxy/"],
    ["https://10.0.0.1", { https_proxy: "me:word@proxy:3128" }, "http://me:word@proxy:3128/"]
  ] as const)("to %s in %o", (server, env, proxy) => {
    assert.strictEqual(found(server, env), proxy)
  })

  it.each(["ftp://me:s3cret@proxy", "http://", "me s3cret", "http://me:s3cret%@proxy"])("cannot be %s", (text) => {
    assert.deepStrictEqual(
      environmentProxy("https://10.0.0.1", { HTTPS_PROXY: text }),
      Result.fail(`HTTPS_PROXY: ${expected}`)
    )
  })

  it.each([
    ["https://10.96.0.1", "localhost,10.96.0.0/12,.svc", true],
    ["https://10.96.0.1:443", "10.96.0.0/16", true],
    ["https://10.112.0.1", "10.96.0.0/12", false],
    ["https://[fd00:10:96::1]", "fd00:10:96::/112", true],
    ["https://[fd00:10:97::1]", "fd00:10:96::/112", false],
    ["https://[fd00::1]", "10.0.0.0/8", false],
    ["https://cloud.example.org", "0.0.0.0/0", false],
    ["https://10.0.0.1", "10.0.0.0/x,10.0.0.0/33,/8,/", false],
    ["https://10.0.0.1", "10.0.0.1", true],
    ["https://10.0.0.1:6443", "10.0.0.1:6443", true],
    ["https://10.0.0.1:6443", "10.0.0.1:443", false],
    ["https://[fd00::1]", "fd00:0::1", true],
    ["https://[fd00::1]:6443", "[fd00::1]:6443", true],
    ["https://[fd00::1]:6443", "[fd00::1]:443", false],
    ["https://cloud.example.org", "example.org", true],
    ["https://cloud.example.org", ".Example.org", true],
    ["https://cloud.example.org.", "*.example.org", true],
    ["https://example.org", "*.example.org", false],
    ["https://badexample.org", "example.org", false],
    ["https://cloud.example.org", "example.org:443", true],
    ["https://cloud.example.org", "example.org:8443", false],
    ["https://cloud.example.org", "other, *", true],
    ["https://cloud.example.org", "", false],
    ["https://localhost:6443", "", true],
    ["https://127.8.0.1", "", true],
    ["https://[::1]:6443", "", true]
  ] as const)("to %s is passed by with no_proxy %s: %s", (server, exempt, direct) => {
    const env = { https_proxy: "http://proxy:3128" }
    for (const no of [{ no_proxy: exempt }, { NO_PROXY: exempt }]) {
      assert.strictEqual(found(server, { ...env, ...no }), direct ? undefined : "http://proxy:3128/")
    }
  })
})
