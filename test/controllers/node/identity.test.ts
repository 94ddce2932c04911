/** Which VM a Node is, in worlds with other accounts, projects, networks and VMs of like names. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { eventReasons, nodeNames, registerNode, setReady, uninitialised } from "../../support/nodeCloud.ts"
import { byName, type ClusterOptions, clusterOf, idOf, nodeOf } from "../../support/nodesOnSimulator.ts"
import { byHand, pass, world } from "../../support/testBed.ts"

const vm = (ref: string, name: string, owner = "alice", ...networks: ReadonlyArray<string>) => ({
  ref,
  name,
  owner,
  nics: (networks.length === 0 ? [`${owner}-net`] : networks).map((network) => ({ network }))
})

const cloudOf = (vms: ReadonlyArray<ReturnType<typeof vm>>, allow?: ReadonlyArray<string>) => ({
  zones: [
    { ref: "zone1", name: "Zone 1" },
    { ref: "zone2", name: "Zone 2" }
  ],
  accounts: [
    { ref: "alice", name: "alice", ...(allow === undefined ? {} : { allow }) },
    { ref: "bob", name: "bob" },
    { ref: "root", name: "admin", role: "Admin" }
  ],
  projects: [{ ref: "p1", name: "proj1", owner: "alice", members: ["bob"] }],
  networks: [
    { ref: "alice-net", name: "alice-net", kind: "isolated", owner: "alice" },
    { ref: "other-net", name: "other-net", kind: "isolated", owner: "alice" },
    { ref: "l2", name: "wire", kind: "l2", owner: "alice" },
    { ref: "bob-net", name: "bob-net", kind: "isolated", owner: "bob" },
    { ref: "p1-net", name: "p1-net", kind: "isolated", owner: "p1" }
  ],
  vms,
  publicIps: { free: { alice: 3 } }
})

const inWorld = (
  title: string,
  vms: ReadonlyArray<ReturnType<typeof vm>>,
  nodes: ReadonlyArray<string>,
  body: Parameters<typeof clusterOf>[1],
  options: Partial<ClusterOptions> = {}
) => it.effect(title, () => clusterOf({ cloud: cloudOf(vms), nodes, ...options }, body))

/** The name of the VM that the Node's providerID names, with its place in the world. */
const vmOf = Effect.fnUntraced(function* (node: string) {
  const { providerID } = yield* nodeOf(node)
  const { machines } = yield* world
  const at = machines.findIndex(({ id }) => providerID === `external-cloudstack://${id}`)
  return at < 0 ? providerID : `${machines[at]?.name} ${at}`
})

const kinds = (name: string) =>
  Effect.map(nodeOf(name), ({ addresses }) =>
    addresses.map(({ address, type }) => `${type} ${address.split(".").slice(0, 2).join(".")}`)
  )

describe("by name", () => {
  inWorld(
    "a Node is the VM of the whole name, in any case, with or without domain",
    [vm("ten", "node-10"), vm("one", "Node-1"), vm("two", "node-2")],
    ["node-1", "node-2.example.org", "node-10"],
    Effect.gen(function* () {
      assert.strictEqual(yield* vmOf("node-1"), "Node-1 1")
      assert.strictEqual(yield* vmOf("node-2.example.org"), "node-2 2")
      assert.strictEqual(yield* vmOf("node-10"), "node-10 0")
    })
  )

  inWorld(
    "node-1 waits for its VM although there are node-10 and a display name",
    [vm("ten", "node-10"), { ...vm("other", "other"), ...{ displayname: "node-1" } }],
    ["node-1"],
    Effect.gen(function* () {
      yield* pass(90)
      assert.strictEqual((yield* nodeOf("node-1")).providerID, "")
      assert.deepStrictEqual(yield* eventReasons, ["VirtualMachineNotFound node-1"])
    })
  )

  inWorld(
    "a VM of the same name in another account is nobody's",
    [vm("theirs", "n1", "bob"), vm("ours", "n1"), vm("bobs", "n2", "bob")],
    ["n1", "n2"],
    Effect.gen(function* () {
      assert.strictEqual(yield* vmOf("n1"), "n1 1")
      yield* setReady("n2", "False")
      yield* pass(120)
      assert.strictEqual((yield* nodeOf("n2")).providerID, "")
      assert.deepStrictEqual(yield* nodeNames, ["n1", "n2"])
    })
  )

  inWorld(
    "in a project only the project's VMs count",
    [vm("ours", "n1"), vm("projects", "n1", "p1")],
    ["n1"],
    Effect.map(vmOf("n1"), (found) => assert.strictEqual(found, "n1 1")),
    { project: "proj1" }
  )

  inWorld(
    "two live VMs are one too many, until one is destroyed",
    [vm("a", "n1"), vm("b", "n1", "alice", "other-net")],
    ["n1"],
    Effect.gen(function* () {
      yield* pass(60)
      assert.strictEqual((yield* nodeOf("n1")).providerID, "")
      assert.deepStrictEqual(yield* eventReasons, ["AmbiguousVirtualMachine n1"])
      // Destroyed, and not expunged.
      yield* byName("destroyVirtualMachine", "n1")
      yield* pass(90)
      assert.strictEqual(yield* vmOf("n1"), "n1 1")
    })
  )
})

describe("the VM of a Node", () => {
  inWorld(
    "in any network of the account has its own addresses: default NIC first, then the others, then secondary ones, then NAT",
    [vm("a", "n1", "alice", "other-net", "alice-net"), vm("b", "n2", "alice", "l2"), vm("c", "n3")],
    ["n1", "n2", "n3"],
    Effect.gen(function* () {
      const [first] = (yield* nodeOf("n1")).addresses
      assert.deepStrictEqual(yield* kinds("n1"), ["InternalIP 10.1", "InternalIP 10.1", "Hostname n1"])
      // No address on an L2 network: what the kubelet says stays.
      assert.deepStrictEqual((yield* nodeOf("n2")).taints, [])
      assert.deepStrictEqual((yield* nodeOf("n2")).addresses, [])

      const id = yield* idOf("n1")
      const { networks } = yield* world
      const networkid = networks.find(({ name }) => name === "other-net")?.id ?? ""
      const nics = yield* byHand("listNics", { virtualmachineid: id })
      const nicid = /"id":"([^"]+)"/.exec(JSON.stringify(nics.body))?.[1] ?? ""
      yield* byHand("addIpToNic", { nicid, ipaddress: `${first?.address.split(".").slice(0, 3).join(".")}.200` })
      const acquired = yield* byHand("associateIpAddress", { networkid })
      const ipaddressid = /"id":"([^"]+)"/.exec(JSON.stringify(acquired.body))?.[1] ?? ""
      yield* byHand("enableStaticNat", { ipaddressid, virtualmachineid: id, networkid })
      yield* pass(310)
      const types = (yield* nodeOf("n1")).addresses.map(({ address, type }) => `${type} ${address.split(".")[3]}`)
      assert.deepStrictEqual(
        types.map((text) => text.replace(/ (?!200).*$/, "")),
        ["InternalIP", "InternalIP", "InternalIP 200", "ExternalIP", "Hostname"]
      )
      assert.strictEqual((yield* nodeOf("n1")).addresses[0]?.address, first?.address)
    })
  )

  inWorld(
    "tells its zone and offering, and the server its region, which the config overrides",
    [vm("a", "n1")],
    ["n1"],
    Effect.gen(function* () {
      const { labels } = yield* nodeOf("n1")
      assert.deepInclude(labels, {
        "topology.kubernetes.io/zone": "Zone_1",
        "topology.kubernetes.io/region": "Local",
        "failure-domain.beta.kubernetes.io/region": "Local",
        "node.kubernetes.io/instance-type": "tiny"
      })
    })
  )

  inWorld(
    "has the region of the config if that names one",
    [vm("a", "n1")],
    ["n1"],
    Effect.map(nodeOf("n1"), ({ labels }) => assert.strictEqual(labels["topology.kubernetes.io/region"], "1.5GB")),
    { settings: { region: "1.5GB" } }
  )

  inWorld(
    "has no region where the role may not ask",
    [vm("a", "n1")],
    ["n1"],
    Effect.map(nodeOf("n1"), ({ labels, taints }) => {
      assert.notProperty(labels, "topology.kubernetes.io/region")
      assert.deepStrictEqual(taints, [])
    }),
    { cloud: cloudOf([vm("a", "n1")], ["listVirtualMachines"]) }
  )
})

describe("by providerID", () => {
  const forms = (id: string) => ({
    apache: `external-cloudstack://${id}`,
    slashes: `external-cloudstack:///${id}`,
    capc: `cloudstack:///${id}`,
    short: `cloudstack://${id}`,
    leaseweb: `cloudstack://eu-1/${id}`,
    shouting: `cloudstack:///${id.toUpperCase()}`
  })
  const names = Object.keys(forms(""))
  inWorld(
    "every form in use finds the VM, whatever the Node is called, and is left as it is",
    names.map((name) => vm(name, `vm-of-${name}`)),
    [],
    Effect.gen(function* () {
      for (const name of names) {
        const form = Object.entries(forms(yield* idOf(`vm-of-${name}`))).find(([key]) => key === name)?.[1] ?? ""
        yield* registerNode(name, { providerID: form, taints: [uninitialised] })
        yield* pass(2)
        const node = yield* nodeOf(name)
        assert.deepStrictEqual(node.taints, [], name)
        assert.strictEqual(node.providerID, form)
        assert.isNotEmpty(node.addresses)
      }
    })
  )

  inWorld(
    "the literal of old providers finds by name, and other schemes are left alone",
    [vm("a", "n1"), vm("b", "n2")],
    [],
    Effect.gen(function* () {
      yield* registerNode("n1", { providerID: "external-cloudstack", taints: [uninitialised] })
      yield* registerNode("n2", { providerID: "rke2://n2", taints: [uninitialised] })
      yield* pass(60)
      const old = yield* nodeOf("n1")
      assert.strictEqual(old.providerID, "external-cloudstack")
      assert.deepStrictEqual(old.taints, [])
      assert.isNotEmpty(old.addresses)
      assert.deepStrictEqual(yield* eventReasons, ["Synced n1"])
      assert.lengthOf((yield* nodeOf("n2")).taints, 1)
    })
  )
})
