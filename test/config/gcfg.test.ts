import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { parseGcfg, printValue } from "../../src/config/gcfg.ts"

const valueOf = (text: string) => {
  const { entries, mistakes } = parseGcfg(`[Global]\n${text}`)
  return mistakes.length > 0 ? mistakes : entries.map(({ value }) => value)
}

describe("gcfg values", () => {
  const cases: ReadonlyArray<readonly [string, string | undefined]> = [
    ["k = v", "v"],
    ["k=v", "v"],
    ["  k\t=\t v \t", "v"],
    ["k = two words", "two words"],
    ["k = v # comment", "v"],
    ["k = v ; comment", "v"],
    ["k = v#no space needed", "v"],
    ["k =", ""],
    ["k = # nothing", ""],
    ["k", undefined],
    ["k ; a switch", undefined],
    ['k = "v"', "v"],
    ['k = " v "', " v "],
    ['k = "a#b;c"', "a#b;c"],
    ['k = "a\\"b\\\\c\\nd\\te"', 'a"b\\c\nd\te'],
    ['k = pre"mid dle"post', "premid dlepost"],
    ['k = ""', ""],
    ["k = a=b==", "a=b=="],
    ["k = one\\\ntwo", "onetwo"],
    ["k = one\\\r\ntwo\r", "onetwo"],
    ["k = one\\", "one"],
    ["k = https://h:8443/client/api", "https://h:8443/client/api"],
    ["K-2_x = v", "v"]
  ]
  for (const [text, value] of cases) {
    it(JSON.stringify(text), () => assert.deepStrictEqual(valueOf(text), [value]))
  }

  it.prop("reads back whatever was printed", { value: Schema.String }, ({ value }) => {
    assert.deepStrictEqual(valueOf(`k = ${printValue(value)} # comment`), [value])
  })
})

describe("gcfg structure", () => {
  it("tells sections, keys and lines", () => {
    const text = '\uFEFF; first\n\n[Global]\r\nA = 1\n[ other "Sub" ] # here\nb = x\\\ny\nc = 2\n'
    assert.deepStrictEqual(parseGcfg(text), {
      entries: [
        { section: "global", key: "A", value: "1", line: 4 },
        { section: 'other "sub"', key: "b", value: "xy", line: 6 },
        { section: 'other "sub"', key: "c", value: "2", line: 8 }
      ],
      mistakes: [],
      sections: [
        { name: "global", line: 3 },
        { name: 'other "sub"', line: 5 }
      ]
    })
  })

  it("finds every mistake and says nothing of the text", () => {
    const text = [
      "early = 1",
      "[Global] trailing",
      'api-key = "sEcReT',
      "secret-key sEcReT",
      "zone = a\\sEcReT",
      'region = "\\q"',
      "= sEcReT",
      "[Broken",
      "project-id = fine"
    ].join("\n")
    const { entries, mistakes } = parseGcfg(text)
    assert.deepStrictEqual(mistakes, [
      { line: 1, reason: "expected a section header such as [Global] before the first key" },
      { line: 2, reason: "expected nothing but a comment after the section header" },
      { line: 3, key: "api-key", reason: "the quote is not closed on its line" },
      { line: 4, key: "secret-key", reason: "expected = after the key" },
      { line: 5, key: "zone", reason: "a backslash outside quotes must be the last of its line" },
      { line: 6, key: "region", reason: 'unknown escape: only \\n \\t \\" and \\\\ exist' },
      { line: 7, reason: "expected [section], a key, or a comment" },
      { line: 8, reason: "expected [section], a key, or a comment" }
    ])
    assert.deepStrictEqual(
      entries.map(({ key }) => key),
      ["early", "project-id"]
    )
    assert.notInclude(JSON.stringify(mistakes), "sEcReT")
  })

  it("is fast on a long line", () => {
    assert.deepStrictEqual(valueOf(`k = ${"a".repeat(200_000)}`), ["a".repeat(200_000)])
  })
})
