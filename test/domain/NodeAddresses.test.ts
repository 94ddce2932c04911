import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { type Machine, NetworkId, type Nic, VmId } from "../../src/domain/Cloud.ts"
import { machineAddresses, type NodeAddress, preferProvided, sameAddresses } from "../../src/domain/NodeAddresses.ts"

const nic = (over: Partial<Nic>): Nic => ({
  networkId: NetworkId.make("n1"),
  networkName: "net",
  isDefault: false,
  secondary: [],
  ...over
})
const machine = (...nics: ReadonlyArray<Nic>): Machine => ({
  id: VmId.make("1"),
  name: "vm",
  state: "Running",
  zone: "z",
  owner: "acme",
  nics
})
const short = { InternalIP: "in", ExternalIP: "ex", Hostname: "name" }
const show = (addresses: ReadonlyArray<NodeAddress>) =>
  addresses
    .map(({ type, address }) => `${Object.entries(short).find(([key]) => key === type)?.[1]} ${address}`)
    .join(", ")

describe("machineAddresses", () => {
  const of = (...nics: ReadonlyArray<Nic>) => show(machineAddresses("node-1", machine(...nics)))
  it("puts the default interface first, IPv4 before IPv6", () =>
    assert.strictEqual(
      of(nic({ ipv4: "10.9.0.1" }), nic({ isDefault: true, ipv4: "10.1.0.1", ipv6: "2001:db8::1" })),
      "in 10.1.0.1, in 2001:db8::1, in 10.9.0.1, name node-1"
    ))
  it("puts secondary addresses after all interfaces and static NAT after all internal ones", () =>
    assert.strictEqual(
      of(
        nic({ isDefault: true, ipv4: "10.1.0.1", secondary: ["10.1.0.9"], publicIp: "203.0.113.7" }),
        nic({ ipv4: "10.2.0.1" })
      ),
      "in 10.1.0.1, in 10.2.0.1, in 10.1.0.9, ex 203.0.113.7, name node-1"
    ))
  it("has IPv6 alone", () =>
    assert.strictEqual(of(nic({ isDefault: true, ipv6: "2001:db8::1" })), "in 2001:db8::1, name node-1"))
  it("skips interfaces without address, empty and repeated ones", () =>
    assert.strictEqual(
      of(nic({ isDefault: true }), nic({ ipv4: "" }), nic({ ipv4: "10.2.0.1", secondary: ["10.2.0.1"] })),
      "in 10.2.0.1, name node-1"
    ))
  it("says nothing of a VM without any address", () => {
    assert.strictEqual(of(), "")
    assert.strictEqual(of(nic({ isDefault: true })), "")
  })
})

describe("preferProvided", () => {
  const cloud: ReadonlyArray<NodeAddress> = [
    { type: "InternalIP", address: "10.1.0.1" },
    { type: "InternalIP", address: "2001:db8::1" },
    { type: "InternalIP", address: "10.2.0.1" },
    { type: "ExternalIP", address: "203.0.113.7" },
    { type: "Hostname", address: "node-1" }
  ]
  const unmatched = (ip: string) => `! failed to get node address from cloud provider that matches ip: ${ip}`
  const unparsed = (text: string, why: string) => `! failed to parse node IP "${text}": ${why}`
  it.each([
    ["10.2.0.1", "in 10.2.0.1, ex 203.0.113.7, name node-1"],
    ["2001:DB8:0::1", "in 2001:db8::1, ex 203.0.113.7, name node-1"],
    ["::ffff:10.1.0.1", "in 10.1.0.1, ex 203.0.113.7, name node-1"],
    ["2001:db8::1,10.1.0.1", "in 2001:db8::1, in 10.1.0.1, ex 203.0.113.7, name node-1"],
    ["203.0.113.7", "ex 203.0.113.7, in 10.1.0.1, in 2001:db8::1, in 10.2.0.1, name node-1"],
    ["192.0.2.1", unmatched("192.0.2.1")],
    ["0.0.0.0", unmatched("0.0.0.0")],
    ["::", unmatched("::")],
    [
      "10.1.0.1,192.0.2.1",
      unparsed("10.1.0.1,192.0.2.1", "must contain either a single IP or a dual-stack pair of IPs")
    ],
    [
      "10.1.0.1,2001:db8::1,10.2.0.1",
      unparsed("10.1.0.1,2001:db8::1,10.2.0.1", "must contain either a single IP or a dual-stack pair of IPs")
    ],
    ["10.1.0.1,::", unparsed("10.1.0.1,::", "dual-stack node IP cannot include '0.0.0.0' or '::'")],
    ["0.0.0.0,2001:db8::1", unparsed("0.0.0.0,2001:db8::1", "dual-stack node IP cannot include '0.0.0.0' or '::'")],
    ["10.1.0.1, 2001:db8::1", unparsed("10.1.0.1, 2001:db8::1", 'could not parse " 2001:db8::1"')],
    ["node-1", unparsed("node-1", 'could not parse "node-1"')],
    ["", unparsed("", 'could not parse ""')]
  ])("%j", (annotation, expected) =>
    assert.strictEqual(
      Result.match(preferProvided(annotation, cloud), { onSuccess: show, onFailure: (why) => `! ${why}` }),
      expected
    )
  )

  it("publishes every address that equals the provided one", () => {
    const nat: ReadonlyArray<NodeAddress> = [
      { type: "InternalIP", address: "10.1.0.1" },
      { type: "ExternalIP", address: "10.1.0.1" },
      { type: "ExternalIP", address: "203.0.113.7" }
    ]
    assert.strictEqual(show(Result.getOrThrow(preferProvided("10.1.0.1", nat))), "in 10.1.0.1, ex 10.1.0.1")
  })
})

describe("sameAddresses", () => {
  const a = { type: "InternalIP", address: "10.1.0.1" }
  const b = { type: "InternalIP", address: "2001:db8::1" }
  it("sees two addresses of one type as unchanged", () => assert.isTrue(sameAddresses([a, b], [{ ...a }, { ...b }])))
  it.each([
    ["order", [b, a]],
    ["count", [a]],
    ["type", [a, { ...b, type: "ExternalIP" }]],
    ["more", [a, b, a]]
  ])("sees a change of %s", (_, other) => assert.isFalse(sameAddresses([a, b], other)))
})
