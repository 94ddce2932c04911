/** The views of Kubernetes keep on a real API server what they keep on the one in memory. */
import { assert } from "@effect/vitest"
import { Effect, Layer, Logger, Schema } from "effect"
import { Events } from "../../src/kubernetes/Events.ts"
import { eventsLayer, leasesLayer, nodesLayer, servicesLayer } from "../../src/kubernetes/layers.ts"
import { Connection } from "../../src/kubernetes/live/Connection.ts"
import { layerLive } from "../../src/kubernetes/live/layerLive.ts"
import { Services } from "../../src/kubernetes/Services.ts"
import { type Cluster, kubeContract } from "../support/kubeContract.ts"
import { serviceManifest } from "../support/kubeManifests.ts"
import { ControlPlane } from "./ControlPlane.ts"
import { eventually } from "./eventually.ts"
import type { Kubectl } from "./kubectl.ts"
import { suite } from "./suite.ts"

const userOf = (kubectl: Kubectl): Cluster => {
  const named = (key: string) => (key.includes("/") ? ["-n", ...key.split("/")] : [key])
  const args = (verb: string, kind: string, key: string) => {
    const [flag, namespace, name] = named(key)
    return name === undefined ? [verb, kind, key] : [verb, `${flag}`, `${namespace}`, kind, name]
  }
  return {
    apply: (manifest) => kubectl(["apply", "-f", "-"], JSON.stringify(manifest)),
    edit: (kind, key, patch) => kubectl([...args("patch", kind, key), "--type=merge", "-p", JSON.stringify(patch)]),
    remove: (kind, key) => kubectl([...args("delete", kind, key), "--wait=false"])
  }
}

const views = Layer.unwrap(
  Effect.map(ControlPlane, ({ adminKubeconfig }) =>
    Layer.mergeAll(servicesLayer, nodesLayer, leasesLayer, eventsLayer).pipe(
      Layer.provide(layerLive({ userAgent: "contract", qps: 0, burst: 0 })),
      Layer.provide(Connection.layer({ kubeconfig: adminKubeconfig }))
    )
  )
)

const Recorded = Schema.fromJsonString(
  Schema.Struct({
    items: Schema.Array(
      Schema.Struct({
        reason: Schema.String,
        count: Schema.Int,
        reportingComponent: Schema.String,
        message: Schema.String
      })
    )
  })
)

suite(
  "the views",
  (binaries) => Layer.provideMerge(views, ControlPlane.layer(binaries)).pipe(Layer.provide(Logger.layer([]))),
  (it) => {
    const user = Effect.map(ControlPlane, ({ kubectl }) => userOf(kubectl))

    it.effect("have a namespace to work in", () =>
      Effect.gen(function* () {
        const { kubectl } = yield* ControlPlane
        yield* kubectl(["create", "namespace", "shop"])
      })
    )

    for (const [name, check] of Object.entries(kubeContract)) {
      it.effect(name, () => Effect.flatMap(user, check))
    }

    it.effect("record events that are counted", () =>
      Effect.gen(function* () {
        const { kubectl } = yield* ControlPlane
        const events = yield* Events
        const services = yield* Services
        yield* (yield* user).apply(serviceManifest("told"))
        const told = yield* eventually(Effect.flatMap(services.find("shop/told"), Effect.fromOption), () => {})
        const about = { kind: "Service", apiVersion: "v1", namespace: "shop", name: "told", uid: told.uid } as const
        const note = { about, type: "Warning", reason: "Told", component: "service-controller" } as const
        for (let index = 0; index < 3; index++) yield* events.record({ ...note, message: "the same" })
        for (let index = 0; index < 12; index++) yield* events.record({ ...note, message: `other ${index}` })
        yield* eventually(
          kubectl(["-n", "shop", "get", "events", "-o", "json"]).pipe(
            Effect.flatMap((text) => Schema.decodeEffect(Recorded)(text))
          ),
          ({ items }) => {
            assert.strictEqual(items.length, 10)
            assert.isTrue(items.every((item) => item.reason === "Told" && item.reportingComponent === note.component))
            assert.strictEqual(items.find((item) => item.message === "the same")?.count, 3)
            const combined = items.find((item) => item.message.startsWith("(combined from similar events): "))
            assert.strictEqual(combined?.message, "(combined from similar events): other 11")
            assert.strictEqual(combined?.count, 4)
          }
        )
      }).pipe(Effect.provide(Logger.layer([])))
    )
  }
)
