/**
 * Fifty Services change all the time, CloudStack is reached over a way that breaks, and the controller is killed at
 * twenty moments. In the end the world is exactly the wanted one, and what others had is untouched.
 *
 * A seed decides what users do, what breaks and when it kills; how the processes meet it is up to the machine.
 */
import { assert } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { makeDice } from "../chaos/nodesRandom.ts"
import { sorted } from "../support/networkLines.ts"
import { everythingIn, idsOf, only } from "../support/strangers.ts"
import { Cluster, lastWords } from "./Cluster.ts"
import { judge, type Standard, type World } from "./churn/judge.ts"
import { liveAndDie } from "./churn/life.ts"
import { lookalikes } from "./churn/lookalikes.ts"
import { planOf } from "./churn/plan.ts"
import { sabotaged } from "./churn/sabotage.ts"
import { Snapshot } from "./churn/snapshot.ts"
import { usersIn } from "./churn/users.ts"
import { weatherOf } from "./churn/weather.ts"
import { eventually } from "./eventually.ts"
import { handAt } from "./hand.ts"
import { httpText } from "./http.ts"
import { honest, makeProxy, type Proxy } from "./Proxy.ts"
import { quickLease, settled, stop } from "./replicas.ts"
import { suite } from "./suite.ts"
import { candidates } from "./world.ts"

const seed = Number(process.env["CHURN_SEED"] ?? Date.now() % 1_000_000)
const lives = 20
const namespace = "churn"

const flags = [...quickLease, "--kube-api-qps=200", "--kube-api-burst=200"]
const settings = "rate-limit-qps = 100\nrate-limit-burst = 100\n"

/** One for each, so that how often the weather rolls its own does not change what users do. */
const diceFor = (whom: "users" | "weather" | "deaths") =>
  makeDice(seed * 3 + ["users", "weather", "deaths"].indexOf(whom))

const mutations = ({ passages }: Proxy) => passages.filter(({ mutation, stage }) => mutation && stage === "arrived")

suite(
  "churn",
  Cluster.layerWith(["--push-time=20ms", "--create-time=20ms"]),
  (it) => {
    it.effect(
      `comes to the wanted world through kills and a way that breaks (CHURN_SEED=${seed})`,
      () =>
        Effect.gen(function* () {
          const { cloudOrigin, kubectl, startReplica } = yield* Cluster
          const say = (line: string) => console.error(`[cluster] churn: ${line}`)
          say(`CHURN_SEED=${seed} makes the same choices`)
          const { lives: allActions, wanted } = planOf(diceFor("users"), lives)

          const whole = Effect.map(httpText(`${cloudOrigin}/world`), (text): unknown => JSON.parse(text))
          yield* lookalikes(handAt(cloudOrigin), "net1")
          const before = everythingIn(yield* whole)
          const strangers = idsOf(before)
          // Without, none of them is fit to be forwarded to.
          const conditions = [{ type: "Ready", status: "True", reason: "KubeletReady" }]
          const ready = ["--subresource=status", "--type=merge", "-p", JSON.stringify({ status: { conditions } })]
          yield* Effect.forEach(candidates, (node) => kubectl(["patch", "node", node, ...ready]))
          const users = yield* usersIn(namespace)
          const cluster = yield* kubectl(["get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"])
          const standard: Standard = { cluster, namespace, wanted, strangers }
          const world = Effect.gen(function* () {
            const cloud = yield* Schema.decodeUnknownEffect(Snapshot)(yield* whole)
            return { cloud, services: yield* users.all } satisfies World
          })

          const proxy = yield* makeProxy(cloudOrigin)
          const start = startReplica({ cloud: proxy.origin, flags, settings })
          proxy.behave(weatherOf(diceFor("weather")))
          const dice = diceFor("deaths")
          for (const actions of allActions) {
            say(`killed: ${yield* liveAndDie({ replica: yield* start, proxy, dice, actions, act: users.act })}`)
          }
          proxy.behave(honest)
          const last = yield* start
          const end = yield* eventually(world, (now) => assert.deepStrictEqual(judge(now, standard), []), "2 minutes")
          assert.strictEqual(sorted(only(everythingIn(yield* whole), strangers)), sorted(before))

          // Who comes after finds nothing to do.
          yield* stop(last)
          const changes = mutations(proxy).length
          yield* settled(yield* start)
          assert.deepStrictEqual(mutations(proxy).slice(changes), [])
          assert.deepStrictEqual(judge(yield* world, standard), [])

          const wrong = Object.entries(sabotaged(end, (id) => !strangers.has(id)))
          assert.isAbove(wrong.length, 0)
          for (const [what, sight] of wrong) assert.notDeepEqual(judge(sight, standard), [], what)
        }),
      360_000
    )
  },
  lastWords
)
