/** The flags of the node controllers do what they say. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric, Option } from "effect"
import { runControllers } from "../../../src/cli/controller/controllers.ts"
import { parseFlags } from "../../../src/cli/flags/parse.ts"
import type { CloudSettings } from "../../../src/config/Settings.ts"
import { Nodes } from "../../../src/kubernetes/Nodes.ts"
import { HealthChecks } from "../../../src/observability/HealthChecks.ts"
import { format } from "../../../src/observability/prometheus.ts"
import { readPromText } from "../../observability/promText.ts"
import { nodeNames, registerNode, setReady, uninitialised } from "../../support/nodeCloud.ts"
import { byName, idOf, listCalls } from "../../support/nodesOnSimulator.ts"
import { bed, byHand, pass } from "../../support/testBed.ts"

/** n1 and n2 register, and the controllers run with these arguments. */
const running = <A, E>(
  args: ReadonlyArray<string>,
  body: Effect.Effect<A, E, Layer.Success<ReturnType<typeof bed>>>,
  settings: Partial<CloudSettings> = {}
) =>
  Effect.gen(function* () {
    for (const name of ["n1", "n2"]) yield* registerNode(name, { taints: [uninitialised] })
    const parsed = parseFlags(["--cloud-provider=external-cloudstack", ...args])
    if (parsed._tag !== "Run") return yield* Effect.die(parsed)
    yield* Effect.forkScoped(runControllers(parsed.flags), { startImmediately: true })
    yield* pass(2)
    return yield* body
  }).pipe(
    Effect.scoped,
    Effect.provideService(Metric.MetricRegistry, new Map()),
    Effect.provide(Layer.merge(bed({ settings }), HealthChecks.layer))
  )

const nodeOf = (name: string) =>
  Effect.map(
    Effect.flatMap(Nodes, (nodes) => nodes.find(name)),
    Option.getOrThrow
  )
const isNew = Effect.map(nodeOf("n1"), ({ taints }) => taints.length > 0)
const goes = (within: number) =>
  Effect.gen(function* () {
    yield* byName("destroyVirtualMachine", "n1", { expunge: "true" })
    yield* setReady("n1", "Unknown")
    yield* pass(within)
    return !(yield* nodeNames).includes("n1")
  })

describe("--controllers", () => {
  for (const [args, initialises, deletes] of [
    ["*", true, true],
    ["cloud-node", true, false],
    ["cloud-node-controller", true, false],
    ["*,-cloud-node-lifecycle", true, false],
    ["cloud-node-lifecycle", false, false],
    ["service", false, false]
  ] as const) {
    it.effect(`=${args}`, () =>
      running(
        [`--controllers=${args}`],
        Effect.gen(function* () {
          assert.strictEqual(!(yield* isNew), initialises)
          assert.strictEqual(yield* goes(30), deletes)
        })
      )
    )
  }

  it.effect("=cloud-node-lifecycle manages Nodes that others have initialised", () =>
    running(
      ["--controllers=cloud-node-lifecycle"],
      Effect.gen(function* () {
        const nodes = yield* Nodes
        for (const name of ["n1", "n2"]) {
          yield* nodes.write(yield* nodeOf(name), {
            _tag: "Change",
            taints: [],
            providerID: `cloudstack:///${yield* idOf(name)}`
          })
        }
        yield* pass(70)
        assert.isTrue(yield* goes(30))
      })
    )
  )
})

describe("the controllers that run", () => {
  it.effect("are told by the metric under their shorter names", () =>
    running(
      ["--controllers=*,-service"],
      Effect.map(format, (text) => {
        const samples = readPromText(text).get("running_managed_controllers")?.samples ?? []
        assert.deepStrictEqual(
          samples.map(({ labels, value }) => `${labels.get("manager")} ${labels.get("name")} ${value}`).toSorted(),
          ["cloud-controller-manager cloud-node 1", "cloud-controller-manager cloud-node-lifecycle 1"]
        )
      })
    )
  )
})

describe("--node-monitor-period", () => {
  it.effect("is how long a deletion waits beyond its two looks", () =>
    running(
      ["--node-monitor-period=40s"],
      Effect.gen(function* () {
        assert.isFalse(yield* goes(42))
        yield* pass(80)
        assert.notInclude(yield* nodeNames, "n1")
      })
    )
  )
})

describe("--node-status-update-frequency", () => {
  it.effect("is how soon a change of addresses is seen", () =>
    running(
      ["--node-status-update-frequency=30s", "--controllers=cloud-node"],
      Effect.gen(function* () {
        const answer = yield* byHand("listNics", { virtualmachineid: yield* idOf("n1") })
        const nicid = /"id":"([^"]+)"/.exec(JSON.stringify(answer.body))?.[1] ?? ""
        const before = (yield* nodeOf("n1")).addresses.length
        yield* byHand("addIpToNic", { nicid })
        yield* pass(40)
        assert.strictEqual((yield* nodeOf("n1")).addresses.length, before + 1)
        const calls = yield* listCalls
        yield* pass(300)
        assert.isTrue((yield* listCalls) - calls >= 9 && (yield* listCalls) - calls <= 11)
      })
    )
  )
})

describe("provider-id-format", () => {
  const idIs = (args: ReadonlyArray<string>, settings: Partial<CloudSettings>, expected: string) =>
    running(
      args,
      Effect.gen(function* () {
        assert.strictEqual((yield* nodeOf("n1")).providerID, `${expected}${yield* idOf("n1")}`)
      }),
      settings
    )
  it.effect("is by default that of the provider's name", () =>
    Effect.gen(function* () {
      yield* idIs([], {}, "external-cloudstack://")
      yield* idIs(["--cloud-provider=cloudstack"], {}, "cloudstack:///")
    })
  )
  it.effect("overrides it", () =>
    Effect.gen(function* () {
      yield* idIs([], { providerIdFormat: "cloudstack" }, "cloudstack:///")
      yield* idIs(
        ["--cloud-provider=cloudstack"],
        { providerIdFormat: "external-cloudstack" },
        "external-cloudstack://"
      )
    })
  )
})

describe("values that make no sense", () => {
  const whole = (from: number) => `expected a whole number from ${from} to 1000`
  for (const [arg, problem] of [
    ["--node-monitor-period=0s", "expected a duration of at least 1ms"],
    ["--node-monitor-period=-5s", "must not be negative"],
    ["--node-monitor-period=5", "expected a duration such as 15s, 1m30s or 300ms"],
    ["--node-status-update-frequency=0", "expected a duration of at least 1ms"],
    ["--node-status-update-frequency=often", "expected a duration such as 15s, 1m30s or 300ms"],
    ["--concurrent-node-syncs=0", whole(1)],
    ["--concurrent-node-syncs=many", whole(1)],
    ["--concurrent-node-syncs=1001", whole(1)],
    ["--concurrent-node-status-updates=-1", whole(0)],
    ["--concurrent-node-status-updates=1.5", whole(0)]
  ] as const) {
    it(arg, () => {
      const [flag = "", value] = arg.split("=")
      assert.deepStrictEqual(parseFlags(["--cloud-provider=cloudstack", arg]), {
        _tag: "Problems",
        problems: [`invalid argument "${value}" for ${flag}: ${problem}`]
      })
    })
  }
})
