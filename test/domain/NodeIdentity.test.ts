import { assert, describe, it } from "@effect/vitest"
import { type Machine, VmId } from "../../src/domain/Cloud.ts"
import { canServe, indexMachines, isLive, isShutDown, resolveMachine } from "../../src/domain/NodeIdentity.ts"

const vm = (id: string, name: string, state = "Running"): Machine => ({
  id: VmId.make(id),
  name,
  state,
  zone: "Zone 1",
  owner: "acme",
  nics: []
})

/** What resolving says, in one word per VM. */
const resolve = (node: { name: string; providerID?: string }, ...machines: ReadonlyArray<Machine>) => {
  const found = resolveMachine({ name: node.name, providerID: node.providerID ?? "" }, indexMachines(machines))
  if (found._tag === "Found") return found.machine.id
  return found._tag === "Ambiguous" ? `Ambiguous ${found.machines.map((machine) => machine.id).join(" ")}` : found._tag
}

describe("resolveMachine", () => {
  it("goes by the id in the providerID, whatever the name is", () => {
    assert.strictEqual(resolve({ name: "a", providerID: "cloudstack:///2" }, vm("1", "a"), vm("2", "b")), "2")
    assert.strictEqual(resolve({ name: "a", providerID: "external-cloudstack://AB" }, vm("ab", "z")), "ab")
  })

  it("never falls back to the name when the id is not there", () =>
    assert.strictEqual(resolve({ name: "a", providerID: "cloudstack:///9" }, vm("1", "a")), "Missing"))

  it("finds a VM by id in any state", () =>
    assert.strictEqual(resolve({ name: "a", providerID: "cloudstack:///1" }, vm("1", "a", "Destroyed")), "1"))

  it("never takes node-10 for node-1", () => {
    assert.strictEqual(resolve({ name: "node-1" }, vm("10", "node-10")), "Missing")
    assert.strictEqual(resolve({ name: "node-1" }, vm("10", "node-10"), vm("1", "node-1")), "1")
  })

  it("goes by name without a providerID and with the legacy literal", () => {
    assert.strictEqual(resolve({ name: "a" }, vm("1", "a")), "1")
    assert.strictEqual(resolve({ name: "a", providerID: "external-cloudstack" }, vm("1", "a")), "1")
  })

  it("compares names without case and by the short name of an FQDN", () => {
    assert.strictEqual(resolve({ name: "node-1" }, vm("1", "Node-1")), "1")
    assert.strictEqual(resolve({ name: "node-1.example.org" }, vm("1", "NODE-1")), "1")
    assert.strictEqual(resolve({ name: "node-1.example.org" }, vm("1", "node-1"), vm("2", "node-1.example.org")), "2")
    assert.strictEqual(resolve({ name: "node-1" }, vm("1", "node-1.example.org")), "Missing")
  })

  it("refuses to pick between two live VMs of one name", () => {
    assert.strictEqual(resolve({ name: "a" }, vm("1", "a"), vm("2", "a", "Stopped")), "Ambiguous 1 2")
    assert.strictEqual(resolve({ name: "a" }, vm("1", "a"), vm("2", "A")), "Ambiguous 1 2")
  })

  it("does not count a destroyed twin, nor one VM seen on two pages", () => {
    assert.strictEqual(resolve({ name: "a" }, vm("1", "a", "Destroyed"), vm("2", "a")), "2")
    assert.strictEqual(resolve({ name: "a" }, vm("1", "a", "Expunging"), vm("2", "a", "Error")), "Missing")
    assert.strictEqual(resolve({ name: "a" }, vm("1", "a"), vm("1", "a")), "1")
  })

  it.each(["kind://docker/kind/a", "rke2://a", "cloudstack://"])("leaves %s alone", (providerID) =>
    assert.strictEqual(resolve({ name: "a", providerID }, vm("1", "a")), "Foreign")
  )
})

describe("states", () => {
  const held = (state: string) =>
    [isLive, canServe, isShutDown].map((holds) => (holds(vm("1", "a", state)) ? "+" : "-"))
  it.each([
    ["Running", "++-"],
    ["Starting", "++-"],
    ["Migrating", "++-"],
    ["Restoring", "++-"],
    ["SomethingNew", "++-"],
    ["Stopping", "+++"],
    ["Stopped", "+++"],
    ["Shutdown", "+++"],
    ["Unknown", "+--"],
    ["Error", "--+"],
    ["Destroyed", "---"],
    ["Expunging", "---"]
  ])("%s: live, can serve, is off = %s", (state, expected) => assert.strictEqual(held(state).join(""), expected))
})
