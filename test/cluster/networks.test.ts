/** The life of a Service in every kind of network, on a real API server, with the shipped bundle and its rights at work. */
import { mkdtempSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { inject } from "vitest"
import { kinds, type NetworkKind } from "../support/networkKinds.ts"
import { difference, initial, linesOf, sorted, type Wish, wanted } from "../support/networkLines.ts"
import { everythingIn, idsOf } from "../support/strangers.ts"
import { startSimulator } from "./Cluster.ts"
import { ControlPlane } from "./ControlPlane.ts"
import { eventually } from "./eventually.ts"
import { httpText } from "./http.ts"
import { freePort, ProcessError, start } from "./Process.ts"
import { suite } from "./suite.ts"

const root = join(import.meta.dirname, "../..")
const prefix = "service.beta.kubernetes.io/cloudstack-load-balancer-"

const manifests = Layer.effectDiscard(
  Effect.flatMap(ControlPlane, ({ kubectl }) =>
    kubectl(["apply", "--server-side", "-k", join(root, "deploy/kustomize/base")])
  )
)

const World = Schema.fromJsonString(
  Schema.Struct({ projects: Schema.Array(Schema.Struct({ id: Schema.String, name: Schema.String })) })
)

const config = (origin: string, account: string, projectId: string | undefined) =>
  [
    "[Global]",
    `api-url = ${origin}/client/api`,
    `api-key = ${account}-key`,
    `secret-key = ${account}-secret`,
    ...(projectId === undefined ? [] : [`project-id = ${projectId}`])
  ].join("\n")

/** A CloudStack of that kind, with a controller that has the key of one of its accounts. */
const place = Effect.fnUntraced(function* ({ options }: NetworkKind) {
  const built = inject("bundle")
  if ("broken" in built) return yield* new ProcessError({ program: "npm run build", message: built.broken })
  const controlPlane = yield* ControlPlane
  const directory = mkdtempSync(join(controlPlane.directory, "network-"))
  const cloudPort = yield* freePort
  const origin = `http://127.0.0.1:${cloudPort}`
  yield* startSimulator({ bundle: built.path, directory, port: cloudPort, world: options.world })
  const world = httpText(`${origin}/world`)
  const { projects } = yield* Schema.decodeEffect(World)(yield* world)
  const configFile = join(directory, "cloud-config")
  const projectId = projects.find(({ name }) => name === options.project)?.id
  writeFileSync(configFile, config(origin, options.account ?? "alice", projectId), { mode: 0o600 })

  const { kubeconfig } = yield* controlPlane.logIn("kube-system", "cloud-controller-manager")
  yield* start({
    command: process.execPath,
    args: [
      built.path,
      "--leader-elect=true",
      "--cloud-provider=external-cloudstack",
      `--cloud-config=${configFile}`,
      `--kubeconfig=${kubeconfig}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${yield* freePort}`
    ],
    logFile: join(directory, "controller.log")
  })
  return { everything: Effect.map(world, (text) => everythingIn(JSON.parse(text))) }
})

const nodeObject = (name: string) => ({ apiVersion: "v1", kind: "Node", metadata: { name } })
const ready = JSON.stringify({ status: { conditions: [{ type: "Ready", status: "True", reason: "KubeletReady" }] } })

/** A namespace of its own, and the Nodes, until the scope ends. */
const workplace = Effect.fnUntraced(function* (name: string) {
  const { kubectl } = yield* ControlPlane
  const join = (node: string) =>
    Effect.andThen(
      Effect.acquireRelease(kubectl(["apply", "-f", "-"], JSON.stringify(nodeObject(node))), () =>
        Effect.ignore(kubectl(["delete", "node", node, "--ignore-not-found"]))
      ),
      kubectl(["patch", "node", node, "--subresource=status", "--type=merge", "-p", ready])
    )
  yield* Effect.acquireRelease(kubectl(["create", "namespace", name]), () =>
    Effect.ignore(kubectl(["-n", name, "delete", "services", "--all", "--timeout=20s"]))
  )
  for (const node of initial.nodes) yield* join(node)
  const inside = (...args: ReadonlyArray<string>) => kubectl(["-n", name, ...args])
  const apply = (wish: Wish, annotations: Readonly<Record<string, string>> = {}) => {
    const ports = wish.ports.map(([port, nodePort]) => ({ name: `p${port}`, port, nodePort, protocol: "TCP" }))
    const spec = { type: "LoadBalancer", ports, loadBalancerSourceRanges: wish.sources }
    const service = { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: name, annotations }, spec }
    return kubectl(["apply", "-f", "-"], JSON.stringify(service))
  }
  return { apply, inside, join }
})

const served = Effect.fnUntraced(function* (kind: NetworkKind, border: "firewall" | "acl", name: string) {
  const { everything } = yield* place(kind)
  const { apply, inside, join } = yield* workplace(name)
  const before = yield* everything
  const strangers = idsOf(before)
  const becomes = (wish: Wish) =>
    eventually(
      everything,
      (now) => assert.deepStrictEqual(difference(linesOf(now, strangers), wanted(wish, border)), []),
      "60 seconds"
    )
  yield* apply(initial)
  yield* becomes(initial)
  const shown = inside("get", "service", "web", "-o", "jsonpath={.status.loadBalancer.ingress[0].ipMode}")
  yield* eventually(shown, (mode) => assert.strictEqual(mode, "VIP"))

  const ported: Wish = {
    ...initial,
    ports: [
      [80, 31_080],
      [8443, 30_443]
    ]
  }
  yield* apply(ported)
  yield* becomes(ported)
  const restricted: Wish = { ...ported, sources: ["198.51.100.0/24", "192.0.2.0/24"] }
  yield* apply(restricted)
  yield* becomes(restricted)
  const narrowed: Wish = { ...ported, sources: ["10.0.0.0/8", "192.0.2.0/24"] }
  yield* apply(narrowed)
  yield* becomes(narrowed)
  const joined: Wish = { ...narrowed, nodes: [...narrowed.nodes, "n4"] }
  yield* join("n4")
  yield* becomes(joined)
  const proxied: Wish = { ...joined, protocol: "tcp-proxy" }
  yield* apply(proxied, { [`${prefix}proxy-protocol`]: "true" })
  yield* becomes(proxied)
  yield* eventually(shown, (mode) => assert.strictEqual(mode, "Proxy"))
  yield* inside("delete", "service", "web", "--timeout=60s")
  assert.strictEqual(sorted(yield* everything), sorted(before))
})

const refused = Effect.fnUntraced(function* (kind: NetworkKind, name: string) {
  const { everything } = yield* place(kind)
  const { apply, inside } = yield* workplace(name)
  const before = yield* everything
  yield* apply(initial)
  const messages = inside("get", "events", "-o", 'jsonpath={range .items[*]}{.reason} {.count}: {.message}{"\\n"}{end}')
  const events = yield* eventually(messages, (text) => assert.include(text, "NetworkUnsupported"))
  assert.include(events, kind.cause ?? "no cause")
  yield* inside("annotate", "service", "web", "touched=1")
  yield* Effect.sleep("4 seconds")
  assert.strictEqual((yield* messages).split("\n").filter((line) => line.startsWith("NetworkUnsupported")).length, 1)
  assert.match(yield* messages, /NetworkUnsupported 1:/)
  assert.strictEqual(sorted(yield* everything), sorted(before))
  yield* inside("delete", "service", "web", "--timeout=20s")
})

/**
 * What only decorates the simulator in memory (ROUTED mode's own field) is not there over HTTP: the offering without Lb,
 * which is what such a network has, stands for it. The owner's key is any user's key.
 */
const overHttp = kinds.filter(({ name, options }) => options.around === undefined && !name.includes("owner's key"))

suite(
  "networks",
  (binaries) => Layer.provideMerge(manifests, ControlPlane.layer(binaries)),
  (it) => {
    for (const [index, kind] of overHttp.entries()) {
      it.effect(kind.name, () =>
        kind.border === undefined ? refused(kind, `network-${index}`) : served(kind, kind.border, `network-${index}`)
      )
    }
  }
)
