import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { type Answer, NotFound, Refused } from "../../src/cloudstack/Api.ts"
import { Lists, layer as lists } from "../../src/cloudstack/Lists.ts"
import { listOf } from "../../src/cloudstack/schemas/wire.ts"
import type { CloudSettings } from "../../src/config/Settings.ts"
import { type Asked, type Script, scripted } from "./scripted.ts"
import { layerSettings } from "./settings.ts"

const things = listOf("thing", Schema.Struct({ id: Schema.String }), (thing) => thing)
const numbered = (n: number) => Array.from({ length: n }, (_, i) => ({ id: `t${i + 1}` }))

/** Answers pages of `all`, as CloudStack does. */
const paged =
  (all: () => ReadonlyArray<{ id: string }>, limit = 500): Script =>
  ({ parameters }): Answer | Refused => {
    const size = Number(parameters["pagesize"])
    if (size > limit) {
      return new Refused({ code: 431, text: `Page size can't exceed max allowed page size value: ${limit}` })
    }
    const items = all()
    const from = (Number(parameters["page"]) - 1) * size
    const page = items.slice(from, from + size)
    if (items.length === 0) return {}
    return page.length === 0 ? { count: items.length } : { count: items.length, thing: page }
  }

const listing = (script: Script, over: Partial<CloudSettings> = {}) => {
  const asked: Array<Asked> = []
  const layer = lists.pipe(Layer.provide(scripted(script, asked)), Layer.provide(layerSettings(over)))
  const all = Effect.flatMap(Lists, (service) => service.all("listThings", { name: "x" }, things))
  const unpaged = Effect.flatMap(Lists, (service) => service.unpaged("listThings", { id: "x" }, things))
  return { asked, layer, all, unpaged }
}

describe("Lists.all", () => {
  for (const [n, calls] of [
    [0, 1],
    [1, 1],
    [500, 1],
    [501, 2],
    [1000, 2],
    [1001, 3]
  ] as const) {
    it.effect(`reads ${n} items in ${calls} calls`, () => {
      const { all, asked, layer } = listing(paged(() => numbered(n)))
      return Effect.map(all, (found) => {
        assert.deepStrictEqual(found, numbered(n))
        assert.strictEqual(asked.length, calls)
        assert.isTrue(asked.every(({ parameters }) => parameters["name"] === "x" && !("projectid" in parameters)))
      }).pipe(Effect.provide(layer))
    })
  }

  it.effect("learns the server's page size once", () => {
    const { all, asked, layer } = listing(paged(() => numbered(5), 3))
    return Effect.gen(function* () {
      assert.strictEqual((yield* all).length, 5)
      assert.strictEqual((yield* all).length, 5)
      assert.deepStrictEqual(
        asked.map(({ parameters }) => `${parameters["page"]}/${parameters["pagesize"]}`),
        ["1/500", "1/3", "2/3", "1/3", "2/3"]
      )
    }).pipe(Effect.provide(layer))
  })

  it.effect("stays within the project", () => {
    const { all, asked, layer } = listing(
      paged(() => []),
      { projectId: "p1" }
    )
    return Effect.map(all, () => assert.strictEqual(asked[0]?.parameters["projectid"], "p1")).pipe(
      Effect.provide(layer)
    )
  })

  it.effect("ends with a command that answers everything each time", () => {
    const { all, asked, layer } = listing(() => ({ count: 700, thing: numbered(700) }))
    return Effect.map(all, (found) => {
      assert.strictEqual(found.length, 700)
      assert.strictEqual(asked.length, 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect("refuses a list that stays short of its count, after a second look", () => {
    const { all, asked, layer } = listing(({ parameters }) =>
      parameters["page"] === "1" ? { count: 3, thing: numbered(2) } : { count: 3 }
    )
    return Effect.map(Effect.flip(all), (error) => {
      assert.strictEqual(error.reason._tag, "Malformed")
      assert.strictEqual(asked.length, 4)
    }).pipe(Effect.provide(layer))
  })

  it.effect("reads again when objects went away between two pages", () => {
    let present = numbered(7)
    const { all, asked, layer } = listing((one, nth) => {
      if (nth === 3) present = present.slice(1)
      return paged(() => present, 3)(one, nth)
    })
    return Effect.map(all, (found) => {
      assert.deepStrictEqual(found, numbered(7).slice(1))
      assert.strictEqual(asked.length, 5)
    }).pipe(Effect.provide(layer))
  })

  it.effect("reads again when an object came in front and shifts a page", () => {
    let present = numbered(6)
    const { all, layer } = listing((one, nth) => {
      if (nth === 3) present = [{ id: "new" }, ...present.slice(0, 5)]
      return paged(() => present, 3)(one, nth)
    })
    return Effect.map(all, (found) => assert.deepStrictEqual(found, [{ id: "new" }, ...numbered(5)])).pipe(
      Effect.provide(layer)
    )
  })

  it.effect("does not take a wrong shape for an empty list", () => {
    const shapes: ReadonlyArray<Answer> = [
      { count: 1, thing: { id: "t1" } },
      { count: 1, thing: [{ name: "t" }] },
      { count: 2 }
    ]
    return Effect.forEach(shapes, (shape) => {
      const { all, layer } = listing(() => shape)
      return Effect.map(Effect.flip(all), ({ reason }) => assert.strictEqual(reason._tag, "Malformed")).pipe(
        Effect.provide(layer)
      )
    })
  })

  it.effect("passes other errors on", () => {
    const { all, asked, layer } = listing(() => new NotFound({ text: "entity does not exist" }))
    return Effect.map(Effect.flip(all), ({ reason }) => {
      assert.strictEqual(reason._tag, "NotFound")
      assert.strictEqual(asked.length, 1)
    }).pipe(Effect.provide(layer))
  })
})

describe("Lists.unpaged", () => {
  it.effect("asks once, without page or project", () => {
    const { asked, layer, unpaged } = listing(() => ({ count: 2, thing: numbered(2) }), { projectId: "p1" })
    return Effect.map(unpaged, (found) => {
      assert.strictEqual(found.length, 2)
      assert.deepStrictEqual(
        asked.map(({ parameters }) => parameters),
        [{ id: "x" }]
      )
    }).pipe(Effect.provide(layer))
  })

  it.effect("refuses fewer than counted", () => {
    const { layer, unpaged } = listing(() => ({ count: 3, thing: numbered(2) }))
    return Effect.map(Effect.flip(unpaged), ({ reason }) => assert.strictEqual(reason._tag, "Malformed")).pipe(
      Effect.provide(layer)
    )
  })
})
