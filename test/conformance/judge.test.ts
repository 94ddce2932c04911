// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how recordings write their symbols
import { assert, describe, it } from "@effect/vitest"
import { comparedPart } from "./fields.ts"
import { differ, Names } from "./judge.ts"

const a = "aaaaaaaa-0000-4000-8000-000000000000"
const b = "bbbbbbbb-0000-4000-8000-000000000000"
const judge = (expected: unknown, actual: unknown, names = new Names(), ordered = false) =>
  differ(names, expected, actual, "", ordered)

describe("differ", () => {
  it("refuses another value, another type, a missing and a surplus field", () => {
    assert.deepStrictEqual(judge({ x: { n: 1, s: "1", gone: true } }, { x: { n: "1", s: "2", more: 0 } }), [
      "x.gone: missing, expected true",
      "x.more: not expected, got 0",
      'x.n: expected 1, got "1"',
      'x.s: expected "1", got "2"'
    ])
  })

  it("binds a symbol to the first value and holds it to that", () => {
    const names = new Names()
    assert.deepStrictEqual(judge({ id: "${r}", again: "rule ${r}." }, { id: a, again: `rule ${a}.` }, names), [])
    assert.lengthOf(judge({ id: "${r}" }, { id: b }, names), 1)
    assert.strictEqual(names.resolve("${r} ${other}"), `${a} \${other}`)
    assert.deepStrictEqual(names.unknownIn("${r} ${other}"), ["other"])
  })

  it("takes neither the value of another symbol nor what does not look like one", () => {
    const names = new Names()
    names.bind("r", a)
    assert.lengthOf(judge({ id: "${s}" }, { id: a }, names), 1)
    assert.lengthOf(judge({ id: "${s}" }, { id: "1" }, names), 1)
    assert.lengthOf(judge({ ipaddress: "${s}" }, { ipaddress: b }, names), 1)
    assert.lengthOf(judge({ ipaddress: "${s}" }, { ipaddress: "10.0.0.1" }, names), 0)
  })

  it("lets an acquired address come again under another name", () => {
    const names = new Names()
    names.addressesMayReturn = true
    assert.deepStrictEqual(judge({ id: "${first}" }, { id: a }, names), [])
    assert.deepStrictEqual(judge({ id: "${second}" }, { id: a }, names), [])
    names.addressesMayReturn = false
    assert.lengthOf(judge({ id: "${third}" }, { id: a }, names), 1)
  })

  it("knows numbers, UUIDs and times nobody can foresee", () => {
    const text = "id <N> (<uuid>) at <time> [x]"
    assert.deepStrictEqual(judge(text, `id 42 (${a}) at 2026-01-02T03:04:05+0000 [x]`), [])
    assert.lengthOf(judge(text, `id x (${a}) at 2026-01-02T03:04:05+0000 [x]`), 1)
    assert.lengthOf(judge(text, `id 42 (${a}) at 2026-01-02T03:04:05+0000 x`), 1)
  })

  it("pairs lists in any order, unless the order counts", () => {
    const expected = [{ id: "${x}" }, { id: "${y}", name: "y" }]
    const actual = [{ id: a, name: "y" }, { id: b }]
    const names = new Names()
    assert.deepStrictEqual(judge(expected, actual, names), [])
    assert.strictEqual(names.valueOf("x"), b)
    assert.isNotEmpty(judge(expected, actual, new Names(), true))
    assert.lengthOf(judge(expected, [a]), 1)
    assert.isNotEmpty(judge(expected, [{ id: a, name: "z" }, { id: b }]))
  })
})

describe("comparedPart", () => {
  it("drops what no controller reads, by kind of object", () => {
    assert.deepStrictEqual(
      comparedPart({
        listxresponse: { count: 1, uuidList: [], zone: [{ id: a, dhcpprovider: "x" }], other: [{ kept: 1 }] }
      }),
      { listxresponse: { count: 1, zone: [{ id: a }], other: [{ kept: 1 }] } }
    )
    assert.deepStrictEqual(
      comparedPart({ queryasyncjobresultresponse: { jobstatus: 1, cmd: "x", jobresult: { tag: [{ key: 1, x: 1 }] } } }),
      { queryasyncjobresultresponse: { jobstatus: 1, jobresult: { tag: [{ key: 1 }] } } }
    )
    assert.deepStrictEqual(
      comparedPart({
        r: {
          service: [
            { name: "Lb", capability: [{ name: "LbSchemes" }, { name: "x" }] },
            { name: "Dns", capability: [{ name: "LbSchemes" }] }
          ],
          capability: { cloudstackversion: "4", x: 1 }
        }
      }),
      {
        r: {
          service: [{ name: "Lb", capability: [{ name: "LbSchemes" }] }, { name: "Dns" }],
          capability: { cloudstackversion: "4" }
        }
      }
    )
  })
})
