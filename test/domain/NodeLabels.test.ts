import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { labelValue, placementLabels, reconciledLabels } from "../../src/domain/NodeLabels.ts"

const legal = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/

describe("labelValue", () => {
  it.each([
    ["Zone 1", "Zone_1"],
    ["Small-Instance", "Small-Instance"],
    ["1.5GB", "1.5GB"],
    ["15GB", "15GB"],
    ["  (eu/1) ", "eu_1"],
    ["-.x.-", "x"],
    ["Zürich", "Z_rich"],
    ["Zone 🚀 1", "Zone___1"],
    ["", undefined],
    ["   ", undefined]
  ])("%j becomes %s", (text, expected) => assert.strictEqual(labelValue(text), expected))

  it("keeps 63 characters and cuts 64", () => {
    assert.strictEqual(labelValue("a".repeat(63)), "a".repeat(63))
    assert.strictEqual(labelValue("a".repeat(64)), `${"a".repeat(54)}-${labelValue("a".repeat(64))?.slice(-8)}`)
  })

  it("tells two long names apart, and two without a legal character", () => {
    const long = "offering ".repeat(9)
    assert.notStrictEqual(labelValue(`${long}A`), labelValue(`${long}B`))
    assert.notStrictEqual(labelValue("東京"), labelValue("大阪"))
    assert.strictEqual(labelValue("東京"), "68dea76f")
  })

  it.prop("is always legal and always the same", [Schema.String], ([text]) => {
    for (const value of [labelValue(text), labelValue(text.repeat(9))]) {
      if (value === undefined) assert.strictEqual(text.trim(), "")
      else assert.match(value, legal)
    }
    assert.strictEqual(labelValue(text), labelValue(text))
  })
})

describe("placementLabels", () => {
  it("writes both generations", () =>
    assert.deepStrictEqual(placementLabels({ instanceType: "Small Instance", zone: "Zone 1", region: "eu" }), {
      "node.kubernetes.io/instance-type": "Small_Instance",
      "beta.kubernetes.io/instance-type": "Small_Instance",
      "topology.kubernetes.io/zone": "Zone_1",
      "failure-domain.beta.kubernetes.io/zone": "Zone_1",
      "topology.kubernetes.io/region": "eu",
      "failure-domain.beta.kubernetes.io/region": "eu"
    }))

  it("writes nothing for what is not known", () =>
    assert.deepStrictEqual(placementLabels({ zone: "z", region: " " }), {
      "topology.kubernetes.io/zone": "z",
      "failure-domain.beta.kubernetes.io/zone": "z"
    }))
})

describe("reconciledLabels", () => {
  const beta = "failure-domain.beta.kubernetes.io/zone"
  const stable = "topology.kubernetes.io/zone"
  it.each([
    ["missing", { [beta]: "a" }, { [stable]: "a" }],
    ["different", { [beta]: "a", [stable]: "b" }, { [stable]: "a" }],
    ["equal", { [beta]: "a", [stable]: "a" }, {}],
    ["only the stable one", { [stable]: "b" }, {}],
    [
      "each kind by itself",
      { "beta.kubernetes.io/instance-type": "s", "failure-domain.beta.kubernetes.io/region": "r" },
      { "node.kubernetes.io/instance-type": "s", "topology.kubernetes.io/region": "r" }
    ]
  ])("%s", (_, labels, expected) => assert.deepStrictEqual(reconciledLabels(labels), expected))
})
