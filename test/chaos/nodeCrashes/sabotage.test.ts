/** The tests of the tests: node controllers that were broken on purpose, by what they see, are found out. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { at, isObject } from "../../../src/kubernetes/json.ts"
import { type KubeRequest, nodes } from "../../../src/kubernetes/KubeApi.ts"
import type { FaultName } from "../service/faults.ts"
import { calmRun, judged, scenarioOf } from "./campaign.ts"
import type { Sabotage } from "./life.ts"

const problems = (scenario: string, sabotage: Sabotage) => judged(scenarioOf(scenario), [], sabotage).problems
/** The same with one fault at each call that is like this. */
const problemsAtEach = (scenario: string, sabotage: Sabotage, name: FaultName, like: RegExp) =>
  calmRun(scenarioOf(scenario)).calls.flatMap(({ what }, index) =>
    like.test(what) ? judged(scenarioOf(scenario), [{ at: index + 1, name }], sabotage).problems : []
  )

const overRequests =
  (answer: (request: KubeRequest) => Effect.Effect<unknown> | undefined): Sabotage =>
  (seen) => ({
    ...seen,
    kube: { ...seen.kube, call: (request) => answer(request) ?? seen.kube.call(request) }
  })

const honest: Sabotage = (seen) => seen
const bodyOf = ({ body }: KubeRequest) => (isObject(body) ? body : {})

describe("node controllers that", () => {
  it("do all as they should pass", () => {
    assert.deepStrictEqual(problems("a VM is stopped and started", honest), [])
  })

  it("take a failed write for done", () => {
    const careless = (seen: Parameters<Sabotage>[0]) => ({
      ...seen,
      kube: {
        ...seen.kube,
        call: (request: KubeRequest) =>
          request.verb !== "patch"
            ? seen.kube.call(request)
            : Effect.catch(seen.kube.call(request), () =>
                seen.kube.call({ verb: "get", resource: nodes, name: request.name ?? "" })
              )
      }
    })
    assert.isNotEmpty(problemsAtEach("a Node registers", careless, "kube: 500", /^patch nodes n4/))
    assert.deepStrictEqual(problemsAtEach("a Node registers", honest, "kube: 500", /^patch nodes n4/), [])
  })

  it("leave addresses to the next refresh when an answer is lost", () => {
    const late = (): Sabotage => {
      let failed = 0
      return (seen) => ({
        ...seen,
        kube: {
          ...seen.kube,
          // Whatever comes of it, nobody hears of the Node for a while.
          call: (request: KubeRequest) =>
            request.subresource === "status" && request.name === "n4" && failed > 0 && failed++ < 20
              ? seen.kube.call({ verb: "get", resource: nodes, name: "n4" })
              : Effect.tapError(seen.kube.call(request), () => Effect.sync(() => failed++))
        }
      })
    }
    const like = /^patch nodes n4/
    assert.match(
      problemsAtEach("a Node registers", late(), "kube: no answer after effect", like).join(),
      /late|another end/
    )
    assert.deepStrictEqual(problemsAtEach("a Node registers", honest, "kube: no answer after effect", like), [])
  })

  it("take a VM that is off for gone", () => {
    const strict: Sabotage = (seen) => ({
      ...seen,
      api: { call: (command, parameters) => seen.api.call(command, { ...parameters, state: "Running" }) }
    })
    assert.match(problems("a VM is stopped", strict).join(), /n1 was deleted/)
  })

  it("never take the shutdown taint away", () => {
    const sticky = overRequests((request) =>
      at(bodyOf(request), "spec", "taints") === null && at(bodyOf(request), "spec", "providerID") === undefined
        ? Effect.succeed({})
        : undefined
    )
    assert.isNotEmpty(problems("a VM is stopped and started", sticky))
  })

  it("write although nothing has changed", () => {
    const busy: Sabotage = (seen) => {
      const again = { verb: "patch", resource: nodes, name: "n2", body: { metadata: { labels: {} } } } as const
      const write = Effect.exit(seen.kube.call(again))
      return {
        ...seen,
        api: { call: (command, parameters) => Effect.tap(seen.api.call(command, parameters), () => write) }
      }
    }
    assert.match(problems("nothing happens", busy).join(), /writes go on/)
  })
})
