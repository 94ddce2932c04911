/** The commands as the process runs them: a cloud-config, a kubeconfig, a CloudStack and an API server behind HTTP. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, FileSystem, Layer } from "effect"
import { Listener, layerHttp } from "../../src/cloudstack/memory/http.ts"
import { layer as simulator } from "../../src/cloudstack/memory/layer.ts"
import { kubeServer } from "./kubeServer.ts"
import { worldOf } from "./testBed.ts"

/** A Service as the API server lists it. */
export const serviceJson = (
  namespace: string,
  name: string,
  uid: string,
  more: Readonly<Record<string, unknown>> = {}
) => ({
  metadata: { namespace, name, uid, resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
  spec: { type: "LoadBalancer", ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 30_080 }], ...more },
  status: { loadBalancer: {} }
})

const nodeJson = (name: string) => ({
  metadata: { name, uid: name, resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
  spec: {},
  status: { conditions: [{ type: "Ready", status: "True" }] }
})

const list = (kind: string, items: ReadonlyArray<unknown>) => ({
  kind: `${kind}List`,
  apiVersion: "v1",
  metadata: { resourceVersion: "1" },
  items
})

/** An API server that holds these Services and the nodes n1 to n3, and takes no writes. */
const cluster = (services: ReadonlyArray<unknown>) =>
  kubeServer(({ method, path, query }, answer) => {
    if (method !== "GET") return answer.json(405, { kind: "Status", code: 405, message: "read only" })
    if (query.get("watch") === "true" || query.get("watch") === "1") return answer.lines()
    if (path.endsWith("/namespaces/kube-system"))
      return answer.json(200, { metadata: { name: "kube-system", uid: "test-cluster" } })
    if (path.endsWith("/services")) return answer.json(200, list("Service", services))
    if (path.endsWith("/nodes")) return answer.json(200, list("Node", ["n1", "n2", "n3"].map(nodeJson)))
    answer.json(404, { kind: "Status", code: 404, reason: "NotFound", message: "not found" })
  })

/** Flags by which the commands find both. */
export const commandWorld = Effect.fnUntraced(function* (services: ReadonlyArray<unknown>) {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  const { url } = yield* Listener
  const { asked, url: server } = yield* cluster(services)
  const config = `[Global]\napi-url = ${url}\napi-key = alice-key\nsecret-key = alice-secret\n`
  yield* fs.writeFileString(`${directory}/cloud-config`, config)
  const kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [{ name: "test", cluster: { server } }],
    users: [{ name: "test", user: { token: "t0ken" } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }]
  }
  yield* fs.writeFileString(`${directory}/kubeconfig`, JSON.stringify(kubeconfig))
  return { asked, flags: [`--cloud-config=${directory}/cloud-config`, `--kubeconfig=${directory}/kubeconfig`] }
})

export const cloudOverHttp = Layer.unwrap(
  Effect.sync(() =>
    layerHttp({ bind: "127.0.0.1", port: 0 }).pipe(Layer.provideMerge(simulator(worldOf(), { seed: 1 })))
  )
).pipe(Layer.provideMerge(NodeServices.layer))
