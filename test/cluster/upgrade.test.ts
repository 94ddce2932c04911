/** Taking over from the Apache provider: only the image changes, its manifest stays as it stands. */
import { join } from "node:path"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { Cluster, lastWords } from "./Cluster.ts"
import { namespace } from "./services.ts"
import { suite } from "./suite.ts"
import { candidates } from "./world.ts"

const theirs = join(import.meta.dirname, "fixtures/go-provider.yaml")
const ours = join(import.meta.dirname, "../../deploy/kustomize/base")

suite(
  "upgrade",
  Cluster.layer,
  (it) => {
    it.effect("the controller does its work with the rights that the Apache provider's manifest grants", () =>
      Effect.gen(function* () {
        const { cloud, kubectl, startController } = yield* Cluster
        yield* kubectl(["delete", "-k", ours])
        yield* kubectl(["apply", "-f", theirs])
        const before = yield* cloud.balanced
        yield* startController
        const shop = yield* namespace("upgrade")
        yield* shop.apply({})
        const { rules } = yield* shop.on(yield* shop.address)
        assert.deepStrictEqual(
          rules.map(({ members }) => members),
          [candidates, candidates]
        )
        yield* shop.remove
        assert.deepStrictEqual(yield* cloud.balanced, before)
      })
    )
  },
  lastWords
)
