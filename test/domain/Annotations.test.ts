import { assert, describe, it } from "@effect/vitest"
import { decodeAnnotations, prefix } from "../../src/domain/Annotations.ts"

const ports = [
  { port: 80, name: "http" },
  { port: 443, name: "https" }
]
const decode = (annotations: Readonly<Record<string, string>>) =>
  decodeAnnotations(
    Object.fromEntries(Object.entries(annotations).map(([suffix, text]) => [prefix + suffix, text])),
    ports
  )
const proxied = (text: string) => {
  const setting = decode({ "proxy-protocol": text }).proxyProtocol
  return setting._tag === "Given" ? [...setting.value] : setting._tag
}

describe("decodeAnnotations", () => {
  it.each(["true", "True", "TRUE", "enabled", "Enabled", "yes", "on", "1", " true "])(
    "proxy-protocol %j is on",
    (text) => assert.deepStrictEqual(proxied(text), [80, 443])
  )
  it.each(["false", "disabled", "No", "OFF", "0"])("proxy-protocol %j is off", (text) =>
    assert.deepStrictEqual(proxied(text), [])
  )
  it.each([
    ["443", [443]],
    ["https", [443]],
    ["http, 443", [80, 443]],
    ["443,http,https", [443, 80]],
    ["80,\n443\n", [80, 443]]
  ])("proxy-protocol %j names ports", (text, expected) => assert.deepStrictEqual(proxied(text), expected))
  it.each(["maybe", "8080", "http,nope", "", ","])("proxy-protocol %j is invalid, not off", (text) =>
    assert.strictEqual(proxied(text), "Invalid")
  )

  it("names annotation, value and what is allowed", () => {
    const { algorithm } = decode({ algorithm: "fastest" })
    assert(algorithm._tag === "Invalid")
    const { cause, field, remedy } = algorithm.refusal
    assert.include(field, `${prefix}algorithm`)
    assert.include(cause, "fastest")
    assert.include(remedy, "leastconn")
  })

  it.each([
    ["stickiness", { stickiness: "?" }],
    ["stickiness-method-name", { "stickiness-method-name": "?", "stickiness-param-mode": "insert" }],
    ["stickiness-param-mode", { "stickiness-param-mode": "insert" }]
  ])("names %s if that is where it is written", (suffix, annotations) => {
    const { stickiness } = decode(annotations)
    assert(stickiness._tag === "Invalid")
    assert.strictEqual(stickiness.refusal.field, `metadata.annotations[${prefix}${suffix}]`)
  })

  it("takes no address for a hostname and no hostname for an address", () => {
    assert.strictEqual(decode({ hostname: "192.0.2.1" }).hostname._tag, "Invalid")
    assert.strictEqual(decode({ address: "lb.example.org" }).address._tag, "Invalid")
    assert.deepStrictEqual(decode({ hostname: "LB.example.org" }).hostname, { _tag: "Given", value: "lb.example.org" })
  })

  it("finds names that mean nothing, but not those of others", () => {
    const { unknown } = decodeAnnotations(
      { [`${prefix}proxy`]: "true", [`${prefix}id`]: "x", "example.org/y": "z" },
      ports
    )
    assert.deepStrictEqual(unknown, [`${prefix}proxy`])
  })
})
