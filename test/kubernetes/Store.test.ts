import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { isOlder, makeStore } from "../../src/kubernetes/Store.ts"

interface Thing {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
}

const thing = (resourceVersion: string, uid = "u1", name = "a"): Thing => ({ name, uid, resourceVersion })
const listing = (objects: ReadonlyArray<Thing>, restarted = false, unreadable: ReadonlyArray<string> = []) => ({
  objects,
  unreadable: new Set(unreadable),
  restarted
})

const versions = (store: ReturnType<typeof makeStore<Thing>>) =>
  Effect.map(store.all, (all) => all.map((each) => `${each.name}:${each.uid}@${each.resourceVersion}`))

describe("revisions", () => {
  for (const [a, b, older] of [
    ["9", "10", true],
    ["10", "9", false],
    ["10", "10", false],
    ["9007199254740993", "9007199254740992", false],
    ["9007199254740992", "9007199254740993", true],
    ["opaque", "10", false],
    ["", "10", false]
  ] as const) {
    it(`${a} is ${older ? "" : "not "}older than ${b}`, () => assert.strictEqual(isOlder(a, b), older))
  }
})

describe("the cache", () => {
  it.effect("keeps what we wrote when the watch lags behind", () =>
    Effect.gen(function* () {
      const store = makeStore<Thing>((object) => object.name)
      store.replace(listing([thing("5")]))
      store.upsert(thing("9"))
      store.upsert(thing("7"))
      assert.deepStrictEqual(yield* versions(store), ["a:u1@9"])
      store.replace(listing([thing("7")]))
      assert.deepStrictEqual(yield* versions(store), ["a:u1@9"])
      store.upsert(thing("11"))
      assert.deepStrictEqual(yield* versions(store), ["a:u1@11"])
    })
  )

  it.effect("compares no revisions of two objects with one name", () =>
    Effect.gen(function* () {
      const store = makeStore<Thing>((object) => object.name)
      store.upsert(thing("9", "old"))
      store.upsert(thing("3", "new"))
      assert.deepStrictEqual(yield* versions(store), ["a:new@3"])
      store.remove("a", "old")
      assert.deepStrictEqual(yield* versions(store), ["a:new@3"])
    })
  )

  it.effect("does not bring back what our own write let go", () =>
    Effect.gen(function* () {
      const store = makeStore<Thing>((object) => object.name)
      store.upsert(thing("5"))
      store.bury(thing("9"))
      store.upsert(thing("7"))
      store.replace(listing([thing("7")]))
      assert.isTrue(Option.isNone(yield* store.find("a")))
      store.upsert(thing("12", "u2"))
      store.remove("a", "u1")
      assert.deepStrictEqual(yield* versions(store), ["a:u2@12"])
    })
  )

  it.effect("takes a list for complete, but not the unreadable for gone", () =>
    Effect.gen(function* () {
      const store = makeStore<Thing>((object) => object.name)
      store.replace(listing([thing("1", "u1", "a"), thing("2", "u2", "b"), thing("3", "u3", "c")]))
      store.replace(listing([thing("1", "u1", "a")], false, ["b"]))
      assert.deepStrictEqual(yield* versions(store), ["a:u1@1", "b:u2@2"])
    })
  )
})
