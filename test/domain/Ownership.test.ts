import { assert, describe, it } from "@effect/vitest"
import { isCandidate, isExcluded } from "../../src/domain/Candidates.ts"
import { claim, description, parseDescription, ruleName, taggedService, tags } from "../../src/domain/Ownership.ts"

const cluster = { id: "c1", previous: ["c0"] }
const uid = "11111111-2222-3333-4444-555555555555"
const mark = (over: Partial<{ cluster: string; serviceUid: string }> = {}) =>
  description({ cluster: "c1", serviceUid: uid, address: "owned", ...over })

describe("ownership of rules", () => {
  it("writes Apache's names", () =>
    assert.strictEqual(ruleName(uid, "tcp-proxy", 443), "a1111111122223333444455555555555-tcp-proxy-443"))

  it("reads back what it writes, also with colons in the cluster's name", () => {
    const written = { cluster: "prod:eu", serviceUid: uid, address: "given" } as const
    assert.deepStrictEqual(parseDescription(description(written)), written)
    assert.isUndefined(parseDescription("load balancer of the shop"))
  })

  it.each([
    ["our mark", { name: "whatever", description: mark() }, "ours"],
    ["the mark of a former id of this cluster", { name: "x", description: mark({ cluster: "c0" }) }, "ours"],
    [
      "the mark of a clone of this cluster",
      { name: ruleName(uid, "tcp", 80), description: mark({ cluster: "c2" }) },
      "foreign"
    ],
    [
      "the mark for another Service",
      { name: ruleName(uid, "tcp", 80), description: mark({ serviceUid: "other" }) },
      "foreign"
    ],
    ["a mark that cannot be read", { name: ruleName(uid, "tcp", 80), description: "cloudstack-ccm:?" }, "foreign"],
    ["Apache's name without a mark", { name: ruleName(uid, "tcp", 80), description: "" }, "adoptable"],
    [
      "a name that only begins alike",
      { name: `${ruleName(uid, "tcp", 80).slice(0, 20)}-tcp-80`, description: "" },
      "foreign"
    ],
    ["a rule made by hand", { name: "web", description: "" }, "foreign"]
  ] as const)("%s", (_, rule, verdict) => assert.strictEqual(claim(cluster, uid, rule), verdict))

  it("tells by tags for which Service of this cluster a thing is", () => {
    const written = tags(cluster, { namespace: "shop", name: "web", uid })
    assert.strictEqual(taggedService(cluster, written), uid)
    assert.isUndefined(taggedService({ id: "c2", previous: [] }, written))
  })
})

describe("candidate nodes", () => {
  const label = "node.kubernetes.io/exclude-from-external-load-balancers"
  it.each([
    [undefined, false],
    ["", true],
    ["true", true],
    ["1", true],
    ["yes", true],
    ["false", false],
    ["0", false],
    ["F", false]
  ])("exclusion label %j", (value, excluded) =>
    assert.strictEqual(isExcluded(value === undefined ? {} : { [label]: value }), excluded)
  )
  it("leaves out nodes that go", () => {
    const node = { deleting: false, labels: {}, taints: [] }
    assert.deepStrictEqual(
      [node, { ...node, deleting: true }, { ...node, taints: [{ key: "ToBeDeletedByClusterAutoscaler" }] }].map(
        isCandidate
      ),
      [true, false, false]
    )
  })
})
