import { assert, describe, it } from "@effect/vitest"
import { Option, Result } from "effect"
import {
  allowance,
  isDue,
  isGone,
  type Look,
  type Member,
  siblingsOf,
  vouches,
  weigh,
  witnessIn
} from "../../src/domain/Absence.ts"
import { VmId } from "../../src/domain/Cloud.ts"
import { indexMachines } from "../../src/domain/NodeIdentity.ts"
import { encodeSeenVm, readSeenVm, seenAnnotation } from "../../src/domain/SeenVm.ts"
import { vmOf } from "../support/nodeCloud.ts"

const member = (id: string, over: Partial<{ owner: string; zone: string; ready: boolean }> = {}): Member => ({
  uid: `uid-${id}`,
  ready: over.ready ?? true,
  vm: VmId.make(id),
  seen: { vm: VmId.make(id), owner: over.owner ?? "acme", zone: over.zone ?? "z1" }
})
const says = (result: Result.Result<unknown, { readonly _tag: string }>) =>
  Result.match(result, { onSuccess: () => "ok", onFailure: ({ _tag }) => _tag })

describe("siblingsOf", () => {
  const seen = { vm: VmId.make("b"), owner: "acme", zone: "z1" }
  const a = member("a")
  it.each([
    ["a sibling", a, [a, member("b")], "ok"],
    ["no other Node", a, [a], "OnlyNode"],
    ["only other owners", a, [a, member("b", { owner: "p" })], "NoSibling"],
    ["only Nodes without record", a, [a, { uid: "b", ready: true, vm: VmId.make("b") }], "NoSibling"],
    ["only a Node of the same VM", a, [a, { ...member("a"), uid: "other" }], "NoSibling"],
    ["never seen", { uid: "a", ready: false, vm: VmId.make("a") }, [member("b")], "NeverSeen"],
    ["seen another VM", { ...a, vm: VmId.make("c") }, [member("b")], "NeverSeen"],
    ["only a Node that was found by name", a, [a, { uid: "b", ready: true, seen }], "NoSibling"],
    ["no id", { uid: "a", ready: false }, [member("b")], "NoProviderId"]
  ] as const)("%s", (_, of, all, expected) => assert.strictEqual(says(siblingsOf(of, all)), expected))
})

describe("witnessIn", () => {
  const a = member("a", { ready: false })
  const near = member("b")
  const far = member("c", { zone: "z2" })
  const witness = (siblings: ReadonlyArray<Member>, ...listed: Array<Parameters<typeof vmOf>>) =>
    Result.match(witnessIn(indexMachines(listed.map((vm) => vmOf(...vm))), a, siblings), {
      onSuccess: ({ id }) => id,
      onFailure: ({ _tag }) => _tag
    })
  it("is a sibling that the list shows", () => assert.strictEqual(witness([near, far], ["b"], ["c"]), "b"))
  it("is from the same zone while a Ready sibling is there", () =>
    assert.strictEqual(witness([near, far], ["c"]), "NoWitness"))
  it("may be from elsewhere when none in the zone is Ready", () => {
    assert.strictEqual(witness([member("b", { ready: false }), far], ["c"]), "c")
    assert.strictEqual(witness([far], ["c"]), "c")
  })
  it("is Ready if one is", () => assert.strictEqual(witness([member("x", { ready: false }), near], ["x"], ["b"]), "b"))
  it("may be broken: what counts is that it is shown", () =>
    assert.strictEqual(witness([near], ["b", { state: "Error" }]), "b"))
  it("is nobody in an empty list", () => assert.strictEqual(witness([near]), "EmptyList"))
  it("is nobody of another owner or destroyed", () => {
    assert.strictEqual(witness([near], ["b", { owner: "other" }]), "NoWitness")
    assert.strictEqual(witness([near], ["b", { state: "Destroyed" }]), "NoWitness")
  })
})

describe("a look", () => {
  const look = (at: number, over: Partial<Look> = {}): Look => ({ at, listedAt: at, access: 0, ...over })
  const after = (...looks: ReadonlyArray<Look>) => {
    let held: ReturnType<typeof weigh> | undefined
    for (const next of looks) held = weigh(held?.suspicion, next)
    return held?.proved
  }
  it.each([
    ["alone", [look(0)], false],
    ["and another ten seconds later", [look(0), look(10_000)], true],
    ["and others at less", [look(0), look(5_000), look(9_999)], false],
    ["and others that add up", [look(0), look(6_000), look(12_000)], true],
    ["and another, on the wall clock only", [look(0), look(100, { listedAt: 3_600_000 })], false],
    ["and another, on the monotonic clock only", [look(0), look(60_000, { listedAt: 10 })], false],
    ["and another before it on the wall clock", [look(0), look(60_000, { listedAt: -10 })], false],
    ["and another by other credentials", [look(0), look(60_000, { access: 1 })], false]
  ] as const)("%s", (_, looks, expected) => assert.strictEqual(after(...looks), expected))

  it("is due every ten seconds", () => {
    const { suspicion } = weigh(undefined, look(1_000))
    assert.deepStrictEqual(
      [isDue(undefined, 0), isDue(suspicion, 10_999), isDue(suspicion, 11_000)],
      [true, false, true]
    )
  })

  it("takes destroyed for gone and everything else for there", () => {
    assert.deepStrictEqual(
      ["Destroyed", "Expunging", "Error", "Stopped", "Unknown"].map((state) => isGone(vmOf("a", { state }))),
      [true, true, false, false, false]
    )
    assert.isTrue(isGone(undefined))
  })

  it("ends with the witness itself, seen again and of the same owner", () => {
    assert.isTrue(vouches(vmOf("b"), Option.some(vmOf("b"))))
    assert.isFalse(vouches(vmOf("b"), Option.none()))
    assert.isFalse(vouches(vmOf("b"), Option.some(vmOf("b", { owner: "other" }))))
    assert.isFalse(vouches(vmOf("b"), Option.some(vmOf("c"))))
  })
})

describe("allowance", () => {
  it.each([
    [1, [], 1],
    [9, [], 1],
    [9, [0], 0],
    [10, [0], 0],
    [20, [], 2],
    [19, [0], 1],
    [1_000, [], 100],
    [9, [-600_000], 1],
    [5, [-599_999], 0]
  ] as const)("%i Nodes after deletions at %j: %i", (nodes, deletions, expected) =>
    assert.strictEqual(allowance(nodes, deletions, 0), expected)
  )
})

describe("the record on a Node", () => {
  it("reads back", () =>
    assert.deepStrictEqual(readSeenVm({ [seenAnnotation]: encodeSeenVm(vmOf("a", { owner: "project:p" })) }), {
      vm: VmId.make("a"),
      owner: "project:p",
      zone: "Zone 1"
    }))
  it.each(["", "a", "{}", '{"vm":"","owner":"o","zone":"z"}', '{"vm":1}'])("is none if it says %j", (text) =>
    assert.isUndefined(readSeenVm({ [seenAnnotation]: text }))
  )
})
