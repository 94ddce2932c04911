import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { decodeNode, decodeService } from "../../src/kubernetes/decode.ts"
import { nodeJson, serviceJson } from "../support/kubeJson.ts"

describe("decoding", () => {
  it("narrows a Service", () => {
    assert.deepStrictEqual(Result.getOrThrow(decodeService(serviceJson("web", 812))), {
      key: "shop/web",
      namespace: "shop",
      name: "web",
      uid: "uid-web",
      resourceVersion: "812",
      annotations: { "service.beta.kubernetes.io/cloudstack-load-balancer-proxy-protocol": "enabled" },
      finalizers: ["service.kubernetes.io/load-balancer-cleanup"],
      deleting: false,
      type: "LoadBalancer",
      sourceRanges: ["192.0.2.0/24"],
      ports: [
        { name: "http", protocol: "TCP", port: 80, nodePort: 31_080, targetPort: "http", appProtocol: "" },
        {
          name: "https",
          protocol: "TCP",
          port: 443,
          nodePort: 31_443,
          targetPort: "8443",
          appProtocol: "kubernetes.io/ws"
        }
      ],
      sessionAffinity: "ClientIP",
      sessionAffinityTimeout: 600,
      externalTrafficPolicy: "Local",
      healthCheckNodePort: 32_000,
      allocateNodePorts: true,
      ipFamilies: ["IPv4"],
      externalIPs: [],
      ingress: [
        { ip: "203.0.113.7", ipMode: "Proxy", ports: [{ port: 80, protocol: "TCP" }] },
        { hostname: "lb.example.com" }
      ]
    })
  })

  it("forgives what is missing, null or new", () => {
    const metadata = { name: "x", namespace: "d", uid: "u", resourceVersion: "1", annotations: null, finalizers: null }
    for (const rest of [{}, { spec: null, status: null }, { spec: { ports: null }, status: { loadBalancer: {} } }]) {
      const service = Result.getOrThrow(decodeService({ metadata, ...rest }))
      assert.deepInclude(service, {
        type: "ClusterIP",
        ports: [],
        ingress: [],
        annotations: {},
        allocateNodePorts: true
      })
      assert.notProperty(service, "loadBalancerClass")
    }
    const ingress = [{ ip: "203.0.113.7", ipMode: "Teleport", zone: "new" }]
    const service = Result.getOrThrow(decodeService({ metadata, status: { loadBalancer: { ingress } } }))
    assert.deepStrictEqual(service.ingress, [{ ip: "203.0.113.7" }])
  })

  it("takes a deletion timestamp for what it is", () => {
    const metadata = { name: "x", namespace: "d", uid: "u", resourceVersion: "1" }
    const deletionTimestamp = "2026-11-01T08:00:00Z"
    assert.isTrue(Result.getOrThrow(decodeService({ metadata: { ...metadata, deletionTimestamp } })).deleting)
    assert.isFalse(Result.getOrThrow(decodeService({ metadata: { ...metadata, deletionTimestamp: null } })).deleting)
  })

  it("refuses what has no identity, without repeating its contents", () => {
    const failure = Result.getOrThrow(Result.flip(decodeService({ metadata: { name: "s3cret" } })))
    assert.include(failure.message, "metadata")
    assert.notInclude(failure.message, "s3cret")
  })

  it("narrows a Node", () => {
    assert.deepStrictEqual(Result.getOrThrow(decodeNode(nodeJson("n1", 9))), {
      name: "n1",
      uid: "uid-n1",
      resourceVersion: "9",
      createdAt: Date.parse("2026-11-01T08:00:00Z"),
      labels: { "kubernetes.io/hostname": "n1", "node-role.kubernetes.io/control-plane": "" },
      annotations: { "node.alpha.kubernetes.io/ttl": "0" },
      deleting: false,
      providerID: "external-cloudstack://5f1c",
      taints: [
        { key: "node.kubernetes.io/unreachable", effect: "NoExecute", timeAdded: "2026-11-01T09:00:00Z" },
        { key: "example.com/x", effect: "NoSchedule", value: "y" }
      ],
      ready: "False",
      addresses: [
        { type: "InternalIP", address: "10.1.1.5" },
        { type: "Hostname", address: "n1" }
      ]
    })
  })

  it("knows nothing of a Node without conditions", () => {
    const node = Result.getOrThrow(decodeNode({ metadata: { name: "n", uid: "u", resourceVersion: "1" } }))
    assert.deepInclude(node, { ready: "Unknown", providerID: "", taints: [], addresses: [], createdAt: 0 })
  })
})
