import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { Addresses } from "../../../src/cloudstack/Addresses.ts"
import { type Answer, Forbidden, NotFound, type Reason } from "../../../src/cloudstack/Api.ts"
import { Borders } from "../../../src/cloudstack/Borders.ts"
import { LoadBalancers } from "../../../src/cloudstack/LoadBalancers.ts"
import { layer as cloudStack } from "../../../src/cloudstack/layers.ts"
import { Machines } from "../../../src/cloudstack/Machines.ts"
import { Networks } from "../../../src/cloudstack/Networks.ts"
import { Tags } from "../../../src/cloudstack/Tags.ts"
import type { CloudSettings } from "../../../src/config/Settings.ts"
import { AddressId, FirewallRuleId, NetworkId, RuleId, VmId } from "../../../src/domain/Cloud.ts"
import { type Asked, scripted } from "../scripted.ts"
import { layerSettings } from "../settings.ts"

const gone = new NotFound({ text: "entity does not exist" })

/** The whole composition on one answer per command; asynchronous commands are accepted. */
const on = (
  answers: Readonly<Record<string, Answer | Reason | Effect.Effect<Answer>>>,
  over: Partial<CloudSettings> = {}
) => {
  const asked: Array<Asked> = []
  const script = ({ command }: Asked) => answers[command] ?? { jobid: "j1", id: "new" }
  const layer = cloudStack.pipe(Layer.provide(scripted(script, asked)), Layer.provide(layerSettings(over)))
  const sent = (command: string) =>
    asked
      .filter((one) => one.command === command)
      .map(({ parameters: { customjobid: _, page: __, pagesize: ___, ...rest } }) => rest)
  return { asked, layer, sent }
}

const machine = {
  id: "vm1",
  name: "node-1",
  displayname: "Node",
  account: "alice",
  state: "Running",
  zonename: "Zone 1",
  serviceofferingname: "tiny",
  nic: [
    {
      id: "n1",
      networkid: "net1",
      networkname: "net",
      ipaddress: "10.1.1.7",
      isdefault: true,
      secondaryip: [{ id: "s1", ipaddress: "10.1.1.8" }],
      deviceid: "0"
    },
    {
      id: "n2",
      networkid: "l2",
      networkname: "wire",
      isdefault: false,
      ip6address: "2001:db8::1",
      publicip: "203.0.113.9"
    }
  ]
}

describe("Machines", () => {
  it.effect("asks for NICs and offerings and reads them", () => {
    const { layer, sent } = on({ listVirtualMachines: { count: 1, virtualmachine: [machine] } }, { projectId: "p1" })
    return Effect.gen(function* () {
      const { machines } = yield* (yield* Machines).list(0)
      assert.deepStrictEqual(machines, [
        {
          id: VmId.make("vm1"),
          name: "node-1",
          state: "Running",
          zone: "Zone 1",
          owner: "alice",
          instanceType: "tiny",
          nics: [
            {
              networkId: NetworkId.make("net1"),
              networkName: "net",
              isDefault: true,
              ipv4: "10.1.1.7",
              secondary: ["10.1.1.8"]
            },
            {
              networkId: NetworkId.make("l2"),
              networkName: "wire",
              isDefault: false,
              ipv6: "2001:db8::1",
              publicIp: "203.0.113.9",
              secondary: []
            }
          ]
        }
      ])
      assert.deepStrictEqual(sent("listVirtualMachines"), [{ details: "min,nics,servoff", projectid: "p1" }])
    }).pipe(Effect.provide(layer))
  })

  it.effect("shares a list by age", () => {
    const { asked, layer } = on({ listVirtualMachines: Effect.delay(Effect.succeed({}), "10 millis") })
    return Effect.gen(function* () {
      const machines = yield* Machines
      const list = (maxAge: number) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(machines.list(maxAge), { startImmediately: true })
          yield* TestClock.adjust("10 millis")
          return yield* Fiber.join(fiber)
        })
      const three = yield* Effect.forkChild(
        Effect.all([machines.list(0), machines.list(0), machines.list(0)], { concurrency: 3 }),
        { startImmediately: true }
      )
      yield* TestClock.adjust("20 millis")
      const both = yield* Fiber.join(three)
      assert.strictEqual(both[1], both[2])
      assert.strictEqual(asked.length, 2)
      yield* TestClock.adjust("9990 millis")
      assert.strictEqual(yield* list(10_000), both[2])
      assert.notStrictEqual(yield* list(9_999), both[2])
      assert.strictEqual(asked.length, 3)
      yield* list(0)
      assert.strictEqual(asked.length, 4)
    }).pipe(Effect.provide(layer))
  })

  it.effect("finds nothing where the id is unknown or invisible", () =>
    Effect.forEach([gone, {}], (answer) => {
      const { layer } = on({ listVirtualMachines: answer })
      return Effect.gen(function* () {
        assert.isTrue(Option.isNone(yield* (yield* Machines).find(VmId.make("vm9"))))
      }).pipe(Effect.provide(layer))
    })
  )

  it.effect("passes an error on instead of finding nothing", () => {
    const { layer } = on({ listVirtualMachines: new Forbidden({ what: "object", text: "no" }) })
    return Effect.gen(function* () {
      const error = yield* Effect.flip((yield* Machines).find(VmId.make("vm9")))
      assert.strictEqual(error.reason._tag, "Forbidden")
    }).pipe(Effect.provide(layer))
  })
})

describe("LoadBalancers", () => {
  const rule = {
    id: "r1",
    name: "web",
    publicipid: "a1",
    publicip: "203.0.113.7",
    publicport: "80",
    privateport: "30080",
    algorithm: "roundrobin",
    networkid: "net1",
    state: "Active",
    tags: [{ key: "k", value: "v", resourceid: "r1" }]
  }

  it.effect("reads ports from texts, CIDRs however joined, and what is missing as empty", () => {
    const { layer, sent } = on({
      listLoadBalancerRules: {
        count: 3,
        loadbalancerrule: [
          { ...rule, cidrlist: "192.168.0.0/16 10.1.2.3/8" },
          { ...rule, id: "r2", cidrlist: "10.0.0.0/8,192.168.0.0/16" },
          { ...rule, id: "r3", cidrlist: "", protocol: "tcp-proxy", description: "d" }
        ]
      }
    })
    return Effect.gen(function* () {
      const [first, second, third] = yield* (yield* LoadBalancers).list({ addressId: AddressId.make("a1") })
      assert.deepStrictEqual(first, {
        id: RuleId.make("r1"),
        name: "web",
        description: "",
        addressId: AddressId.make("a1"),
        networkId: NetworkId.make("net1"),
        publicPort: 80,
        privatePort: 30080,
        algorithm: "roundrobin",
        protocol: "",
        cidrs: ["10.0.0.0/8", "192.168.0.0/16"],
        state: "Active",
        tags: [{ key: "k", value: "v" }]
      })
      assert.deepStrictEqual(second?.cidrs, first?.cidrs)
      assert.deepInclude(third, { cidrs: [], protocol: "tcp-proxy", description: "d" })
      assert.deepStrictEqual(sent("listLoadBalancerRules"), [{ publicipid: "a1" }])
    }).pipe(Effect.provide(layer))
  })

  it.effect("creates without opening the firewall, and names the rule at once", () => {
    const { layer, sent } = on({})
    return Effect.gen(function* () {
      const pending = yield* (yield* LoadBalancers).create({
        addressId: AddressId.make("a1"),
        name: "n",
        description: "d",
        publicPort: 80,
        privatePort: 30080,
        algorithm: "roundrobin",
        protocol: "tcp",
        cidrs: ["10.0.0.0/8", "192.168.0.0/16"]
      })
      assert.strictEqual(pending.objectId, "new")
      assert.deepStrictEqual(sent("createLoadBalancerRule"), [
        {
          publicipid: "a1",
          name: "n",
          description: "d",
          publicport: "80",
          privateport: "30080",
          algorithm: "roundrobin",
          protocol: "tcp",
          openfirewall: "false",
          cidrlist: "10.0.0.0/8,192.168.0.0/16"
        }
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("changes only what it is told to", () => {
    const { layer, sent } = on({})
    return Effect.gen(function* () {
      const { assign, unassign, update } = yield* LoadBalancers
      const id = RuleId.make("r1")
      yield* update(id, { protocol: "tcp-proxy" })
      yield* update(id, { cidrs: [] })
      yield* assign(id, [VmId.make("v1"), VmId.make("v2")])
      yield* unassign(id, [VmId.make("v1")])
      assert.deepStrictEqual(sent("updateLoadBalancerRule"), [
        { id: "r1", protocol: "tcp-proxy" },
        { id: "r1", cidrlist: "" }
      ])
      assert.deepStrictEqual(sent("assignToLoadBalancerRule"), [{ id: "r1", virtualmachineids: "v1,v2" }])
      assert.deepStrictEqual(sent("removeFromLoadBalancerRule"), [{ id: "r1", virtualmachineids: "v1" }])
    }).pipe(Effect.provide(layer))
  })

  it.effect("tells a rule without members from a rule that is gone", () =>
    Effect.gen(function* () {
      const members = Effect.flatMap(LoadBalancers, (service) => service.members(RuleId.make("r1")))
      const empty = yield* members.pipe(Effect.provide(on({ listLoadBalancerRuleInstances: {} }).layer))
      assert.deepStrictEqual(empty, Option.some([]))
      const absent = yield* members.pipe(Effect.provide(on({ listLoadBalancerRuleInstances: gone }).layer))
      assert.isTrue(Option.isNone(absent))
    })
  )
})

describe("Addresses", () => {
  const address = {
    id: "a1",
    ipaddress: "203.0.113.7",
    state: "Allocated",
    issourcenat: true,
    networkid: "the public network",
    associatednetworkid: "net1",
    projectid: "p1",
    project: "proj"
  }

  it.effect("reads the guest network and the owner", () => {
    const { layer } = on({ listPublicIpAddresses: { count: 1, publicipaddress: [address] } })
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* (yield* Addresses).list, [
        {
          id: AddressId.make("a1"),
          ip: "203.0.113.7",
          state: "Allocated",
          networkId: NetworkId.make("net1"),
          isSourceNat: true,
          isStaticNat: false,
          isSystem: false,
          owner: "project:p1",
          tags: []
        }
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("acquires for a network or a VPC under the given job id", () => {
    const { asked, layer, sent } = on({})
    return Effect.gen(function* () {
      const { associate, find } = yield* Addresses
      const pending = yield* associate({ target: { networkId: NetworkId.make("net1") }, jobId: "my-job" })
      yield* associate({ target: { vpcId: "v1" }, ip: "203.0.113.8", jobId: "other" })
      assert.strictEqual(pending.objectId, "new")
      assert.strictEqual(asked[0]?.parameters["customjobid"], "my-job")
      assert.deepStrictEqual(sent("associateIpAddress"), [
        { networkid: "net1" },
        { vpcid: "v1", ipaddress: "203.0.113.8" }
      ])
      assert.isTrue(Option.isNone(yield* find(AddressId.make("a9")).pipe(Effect.catch(() => Effect.succeedNone))))
    }).pipe(Effect.provide(layer))
  })
})

describe("Borders", () => {
  it.effect("reads ports as numbers and opens exactly one", () => {
    const rule = { id: "f1", ipaddressid: "a1", protocol: "tcp", startport: 80, endport: 90, state: "Active" }
    const { layer, sent } = on({
      listFirewallRules: {
        count: 3,
        firewallrule: [
          { ...rule, cidrlist: "0.0.0.0/0" },
          { id: "f2", ipaddressid: "a1", protocol: "icmp", icmptype: -1, state: "Active", cidrlist: "10.0.0.0/8" },
          { ...rule, id: "f3", cidrlist: "" }
        ]
      }
    })
    return Effect.gen(function* () {
      const { list, open } = yield* Borders
      const [ports, icmp, nobody] = yield* list()
      assert.deepInclude(ports, { startPort: 80, endPort: 90, cidrs: ["0.0.0.0/0"] })
      assert.deepStrictEqual(icmp, {
        id: FirewallRuleId.make("f2"),
        addressId: AddressId.make("a1"),
        protocol: "icmp",
        cidrs: ["10.0.0.0/8"],
        state: "Active",
        tags: []
      })
      assert.deepInclude(nobody, { startPort: 80, endPort: 90, cidrs: [] })
      const cidrs = ["10.0.0.0/8", "1.2.3.4/32"]
      yield* open({ addressId: AddressId.make("a1"), protocol: "udp", port: 53, cidrs, jobId: "chosen" })
      assert.deepStrictEqual(sent("createFirewallRule"), [
        { ipaddressid: "a1", protocol: "udp", startport: "53", endport: "53", cidrlist: "10.0.0.0/8,1.2.3.4/32" }
      ])
    }).pipe(Effect.provide(layer))
  })
})

describe("Tags", () => {
  it.effect("tags many objects in one call and removes by key", () => {
    const { layer, sent } = on({})
    return Effect.gen(function* () {
      const { add, remove } = yield* Tags
      const tags = [
        { key: "a", value: "1" },
        { key: "b", value: "2" }
      ]
      assert.isTrue(Option.isSome(yield* add("FirewallRule", ["f1", "f2"], tags)))
      yield* remove("PublicIpAddress", ["a1"], ["a"])
      assert.deepStrictEqual(sent("createTags"), [
        {
          resourcetype: "FirewallRule",
          resourceids: "f1,f2",
          "tags[0].key": "a",
          "tags[0].value": "1",
          "tags[1].key": "b",
          "tags[1].value": "2"
        }
      ])
      assert.deepStrictEqual(sent("deleteTags"), [
        { resourcetype: "PublicIpAddress", resourceids: "a1", "tags[0].key": "a" }
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("does without where the role may not, and asks once", () => {
    const { asked, layer } = on({ createTags: new Forbidden({ what: "command", text: "no" }) })
    return Effect.gen(function* () {
      const { add } = yield* Tags
      for (let i = 0; i < 3; i++) {
        assert.isTrue(Option.isNone(yield* add("FirewallRule", ["f1"], [{ key: "a", value: "1" }])))
      }
      assert.strictEqual(asked.length, 1)
    }).pipe(Effect.provide(layer))
  })
})

describe("Networks", () => {
  const network = {
    id: "net1",
    name: "net",
    type: "Isolated",
    state: "Implemented",
    zoneid: "z1",
    account: "alice",
    service: [
      {
        name: "Lb",
        provider: [{ name: "VirtualRouter" }],
        capability: [{ name: "SupportedProtocols", value: "tcp, udp", canchooseservicecapability: false }]
      },
      { name: "Dhcp" }
    ]
  }

  it.effect("reads services and remembers the network until told to forget it", () => {
    const { asked, layer } = on({ listNetworks: { count: 1, network: [network] } })
    return Effect.gen(function* () {
      const { find, forget } = yield* Networks
      const id = NetworkId.make("net1")
      const found = Option.getOrThrow(yield* find(id))
      assert.deepInclude(found, { owner: "alice", zoneId: "z1", type: "Isolated" })
      assert.deepStrictEqual(found.services.get("Lb")?.providers, ["VirtualRouter"])
      assert.strictEqual(found.services.get("Lb")?.capabilities.get("SupportedProtocols"), "tcp, udp")
      assert.isTrue(found.services.has("Dhcp"))
      yield* find(id)
      assert.strictEqual(asked.length, 1)
      yield* forget(id)
      yield* find(id)
      assert.strictEqual(asked.length, 2)
    }).pipe(Effect.provide(layer))
  })

  it.effect("looks again for a network that was not there", () => {
    const { asked, layer } = on({ listNetworks: {} })
    return Effect.gen(function* () {
      const { find } = yield* Networks
      assert.isTrue(Option.isNone(yield* find(NetworkId.make("net1"))))
      yield* find(NetworkId.make("net1"))
      assert.strictEqual(asked.length, 2)
    }).pipe(Effect.provide(layer))
  })
})
