import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import {
  addressWrite,
  initialisation,
  needsSync,
  sightWrite,
  wantedAddresses
} from "../../../src/controllers/node/plan.ts"
import { encodeSeenVm } from "../../../src/domain/SeenVm.ts"
import type { Node } from "../../../src/kubernetes/objects.ts"
import { uninitialised, vmOf } from "../../support/nodeCloud.ts"

const node = (over: Partial<Node> = {}): Node => ({
  name: "a",
  uid: "u",
  resourceVersion: "1",
  createdAt: 0,
  labels: {},
  annotations: {},
  deleting: false,
  providerID: "",
  taints: [],
  ready: "True",
  addresses: [],
  ...over
})
const naming = { format: "external-cloudstack", region: undefined } as const

describe("initialisation", () => {
  it("is one write of everything", () =>
    assert.deepStrictEqual(initialisation(node({ taints: [uninitialised] }), vmOf("a"), { ...naming, region: "eu" }), {
      _tag: "Change",
      providerID: "external-cloudstack://a",
      labels: {
        "node.kubernetes.io/instance-type": "Small_Instance",
        "beta.kubernetes.io/instance-type": "Small_Instance",
        "topology.kubernetes.io/zone": "Zone_1",
        "failure-domain.beta.kubernetes.io/zone": "Zone_1",
        "topology.kubernetes.io/region": "eu",
        "failure-domain.beta.kubernetes.io/region": "eu"
      },
      annotations: { "cloudstack-ccm/seen-vm": '{"vm":"a","owner":"acme","zone":"Zone 1"}' },
      taints: []
    }))

  it("removes every taint of the key and keeps the order of the others", () => {
    const taints = [
      { key: "one", effect: "NoSchedule" },
      uninitialised,
      { key: "two", effect: "NoExecute" },
      { ...uninitialised, effect: "NoExecute" }
    ]
    const write = initialisation(node({ taints }), vmOf("a"), naming)
    assert.deepStrictEqual(write._tag === "Change" && write.taints?.map(({ key }) => key), ["one", "two"])
  })

  it("keeps a providerID and, for the legacy literal, records no sight", () => {
    const write = initialisation(node({ providerID: "external-cloudstack" }), vmOf("a"), naming)
    assert.deepInclude(write, { annotations: {} })
    assert.notProperty(write, "providerID")
  })

  it("writes Cluster API's form where that is asked for", () =>
    assert.deepInclude(initialisation(node(), vmOf("a"), { ...naming, format: "cloudstack" }), {
      providerID: "cloudstack:///a"
    }))
})

describe("needsSync", () => {
  it.each([
    ["a new Node", { taints: [uninitialised] }, true],
    ["a taint of another value and effect", { taints: [{ ...uninitialised, value: "x", effect: "NoExecute" }] }, true],
    ["an initialised Node", { providerID: "cloudstack:///a" }, false],
    ["a label behind its older one", { labels: { "beta.kubernetes.io/instance-type": "s" } }, true],
    ["another cloud's Node", { providerID: "kind://a", taints: [uninitialised] }, false],
    ["a Node on its way out", { taints: [uninitialised], deleting: true }, false]
  ] as const)("%s: %#", (_, over, expected) => assert.strictEqual(needsSync(node(over)), expected))
})

describe("addresses", () => {
  const write = (over: Partial<Node>, vm = vmOf("a")) =>
    Result.map(wantedAddresses(node(over), vm), (addresses) => addressWrite(node(over), addresses))
  it("are left alone when they are right", () => {
    const addresses = [
      { type: "InternalIP", address: "10.1.1.5" },
      { type: "Hostname", address: "a" }
    ]
    assert.deepStrictEqual(write({ addresses }), Result.succeed(undefined))
    assert.deepStrictEqual(write({}), Result.succeed({ _tag: "SetAddresses", addresses }))
  })

  it("are left alone when CloudStack knows none, whatever the kubelet was told", () =>
    assert.deepStrictEqual(
      write({ annotations: { "alpha.kubernetes.io/provided-node-ip": "192.0.2.1" } }, vmOf("a", { nics: [] })),
      Result.succeed(undefined)
    ))

  it("that the kubelet was told and the VM lacks are an error", () =>
    assert.deepStrictEqual(
      write({ annotations: { "alpha.kubernetes.io/provided-node-ip": "192.0.2.1" } }),
      Result.fail(
        'provided node ip for node "a" is not valid: failed to get node address from cloud provider that matches ip: 192.0.2.1'
      )
    ))
})

describe("the sight of a VM", () => {
  const annotations = { "cloudstack-ccm/seen-vm": encodeSeenVm(vmOf("a")) }
  it.each([
    ["recorded already", { providerID: "cloudstack:///a", annotations }, vmOf("a"), false],
    ["not yet recorded", { providerID: "cloudstack:///a" }, vmOf("a"), true],
    ["recorded of another owner", { providerID: "cloudstack:///a", annotations }, vmOf("a", { owner: "p" }), true],
    ["of a destroyed VM", { providerID: "cloudstack:///a" }, vmOf("a", { state: "Destroyed" }), false],
    ["found by name only", { providerID: "external-cloudstack" }, vmOf("a"), false]
  ])("%s", (_, over, vm, expected) => assert.strictEqual(sightWrite(node(over), vm) !== undefined, expected))
})
