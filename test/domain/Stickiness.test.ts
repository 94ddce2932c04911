import { assert, describe, it } from "@effect/vitest"
import { parseStickiness, refuseStickiness, sameStickiness } from "../../src/domain/Stickiness.ts"

const supported = JSON.stringify([
  {
    methodname: "LbCookie",
    paramlist: [
      { paramname: "cookie-name", required: false, isflag: false },
      { paramname: "nocache", required: false, isflag: true }
    ],
    description: "…"
  },
  { methodname: "AppCookie", paramlist: [{ paramname: "length", required: true }] },
  { methodname: "SourceBased" }
])

describe("stickiness", () => {
  it.each([
    ["LbCookie", { method: "LbCookie", params: {} }],
    ["LbCookie cookie-name=a=b, nocache", { method: "LbCookie", params: { "cookie-name": "a=b", nocache: "true" } }],
    ["", undefined],
    ["cookie-name=x", undefined],
    ["LbCookie Cookie=x", undefined]
  ])("%j", (text, expected) => assert.deepStrictEqual(parseStickiness(text), expected))

  it("is checked against what the provider can do", () => {
    const refuse = (text: string, of: string | undefined = supported) =>
      refuseStickiness(parseStickiness(text) ?? assert.fail(text), of)
    assert.isUndefined(refuse("lbcookie cookie-name=x nocache"))
    assert.isUndefined(refuse("SourceBased expire=1"))
    assert.match(refuse("LbCookie domain=x") ?? "", /has no parameter domain/)
    assert.match(refuse("AppCookie") ?? "", /needs length/)
    assert.match(refuse("Magic") ?? "", /knows no stickiness method Magic/)
    for (const of of [undefined, "", "not JSON", "{}"])
      assert.isString(refuseStickiness({ method: "LbCookie", params: {} }, of))
  })

  it("is the same whatever the order and the case of the method", () => {
    const [one, other] = [
      { method: "LbCookie", params: { a: "1", b: "2" } },
      { method: "lbcookie", params: { b: "2", a: "1" } }
    ]
    assert.isTrue(sameStickiness(one, other))
    assert.isFalse(sameStickiness(one, { ...other, params: { a: "1" } }))
  })
})
