/** The limit of deletions belongs to the cluster, not to a process. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import { confirmAnnotation } from "../../../src/controllers/nodeLifecycle/sight.ts"
import { deletionsAnnotation, encodeDeletions, readDeletions } from "../../../src/domain/DeletionRecord.ts"
import { KubeMemory } from "../../../src/kubernetes/memory/KubeMemory.ts"
import { Nodes } from "../../../src/kubernetes/Nodes.ts"
import { eventReasons, nodeNames, setReady } from "../../support/nodeCloud.ts"
import { cluster, many, registerSeen, unplug } from "./bench.ts"

const annotated = Effect.flatMap(Nodes, (nodes) =>
  Effect.map(nodes.all, (all) => all.filter(({ annotations }) => annotations[deletionsAnnotation] !== undefined))
)

describe("the record of deletions", () => {
  it.effect("keeps a process that starts from beginning the ten minutes anew", () =>
    cluster(["a", "b", "c", "d"], ({ cloud, restarted }) =>
      Effect.gen(function* () {
        yield* unplug(cloud, "a", "b")
        for (let life = 0; life < 28; life++) yield* restarted(4)
        assert.deepStrictEqual(yield* nodeNames, ["b", "c", "d"])
        for (let life = 0; life < 4; life++) yield* restarted(4)
        assert.deepStrictEqual(yield* nodeNames, ["c", "d"])
      })
    )
  )

  it.effect("is written before the deletion, in one patch, on a Node that stays", () =>
    cluster(many(40), ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        yield* unplug(cloud, ...many(6))
        yield* periods(3)
        const journal = (yield* kube.journal).filter(({ resource }) => resource === "nodes")
        assert.deepStrictEqual(
          journal.map(({ verb }) => verb),
          ["patch", "delete", "delete", "delete", "delete"]
        )
        const [keeper] = yield* annotated
        assert.strictEqual(keeper?.ready, "True")
        assert.lengthOf(readDeletions(keeper?.annotations ?? {}).deletions, 4)
      })
    )
  )

  it.effect("is needed: a Node is not deleted while it can not be written", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        yield* kube.onWrite((write) => (write.verb === "patch" ? { status: 500, text: "no" } : undefined))
        yield* unplug(cloud, "a")
        yield* periods(10)
        assert.deepStrictEqual(yield* nodeNames, ["a", "b"])
        yield* kube.onWrite(() => undefined)
        yield* periods(3)
        assert.deepStrictEqual(yield* nodeNames, ["b"])
        assert.deepStrictEqual(yield* eventReasons, ["DeletingNode a"])
      })
    )
  )

  it.effect("does not count a deletion that a crash prevented", () =>
    cluster(["a", "b"], ({ cloud, periods, restarted }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        yield* kube.onWrite((write) => (write.verb === "delete" ? { status: 0, text: "killed" } : undefined))
        yield* unplug(cloud, "a")
        yield* periods(3)
        assert.deepStrictEqual(yield* nodeNames, ["a", "b"])
        yield* kube.onWrite(() => undefined)
        yield* restarted(3)
        assert.deepStrictEqual(yield* nodeNames, ["b"])
      })
    )
  )

  it.effect("moves on when the Node that has it goes itself, and stays whole", () =>
    cluster(many(20), ({ cloud, periods, restarted }) =>
      Effect.gen(function* () {
        yield* unplug(cloud, "node-005")
        yield* periods(3)
        const [keeper] = yield* annotated
        assert.strictEqual(keeper?.name, "node-000")
        yield* unplug(cloud, "node-000", "node-007")
        yield* restarted(40)
        // Of twenty Nodes two may go.
        assert.deepStrictEqual(yield* Effect.map(nodeNames, (names) => names.length), 18)
        const [next] = yield* annotated
        assert.isDefined(next)
        assert.notStrictEqual(next?.name, "node-000")
        assert.lengthOf(readDeletions(next?.annotations ?? {}).deletions, 2)
      })
    )
  )

  it.effect("is the last one written, not the one with the latest time: clocks are set back", () =>
    cluster(["a", "b", "c", "d"], ({ cloud, restarted }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        const mark = (name: string, number: number, at: number) =>
          kube.edit("nodes", name, {
            metadata: {
              annotations: { [deletionsAnnotation]: encodeDeletions({ number, deletions: [{ node: "gone", at }] }) }
            }
          })
        yield* mark("b", 1, now + 3_600_000)
        yield* mark("c", 2, now - 60_000)
        yield* unplug(cloud, "a")
        yield* restarted(100)
        assert.deepStrictEqual(yield* nodeNames, ["a", "b", "c", "d"])
        yield* restarted(20)
        assert.deepStrictEqual(yield* nodeNames, ["b", "c", "d"])
      })
    )
  )

  it.effect("of a clock that was far off, or that nobody can read, is none", () =>
    Effect.forEach(
      ["", "[]", "{", '{"number":1}', '{"number":9,"deletions":[{"node":"x","at":9999999999999}]}'],
      (text) =>
        cluster(["a", "b"], ({ cloud, periods }) =>
          Effect.gen(function* () {
            const kube = yield* KubeMemory
            yield* kube.edit("nodes", "b", { metadata: { annotations: { [deletionsAnnotation]: text } } })
            yield* unplug(cloud, "a")
            yield* periods(3)
            assert.deepStrictEqual(yield* nodeNames, ["b"])
          })
        )
    )
  )
})

describe("a deletion whose answer does not tell whether it was made", () => {
  const answered = (fault: { readonly status: number; readonly applied?: boolean }) =>
    cluster(["a", "b", "c"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        let deletions = 0
        yield* kube.onWrite((write) =>
          write.verb === "delete" && deletions++ === 0 ? { text: "lost", ...fault } : undefined
        )
        yield* unplug(cloud, "a", "b")
        yield* periods(8)
        return { names: yield* nodeNames, reasons: yield* eventReasons }
      })
    )
  for (const status of [0, 500]) {
    it.effect(`(${status}) is made again at once if it was not, and does not count`, () =>
      Effect.map(answered({ status }), ({ names, reasons }) => {
        assert.deepStrictEqual(names, ["b", "c"])
        assert.deepStrictEqual(reasons, ["NodeDeletionPaused b", "DeletingNode a", "DeletingNodeFailed a"])
      })
    )
    it.effect(`(${status}) counts if it was`, () =>
      Effect.map(answered({ status, applied: true }), ({ names }) => assert.deepStrictEqual(names, ["b", "c"]))
    )
  }
})

describe("a Node that is confirmed", () => {
  it.effect("goes beyond the limit, and uses it up for the others", () =>
    cluster(["a", "b", "c", "d"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        yield* kube.edit("nodes", "b", { metadata: { annotations: { [confirmAnnotation]: "true" } } })
        yield* unplug(cloud, "a", "b")
        yield* periods(100)
        assert.deepStrictEqual(yield* nodeNames, ["a", "c", "d"])
        yield* periods(40)
        assert.deepStrictEqual(yield* nodeNames, ["c", "d"])
      })
    )
  )
})

describe("a Node that changes between the last look and its deletion", () => {
  it.effect("stays, is not complained of, and does not count", () =>
    cluster(["a", "b", "c"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        yield* unplug(cloud, "a")
        yield* kube.onWrite((write) => {
          // In the very step before the deletion the kubelet reports.
          if (write.verb === "delete")
            Effect.runSync(setReady("a", "True").pipe(Effect.provideService(KubeMemory, kube)))
          return undefined
        })
        yield* periods(4)
        assert.deepStrictEqual(yield* nodeNames, ["a", "b", "c"])
        assert.deepStrictEqual(yield* eventReasons, ["DeletingNode a"])
        yield* kube.onWrite(() => undefined)
        yield* unplug(cloud, "b")
        yield* periods(4)
        assert.deepStrictEqual(yield* nodeNames, ["a", "c"])
      })
    )
  )

  it.effect("stays when another of its name has come in its place", () =>
    cluster(["a", "b"], ({ cloud, periods }) =>
      Effect.gen(function* () {
        const kube = yield* KubeMemory
        yield* unplug(cloud, "a")
        yield* periods(2)
        yield* kube.remove("nodes", "a")
        yield* registerSeen("a", { ready: "Unknown" })
        yield* TestClock.adjust("5 seconds")
        yield* periods(1)
        assert.isTrue(Option.isSome(yield* (yield* Nodes).find("a")))
      })
    )
  )
})
