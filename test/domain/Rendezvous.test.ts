import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { chooseFor } from "../../src/domain/Rendezvous.ts"

const node = Schema.Literals(["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"])
const nodes = Arbitrary.schema(Schema.Array(node)).pipe(Arbitrary.map((all) => [...new Set(all)]))
const key = Schema.Literals(["a", "b", "c", "d", "e", "f"])
const most = Schema.Literals([1, 2, 3, 5])

const gone = (before: ReadonlyArray<string>, after: ReadonlyArray<string>) =>
  before.filter((one) => !after.includes(one))

describe("rendezvous hashing", () => {
  it.prop("chooses as many as there are, up to the number, whatever their order", [nodes, key, most], ([all, k, n]) => {
    const chosen = chooseFor(k, all, n)
    assert.strictEqual(new Set(chosen).size, Math.min(n, all.length))
    assert.sameMembers([...chooseFor(k, [...all].reverse(), n)], [...chosen])
  })

  it.prop("moves no more than it must when one goes: nothing, or its own place", [nodes, key, most], ([all, k, n]) => {
    const before = chooseFor(k, all, n)
    for (const lost of all) {
      const after = chooseFor(
        k,
        all.filter((one) => one !== lost),
        n
      )
      assert.deepStrictEqual(gone(before, after), before.includes(lost) ? [lost] : [])
      assert.isAtMost(gone(after, before).length, before.includes(lost) ? 1 : 0)
    }
  })

  it.prop("moves no more than one when one comes, and only to that one", [nodes, key, most], ([all, k, n]) => {
    const after = chooseFor(k, [...all, "new"], n)
    const before = chooseFor(k, all, n)
    assert.isAtMost(gone(before, after).length, after.includes("new") ? 1 : 0)
    assert.deepStrictEqual(gone(after, before), after.includes("new") ? ["new"] : [])
  })

  it("spreads: a node change touches k of N of the Services, and each node has its share", () => {
    const [services, size, k] = [2_000, 50, 3]
    const all = Array.from({ length: size }, (_, index) => `8c1f6a52-0000-4000-8000-${String(index).padStart(12, "0")}`)
    const uids = Array.from(
      { length: services },
      (_, index) => `b54cda26-0000-4000-8000-${String(index).padStart(12, "0")}`
    )
    const load = new Map(all.map((id) => [id, 0]))
    for (const uid of uids) for (const id of chooseFor(uid, all, k)) load.set(id, (load.get(id) ?? 0) + 1)
    const fair = (services * k) / size
    for (const [id, count] of load) assert.approximately(count, fair, fair * 0.4, id)
    const [lost] = all
    const rest = all.slice(1)
    const touched = uids.filter((uid) => gone(chooseFor(uid, all, k), chooseFor(uid, rest, k)).length > 0)
    assert.strictEqual(touched.length, load.get(lost ?? ""))
  })
})
