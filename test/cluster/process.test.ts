/** The process among others: restarts, signals, replicas, crashes, and what it must never say. */
import { assert } from "@effect/vitest"
import { Effect, Fiber, Schema } from "effect"
import { writesOf } from "./audit.ts"
import { mutationsIn } from "./CloudStack.ts"
import { Cluster, lastWords, type Replica } from "./Cluster.ts"
import { eventually } from "./eventually.ts"
import { httpText } from "./http.ts"
import { makeProxy, type Passage, type Stage, signalAt } from "./Proxy.ts"
import { metric, quickLease, settled, stop, untilLeading } from "./replicas.ts"
import { namespace } from "./services.ts"
import { suite } from "./suite.ts"
import { candidates, keys } from "./world.ts"

const Lease = Schema.fromJsonString(
  Schema.Struct({ spec: Schema.Struct({ holderIdentity: Schema.optionalKey(Schema.String) }) })
)

const holder = Effect.gen(function* () {
  const { kubectl } = yield* Cluster
  const text = yield* kubectl(["-n", "kube-system", "get", "lease", "cloud-controller-manager", "-o", "json"])
  return (yield* Schema.decodeEffect(Lease)(text)).spec.holderIdentity ?? ""
})

suite(
  "process",
  Cluster.layer,
  (it) => {
    it.effect("SIGTERM gives the Lease back and ends with 0", () =>
      Effect.gen(function* () {
        const { startController } = yield* Cluster
        const replica = yield* startController
        yield* untilLeading(replica)
        assert.notStrictEqual(yield* holder, "")
        assert.deepStrictEqual(yield* stop(replica), { code: 0, signal: null })
        assert.strictEqual(yield* holder, "")
      })
    )

    it.effect("a restart on an unchanged world changes nothing but the Lease", () =>
      Effect.gen(function* () {
        const { cloud, controlPlane, kubectl, startController } = yield* Cluster
        const shop = yield* namespace("restart")
        const first = yield* startController
        yield* shop.apply({ annotations: { "example.org/team": "a" } })
        const ip = yield* shop.address
        const before = yield* shop.on(ip)
        yield* settled(first)
        yield* stop(first)

        const asked = (yield* cloud.calls).length
        const recorded = (yield* controlPlane.audit).length
        const second = yield* startController
        yield* settled(second)
        // Nor is there a reason to act in changes that mean nothing to a load balancer.
        yield* shop.kubectl("annotate", "--overwrite", "service", "web", "example.org/team=b")
        yield* shop.kubectl("label", "service", "web", "team=b")
        yield* kubectl(["annotate", "node", candidates[0] ?? "", "example.org/rack=7"])
        yield* eventually(metric(second, /^workqueue_adds_total\{name="service"\} (\S+)$/m), (adds) =>
          assert.isAtLeast(adds, 1)
        )
        yield* settled(second)
        assert.deepStrictEqual(mutationsIn((yield* cloud.calls).slice(asked)), [])
        // A new leader is announced with an Event on its Lease.
        const about = (yield* controlPlane.audit)
          .slice(recorded)
          .filter(({ objectRef }) => objectRef?.namespace !== "kube-system" || objectRef.resource !== "events")
        const writes = writesOf(about)
        assert.deepStrictEqual([...new Set(writes)], ["update leases"])
        assert.deepStrictEqual(yield* shop.on(ip), before)
        yield* shop.remove
      })
    )

    it.effect("what happens while no controller runs is made up for by the next one", () =>
      Effect.gen(function* () {
        const { cloud, startReplica } = yield* Cluster
        const before = yield* cloud.balanced
        const shop = yield* namespace("away")
        const first = yield* startReplica({ flags: quickLease })
        yield* shop.apply({})
        yield* shop.address
        yield* first.signal("SIGKILL")
        yield* shop.kubectl("delete", "service", "web", "--wait=false")
        yield* startReplica({ flags: quickLease })
        yield* eventually(cloud.balanced, (now) => assert.deepStrictEqual(now, before), "60 seconds")
        yield* eventually(Effect.exit(shop.get), ({ _tag }) => assert.strictEqual(_tag, "Failure"))
      })
    )

    for (const [stage, when] of [
      ["arrived", "asked for"],
      ["done", "begun"]
    ] as const satisfies ReadonlyArray<readonly [Stage, string]>) {
      it.effect(`killed when an allocation is ${when}, it leaks no address`, () =>
        Effect.gen(function* () {
          const { cloud, cloudOrigin, startReplica } = yield* Cluster
          const before = yield* cloud.balanced
          const proxy = yield* makeProxy(cloudOrigin)
          const first = yield* startReplica({ cloud: proxy.origin, flags: quickLease })
          const matches = (of: Passage) => of.stage === stage && of.command === "associateIpAddress"
          const struck = yield* signalAt(proxy, { count: 1, matches }, first.pid, "SIGKILL")
          const shop = yield* namespace(`killed-${stage}`)
          yield* shop.apply({})
          yield* Fiber.join(struck)
          yield* startReplica({ flags: quickLease })
          const ip = yield* eventually(shop.address, () => {}, "60 seconds")
          assert.deepStrictEqual(
            (yield* cloud.balanced).map((of) => of.ip),
            [...before.map((of) => of.ip), ip].toSorted()
          )
          assert.lengthOf((yield* shop.on(ip)).rules, 2)
          yield* shop.remove
        })
      )
    }

    it.effect("a CloudStack that is down is waited for, and readiness says so", () =>
      Effect.gen(function* () {
        const { cloudOutage, startController } = yield* Cluster
        const ready = (replica: Replica) => Effect.exit(httpText(`${replica.origin}/readyz`))
        const replica = yield* cloudOutage(
          Effect.gen(function* () {
            const started = yield* startController
            yield* untilLeading(started)
            assert.strictEqual((yield* ready(started))._tag, "Failure")
            yield* httpText(`${started.origin}/livez`)
            return started
          })
        )
        yield* eventually(ready(replica), ({ _tag }) => assert.strictEqual(_tag, "Success"), "60 seconds")
        const shop = yield* namespace("outage")
        yield* shop.apply({})
        yield* eventually(shop.address, () => {}, "60 seconds")
        assert.isTrue(replica.running())
        yield* shop.remove
      })
    )

    it.effect("neither log, event nor metric holds key, secret or signature", () =>
      Effect.gen(function* () {
        const { controllerLogs, kubectl, startController } = yield* Cluster
        const replica = yield* startController
        yield* untilLeading(replica)
        const said = [
          yield* controllerLogs,
          yield* kubectl(["get", "events,services,nodes", "--all-namespaces", "-o", "json"]),
          yield* httpText(`${replica.origin}/metrics`)
        ]
        for (const text of said) {
          assert.isAbove(text.length, 100)
          assert.notInclude(text, keys.owner.apiKey)
          assert.notInclude(text, keys.owner.secretKey)
          assert.notMatch(text, /signature=|apikey=/i)
        }
      })
    )
  },
  lastWords
)
