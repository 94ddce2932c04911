/** The process among others: restarts, signals, replicas, crashes, and what it must never say. */
import { assert } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { writesOf } from "./audit.ts"
import { mutationsIn } from "./CloudStack.ts"
import { Cluster, lastWords, type Replica } from "./Cluster.ts"
import { eventually } from "./eventually.ts"
import { httpText } from "./http.ts"
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

const metric = (replica: Replica, line: RegExp) =>
  Effect.map(httpText(`${replica.origin}/metrics`), (text) => Number(line.exec(text)?.[1] ?? "0"))

const leads = (replica: Replica) =>
  metric(replica, /^leader_election_master_status\{name="cloud-controller-manager"\} (\S+)$/m)

/** A Lease whose holder was killed has to run out first. */
const untilLeading = (replica: Replica) =>
  eventually(leads(replica), (value) => assert.strictEqual(value, 1), "60 seconds")

/** Every Service and Node that is there has been looked at, and the queues are empty again. */
const settled = (replica: Replica) =>
  eventually(
    Effect.all([
      metric(replica, /^workqueue_adds_total\{name="service"\} (\S+)$/m),
      metric(replica, /^workqueue_depth\{name="service"\} (\S+)$/m),
      metric(replica, /^workqueue_unfinished_work_seconds\{name="service"\} (\S+)$/m)
    ]),
    ([adds, depth, unfinished]) => {
      assert.isAbove(adds, 0)
      assert.deepStrictEqual([depth, unfinished], [0, 0])
    }
  )

const stop = Effect.fnUntraced(function* (replica: Replica) {
  yield* replica.signal("SIGTERM")
  return yield* replica.exit
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
        const { cloud, startController } = yield* Cluster
        const before = yield* cloud.balanced
        const shop = yield* namespace("away")
        const first = yield* startController
        yield* shop.apply({})
        yield* shop.address
        yield* first.signal("SIGKILL")
        yield* shop.kubectl("delete", "service", "web", "--wait=false")
        yield* startController
        yield* eventually(cloud.balanced, (now) => assert.deepStrictEqual(now, before), "60 seconds")
        yield* eventually(Effect.exit(shop.get), ({ _tag }) => assert.strictEqual(_tag, "Failure"))
      })
    )

    it.effect("killed in the middle of an allocation, it leaks no address", () =>
      Effect.gen(function* () {
        const { cloud, startController } = yield* Cluster
        const before = yield* cloud.balanced
        const first = yield* startController
        yield* untilLeading(first)
        const asked = (yield* cloud.calls).length
        const shop = yield* namespace("killed")
        yield* shop.apply({})
        yield* eventually(cloud.calls, (calls) => assert.include(mutationsIn(calls.slice(asked)), "associateIpAddress"))
        yield* first.signal("SIGKILL")
        yield* first.exit
        yield* startController
        const ip = yield* eventually(shop.address, () => {}, "60 seconds")
        assert.deepStrictEqual(
          (yield* cloud.balanced).map((of) => of.ip),
          [...before.map((of) => of.ip), ip].toSorted()
        )
        assert.lengthOf((yield* shop.on(ip)).rules, 2)
        yield* shop.remove
      })
    )

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

    it.effect("of two replicas one works, and the other takes over when it is killed", () =>
      Effect.gen(function* () {
        const { startController } = yield* Cluster
        const replicas = [yield* startController, yield* startController] as const
        const states = yield* eventually(
          Effect.all([leads(replicas[0]), leads(replicas[1])]),
          (all) => assert.deepStrictEqual(all.toSorted(), [0, 1]),
          "60 seconds"
        )
        const [leader, standby] = states[0] === 1 ? replicas : [replicas[1], replicas[0]]
        const shop = yield* namespace("replicas")
        yield* shop.apply({ ports: [80] })
        const ip = yield* shop.address
        yield* leader.signal("SIGKILL")
        yield* shop.apply({ ports: [80, 443] })
        yield* eventually(
          shop.on(ip),
          ({ rules }) =>
            assert.deepStrictEqual(
              rules.map(({ members, publicPort }) => ({ members, publicPort })),
              [80, 443].map((publicPort) => ({ members: candidates, publicPort }))
            ),
          "60 seconds"
        )
        assert.isTrue(standby.running())
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
