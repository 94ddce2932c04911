/** The life of LoadBalancer Services, from `kubectl apply` to `kubectl delete`, with the shipped bundle at work. */
import { join } from "node:path"
import { assert } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { refusedOf } from "./audit.ts"
import { Cluster, lastWords } from "./Cluster.ts"
import { eventually } from "./eventually.ts"
import { finalizer, namespace } from "./services.ts"
import { suite } from "./suite.ts"
import { candidates, nodeObject, spare } from "./world.ts"

const example = join(import.meta.dirname, "../../deploy/examples/traefik.yaml")

const controller = Layer.effectDiscard(Effect.flatMap(Cluster, ({ startController }) => startController))
const open = (ports: ReadonlyArray<number>) => ports.map((port) => `tcp ${port}-${port} 0.0.0.0/0`).toSorted()

suite(
  "service",
  (binaries) => Layer.provideMerge(controller, Cluster.layer(binaries)),
  (it) => {
    it.effect("the example gets its address, rules and firewall, and leaves nothing behind", () =>
      Effect.gen(function* () {
        const { cloud } = yield* Cluster
        const before = yield* Effect.all([cloud.balanced, cloud.tags])
        const shop = yield* namespace("example")
        yield* shop.kubectl("apply", "-f", example)
        const get = (path: string) => shop.kubectl("get", "service", "traefik", "-o", `jsonpath={${path}}`)
        const ingress = yield* eventually(get(".status.loadBalancer.ingress"), (text) => assert.include(text, "ip"))
        const ip = yield* get(".status.loadBalancer.ingress[0].ip")
        assert.deepStrictEqual(JSON.parse(ingress), [{ ip, ipMode: "Proxy" }])
        const [http = "", https = ""] = (yield* get(".spec.ports[*].nodePort")).split(" ")
        const { firewall, rules } = yield* shop.on(ip)
        const uid = (yield* get(".metadata.uid")).replaceAll("-", "")
        assert.deepStrictEqual(
          rules.map(({ id: _, ...rule }) => rule),
          [[80, http] as const, [443, https] as const].map(([port, nodePort]) => ({
            name: `${`a${uid}`.slice(0, 32)}-tcp-proxy-${port}`,
            protocol: "tcp-proxy",
            algorithm: "roundrobin",
            publicPort: port,
            privatePort: Number(nodePort),
            members: candidates
          }))
        )
        assert.deepStrictEqual(firewall, open([80, 443]))
        assert.include(yield* get(".metadata.finalizers"), finalizer)
        yield* eventually(shop.events, (events) =>
          assert.includeMembers(
            events.map(({ reason }) => reason),
            ["EnsuringLoadBalancer", "EnsuredLoadBalancer"]
          )
        )

        yield* shop.kubectl("delete", "--timeout=30s", "-f", example)
        assert.deepStrictEqual(yield* Effect.all([cloud.balanced, cloud.tags]), before)
      })
    )

    it.effect("the PROXY protocol is switched off and on in place", () =>
      Effect.gen(function* () {
        const shop = yield* namespace("proxy")
        yield* shop.apply({})
        const ip = yield* shop.address
        assert.deepStrictEqual(yield* shop.ingress, [{ ip, ipMode: "VIP" }])
        const before = (yield* shop.on(ip)).rules
        const steps: ReadonlyArray<readonly [string | undefined, Array<string>, string | undefined]> = [
          ["true", ["tcp-proxy", "tcp-proxy"], "Proxy"],
          ["p443", ["tcp", "tcp-proxy"], undefined],
          [undefined, ["tcp", "tcp"], "VIP"]
        ]
        for (const [value, protocols, ipMode] of steps) {
          yield* shop.annotate("proxy-protocol", value)
          const now = yield* eventually(shop.on(ip), ({ rules }) =>
            assert.deepStrictEqual(
              rules.map(({ protocol }) => protocol),
              protocols
            )
          )
          assert.deepStrictEqual(
            now.rules.map(({ id, members }) => ({ id, members })),
            before.map(({ id, members }) => ({ id, members }))
          )
          if (ipMode === undefined) continue
          yield* eventually(shop.ingress, (ingress) => assert.deepStrictEqual(ingress, [{ ip, ipMode }]))
        }
      })
    )

    it.effect("ports come, go and move to another node port; what stays keeps its rule", () =>
      Effect.gen(function* () {
        const shop = yield* namespace("ports")
        yield* shop.apply({ ports: [80, 443] })
        const ip = yield* shop.address
        const [http] = (yield* shop.on(ip)).rules
        yield* shop.apply({ ports: [80, 8443] })
        const changed = yield* eventually(shop.on(ip), ({ firewall, rules }) => {
          assert.deepStrictEqual(
            rules.map(({ publicPort }) => publicPort),
            [80, 8443]
          )
          assert.deepStrictEqual(rules[1]?.members, candidates)
          assert.deepStrictEqual(firewall, open([80, 8443]))
        })
        assert.deepStrictEqual(changed.rules[0], http)

        yield* shop.kubectl(
          ...["patch", "service", "web", "--type=json", "-p"],
          JSON.stringify([{ op: "replace", path: "/spec/ports/0/nodePort", value: 32_080 }])
        )
        yield* eventually(shop.on(ip), ({ rules: [moved] }) => {
          assert.strictEqual(moved?.privatePort, 32_080)
          assert.deepStrictEqual(moved?.members, candidates)
        })
        assert.deepStrictEqual(yield* shop.ingress, [{ ip, ipMode: "VIP" }])
      })
    )

    it.effect("sources are restricted, narrowed and opened again", () =>
      Effect.gen(function* () {
        const shop = yield* namespace("sources")
        yield* shop.apply({ ports: [80], spec: { loadBalancerSourceRanges: ["10.0.0.0/8", "192.0.2.0/24"] } })
        const ip = yield* shop.address
        assert.deepStrictEqual((yield* shop.on(ip)).firewall, ["tcp 80-80 10.0.0.0/8,192.0.2.0/24"])
        yield* shop.patch({ spec: { loadBalancerSourceRanges: ["192.0.2.0/24", "198.51.100.7/32"] } })
        yield* eventually(shop.on(ip), ({ firewall }) => {
          const sources = firewall.flatMap((rule) => rule.split(" ")[2]?.split(",") ?? [])
          assert.deepStrictEqual(sources.toSorted(), ["192.0.2.0/24", "198.51.100.7/32"])
        })
        yield* shop.patch({ spec: { loadBalancerSourceRanges: null } })
        yield* eventually(shop.on(ip), ({ firewall }) => assert.deepStrictEqual(firewall, open([80])))
      })
    )

    it.effect("nodes that join, are excluded or leave join and leave every rule", () =>
      Effect.gen(function* () {
        const { kubectl } = yield* Cluster
        const shop = yield* namespace("nodes")
        yield* shop.apply({})
        const ip = yield* shop.address
        const before = (yield* shop.on(ip)).rules
        const membersBecome = (members: ReadonlyArray<string>) =>
          eventually(
            shop.on(ip),
            ({ rules }) =>
              assert.deepStrictEqual(
                rules,
                before.map((rule) => ({ ...rule, members }))
              ),
            "60 seconds"
          )
        const label = "node.kubernetes.io/exclude-from-external-load-balancers"
        const [first = "", ...others] = candidates

        yield* Effect.acquireRelease(kubectl(["apply", "-f", "-"], JSON.stringify(nodeObject(spare))), () =>
          Effect.ignore(kubectl(["delete", "node", spare, "--ignore-not-found"]))
        )
        yield* membersBecome([...candidates, spare])
        yield* kubectl(["label", "node", first, `${label}=`])
        yield* membersBecome([...others, spare])
        yield* kubectl(["label", "node", first, `${label}-`])
        yield* membersBecome([...candidates, spare])
        yield* kubectl(["delete", "node", spare])
        yield* membersBecome(candidates)
      })
    )

    it.effect("session affinity and a host name", () =>
      Effect.gen(function* () {
        const shop = yield* namespace("affinity")
        yield* shop.apply({ ports: [80] })
        const ip = yield* shop.address
        const [before] = (yield* shop.on(ip)).rules
        yield* shop.patch({ spec: { sessionAffinity: "ClientIP" } })
        yield* eventually(shop.on(ip), ({ rules: [rule] }) =>
          assert.deepStrictEqual(rule, before && { ...before, algorithm: "source" })
        )
        yield* shop.annotate("hostname", "shop.example.org")
        yield* eventually(shop.ingress, (ingress) =>
          assert.deepStrictEqual(ingress, [{ hostname: "shop.example.org" }])
        )
      })
    )

    it.effect("a change of type takes the load balancer down and up again", () =>
      Effect.gen(function* () {
        const { cloud } = yield* Cluster
        const shop = yield* namespace("type")
        const before = yield* cloud.balanced
        yield* shop.apply({})
        yield* shop.address
        yield* shop.patch({ spec: { type: "ClusterIP" } })
        const service = yield* eventually(shop.get, ({ metadata }) =>
          assert.notInclude(metadata.finalizers ?? [], finalizer)
        )
        assert.deepStrictEqual(service.status.loadBalancer, {})
        assert.deepStrictEqual(yield* cloud.balanced, before)
        yield* shop.patch({ spec: { type: "LoadBalancer" } })
        assert.lengthOf((yield* shop.on(yield* shop.address)).rules, 2)
      })
    )

    it.effect("a given address that was there before is used and left in place", () =>
      Effect.gen(function* () {
        const { cloud } = yield* Cluster
        const shop = yield* namespace("given")
        const ip = yield* cloud.acquire("net1")
        yield* shop.apply({ spec: { loadBalancerIP: ip } })
        assert.strictEqual(yield* shop.address, ip)
        assert.lengthOf((yield* shop.on(ip)).rules, 2)
        yield* shop.remove
        assert.deepInclude(yield* cloud.balanced, { ip, rules: [], firewall: [] })
        yield* cloud.release(ip)
      })
    )

    it.effect("what can not work is refused with one Event and costs nothing", () =>
      Effect.gen(function* () {
        const { cloud } = yield* Cluster
        const shop = yield* namespace("refused")
        const before = yield* cloud.balanced
        yield* shop.apply({ spec: { allocateLoadBalancerNodePorts: false } })
        const events = yield* eventually(shop.events, (all) =>
          assert.include(
            all.map(({ type }) => type),
            "Warning"
          )
        )
        assert.match(events.map(({ message }) => message).join("\n"), /node ?port/i)
        assert.deepStrictEqual(yield* cloud.balanced, before)
        yield* shop.patch({ spec: { allocateLoadBalancerNodePorts: true, ports: [{ name: "p80", port: 80 }] } })
        assert.lengthOf((yield* shop.on(yield* shop.address)).rules, 1)
      })
    )

    it.effect("a Service of another load balancer class is not touched", () =>
      Effect.gen(function* () {
        const other = yield* namespace("other-class")
        yield* other.apply({ spec: { loadBalancerClass: "example.org/other" } })
        const own = yield* namespace("own-class")
        yield* own.apply({})
        yield* own.address
        const { metadata, status } = yield* other.get
        assert.deepStrictEqual([metadata.finalizers, status.loadBalancer, yield* other.events], [undefined, {}, []])
      })
    )

    it.effect("all of it happened without a request that RBAC refused", () =>
      Effect.gen(function* () {
        const { controlPlane } = yield* Cluster
        assert.deepStrictEqual(refusedOf(yield* controlPlane.audit), [])
      })
    )
  },
  lastWords
)
