/** Services in a namespace of their own: how the tests write them and what they read back. */
import { Effect, Schema } from "effect"
import type { Balanced } from "./CloudStack.ts"
import { Cluster } from "./Cluster.ts"
import { eventually } from "./eventually.ts"

const Ingress = Schema.Struct({
  ip: Schema.optionalKey(Schema.String),
  hostname: Schema.optionalKey(Schema.String),
  ipMode: Schema.optionalKey(Schema.String)
})

const Service = Schema.fromJsonString(
  Schema.Struct({
    metadata: Schema.Struct({ uid: Schema.String, finalizers: Schema.optionalKey(Schema.Array(Schema.String)) }),
    spec: Schema.Struct({
      ports: Schema.Array(Schema.Struct({ port: Schema.Int, nodePort: Schema.optionalKey(Schema.Int) }))
    }),
    status: Schema.Struct({
      loadBalancer: Schema.Struct({ ingress: Schema.optionalKey(Schema.Array(Ingress)) })
    })
  })
)

const Events = Schema.fromJsonString(
  Schema.Struct({
    items: Schema.Array(Schema.Struct({ type: Schema.String, reason: Schema.String, message: Schema.String }))
  })
)

export const prefix = "service.beta.kubernetes.io/cloudstack-load-balancer-"
export const finalizer = "service.kubernetes.io/load-balancer-cleanup"

interface Wanted {
  readonly annotations?: Readonly<Record<string, string>>
  readonly ports?: ReadonlyArray<number>
  readonly spec?: Readonly<Record<string, unknown>>
}

const manifest = (namespace: string, { annotations = {}, ports = [80, 443], spec = {} }: Wanted) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace, annotations },
  spec: { type: "LoadBalancer", ports: ports.map((port) => ({ name: `p${port}`, port })), ...spec }
})

/** A namespace whose Services go with the scope, as far as there is a controller left to see to it. */
export const namespace = Effect.fnUntraced(function* (name: string) {
  const { cloud, controlPlane, kubectl } = yield* Cluster
  yield* Effect.acquireRelease(kubectl(["create", "namespace", name]), () =>
    Effect.ignore(kubectl(["-n", name, "delete", "services", "--all", "--timeout=10s"]))
  )
  const get = Effect.flatMap(kubectl(["-n", name, "get", "service", "web", "-o", "json"]), (text) =>
    Schema.decodeEffect(Service)(text)
  )
  const ingress = Effect.map(get, ({ status }) => status.loadBalancer.ingress ?? [])
  const on = (ip: string) =>
    Effect.map(cloud.balanced, (all): Balanced => all.find((of) => of.ip === ip) ?? { ip, rules: [], firewall: [] })
  return {
    name,
    kubectl: (...args: ReadonlyArray<string>) => kubectl(["-n", name, ...args]),
    apply: (wanted: Wanted) => kubectl(["apply", "-f", "-"], JSON.stringify(manifest(name, wanted))),
    patch: (patch: unknown) =>
      kubectl(["-n", name, "patch", "service", "web", "--type=merge", "-p", JSON.stringify(patch)]),
    annotate: (suffix: string, value: string | undefined) =>
      kubectl([
        "-n",
        name,
        "annotate",
        "--overwrite",
        "service",
        "web",
        prefix + suffix + (value === undefined ? "-" : `=${value}`)
      ]),
    remove: kubectl(["-n", name, "delete", "service", "web", "--timeout=30s"]),
    get,
    ingress,
    /** The published address, once there is one. */
    address: Effect.map(
      eventually(ingress, ([first]) => {
        if (first?.ip === undefined) throw new Error("no address published yet")
      }),
      ([first]) => first?.ip ?? ""
    ),
    on,
    events: Effect.flatMap(kubectl(["-n", name, "get", "events", "-o", "json"]), (text) =>
      Effect.map(Schema.decodeEffect(Events)(text), ({ items }) => items)
    ),
    audit: controlPlane.audit
  }
})
