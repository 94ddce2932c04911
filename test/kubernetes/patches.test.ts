import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { decodeNode, decodeService } from "../../src/kubernetes/decode.ts"
import type { NodeWrite } from "../../src/kubernetes/Nodes.ts"
import { nodePatch, servicePatch } from "../../src/kubernetes/patches.ts"
import type { ServiceWrite } from "../../src/kubernetes/Services.ts"
import { nodeJson, serviceJson } from "../support/kubeJson.ts"

const ours = "service.kubernetes.io/load-balancer-cleanup"
const service = { ...Result.getOrThrow(decodeService(serviceJson("web", 5))), finalizers: [] }
const node = Result.getOrThrow(decodeNode(nodeJson("n1", 9)))
const [unreachable, other] = node.taints

describe("the patch of a Service", () => {
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<string>, ServiceWrite, unknown]> = [
    ["adds the first finalizer", [], { _tag: "AddFinalizer", finalizer: ours }, { metadata: { finalizers: [ours] } }],
    [
      "adds one to others",
      ["other"],
      { _tag: "AddFinalizer", finalizer: ours },
      { metadata: { "$setElementOrder/finalizers": ["other", ours], finalizers: [ours] } }
    ],
    ["adds none twice", [ours], { _tag: "AddFinalizer", finalizer: ours }, undefined],
    [
      "removes one of several",
      ["other", ours],
      { _tag: "RemoveFinalizer", finalizer: ours },
      { metadata: { "$deleteFromPrimitiveList/finalizers": [ours], "$setElementOrder/finalizers": ["other"] } }
    ],
    [
      "removes the only one, and no other that may appear",
      [ours],
      { _tag: "RemoveFinalizer", finalizer: ours },
      { metadata: { "$deleteFromPrimitiveList/finalizers": [ours] } }
    ],
    ["removes none that is not there", ["other"], { _tag: "RemoveFinalizer", finalizer: ours }, undefined],
    [
      "replaces the addresses",
      [],
      {
        _tag: "SetIngress",
        ingress: [{ ip: "203.0.113.8", ipMode: "VIP", ports: [{ port: 53, protocol: "UDP", error: "x.test/No" }] }]
      },
      {
        status: {
          loadBalancer: {
            ingress: [{ ip: "203.0.113.8", ipMode: "VIP", ports: [{ port: 53, protocol: "UDP", error: "x.test/No" }] }]
          }
        }
      }
    ],
    ["clears the addresses", [], { _tag: "SetIngress", ingress: [] }, { status: { loadBalancer: { ingress: null } } }],
    ["leaves equal addresses", [], { _tag: "SetIngress", ingress: service.ingress }, undefined],
    [
      "says only what differs in annotations",
      [],
      {
        _tag: "Annotate",
        annotations: {
          "service.beta.kubernetes.io/cloudstack-load-balancer-proxy-protocol": "enabled",
          a: "b",
          gone: null
        }
      },
      { metadata: { annotations: { a: "b" } } }
    ],
    ["says nothing of nothing", [], { _tag: "Annotate", annotations: { gone: null } }, undefined]
  ]
  for (const [name, finalizers, write, patch] of cases) {
    it(name, () => assert.deepStrictEqual(servicePatch({ ...service, finalizers }, write), patch))
  }
})

describe("the patch of a Node", () => {
  const cases: ReadonlyArray<readonly [string, NodeWrite, unknown]> = [
    [
      "replaces taints under the revision read",
      { _tag: "Change", taints: unreachable === undefined ? [] : [unreachable] },
      { metadata: { resourceVersion: "9" }, spec: { taints: unreachable === undefined ? null : [unreachable] } }
    ],
    [
      "removes the last taint",
      { _tag: "Change", taints: [] },
      { metadata: { resourceVersion: "9" }, spec: { taints: null } }
    ],
    ["leaves equal taints", { _tag: "Change", taints: [unreachable, other].flatMap((it) => it ?? []) }, undefined],
    [
      "merges labels without a precondition",
      { _tag: "Change", labels: { zone: "a", "kubernetes.io/hostname": "n1" }, annotations: { gone: null } },
      { metadata: { labels: { zone: "a" } } }
    ],
    ["leaves an equal providerID", { _tag: "Change", providerID: "external-cloudstack://5f1c" }, undefined],
    [
      "replaces addresses that are there",
      { _tag: "SetAddresses", addresses: [{ type: "InternalIP", address: "10.1.1.9" }] },
      { status: { addresses: [{ type: "InternalIP", address: "10.1.1.9" }, { $patch: "replace" }] } }
    ],
    [
      "takes another order for a change",
      { _tag: "SetAddresses", addresses: [...node.addresses].reverse() },
      { status: { addresses: [...[...node.addresses].reverse(), { $patch: "replace" }] } }
    ],
    ["leaves equal addresses", { _tag: "SetAddresses", addresses: node.addresses }, undefined]
  ]
  for (const [name, write, patch] of cases) {
    it(name, () => assert.deepStrictEqual(nodePatch(node, write), patch))
  }
  it("sets the first addresses plainly", () => {
    const addresses = [{ type: "InternalIP", address: "10.1.1.9" }]
    const write: NodeWrite = { _tag: "SetAddresses", addresses }
    assert.deepStrictEqual(nodePatch({ ...node, addresses: [] }, write), { status: { addresses } })
  })
})
