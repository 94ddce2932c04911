import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { Acls } from "../../../src/cloudstack/Acls.ts"
import { type Answer, Forbidden, type Reason, Refused, Unauthorised } from "../../../src/cloudstack/Api.ts"
import { Capabilities } from "../../../src/cloudstack/Capabilities.ts"
import { layer as cloudStack } from "../../../src/cloudstack/layers.ts"
import { Networks } from "../../../src/cloudstack/Networks.ts"
import { AclItemId, AclListId, type Network, NetworkId } from "../../../src/domain/Cloud.ts"
import { type Asked, scripted } from "../scripted.ts"
import { layerSettings } from "../settings.ts"

const on = (answers: Readonly<Record<string, Answer | Reason>>) => {
  const asked: Array<Asked> = []
  const script = ({ command }: Asked) => answers[command] ?? { jobid: "j1", id: "new" }
  const layer = cloudStack.pipe(Layer.provide(scripted(script, asked)), Layer.provide(layerSettings({})))
  const sent = (command: string) =>
    asked
      .filter((one) => one.command === command)
      .map(({ parameters: { customjobid: _, page: __, pagesize: ___, ...rest } }) => rest)
  return { asked, layer, sent }
}

const forbidden = new Forbidden({ what: "command", text: "The given command does not exist or it is not available" })
const listId = AclListId.make("l1")
const item = {
  listId,
  numbers: [10, 11, 12],
  protocol: "tcp" as const,
  port: 80,
  cidrs: ["10.0.0.0/8", "192.0.2.0/24"],
  reason: "cloudstack-ccm:c:u"
}
const tier: Network = {
  id: NetworkId.make("t1"),
  name: "tier1",
  type: "Isolated",
  state: "Implemented",
  zoneId: "z",
  vpcId: "v1",
  aclId: listId,
  aclName: "acl1",
  isRouted: false,
  owner: "alice",
  services: new Map()
}

describe("ACL items", () => {
  it.effect("are read from texts and numbers, in whatever case", () => {
    const networkacl = [
      {
        id: "i1",
        aclid: "l1",
        number: 5,
        protocol: "TCP",
        startport: "80",
        endport: "81",
        traffictype: "Ingress",
        action: "Deny",
        cidrlist: "192.0.2.0/24,10.0.0.0/8",
        state: "Active"
      },
      { id: "i2", aclid: "l1", number: 6, protocol: "all", traffictype: "Egress", action: "Allow", reason: "mine" }
    ]
    const { layer, sent } = on({ listNetworkACLs: { count: 2, networkacl } })
    return Effect.gen(function* () {
      const found = Option.getOrThrow(yield* (yield* Acls).items)
      assert.deepStrictEqual(found, [
        {
          id: AclItemId.make("i1"),
          listId,
          number: 5,
          protocol: "TCP",
          startPort: 80,
          endPort: 81,
          cidrs: ["10.0.0.0/8", "192.0.2.0/24"],
          direction: "ingress",
          action: "deny",
          reason: "",
          state: "Active"
        },
        {
          id: AclItemId.make("i2"),
          listId,
          number: 6,
          protocol: "all",
          cidrs: [],
          direction: "egress",
          action: "allow",
          reason: "mine",
          state: ""
        }
      ])
      assert.deepStrictEqual(sent("listNetworkACLs"), [{}])
    }).pipe(Effect.provide(layer))
  })

  it.effect("are none where the role may not see them", () =>
    Effect.gen(function* () {
      assert.isTrue(Option.isNone(yield* (yield* Acls).items))
    }).pipe(Effect.provide(on({ listNetworkACLs: forbidden }).layer))
  )

  it.effect("are made and changed with all that the server needs, two at once with different numbers", () => {
    const { layer, sent } = on({})
    return Effect.gen(function* () {
      const acls = yield* Acls
      yield* Effect.all([acls.create(item), acls.create({ ...item, port: 443 })], { concurrency: 2 })
      yield* acls.update(AclItemId.make("i1"), { listId, cidrs: ["10.0.0.0/8"] })
      yield* acls.update(AclItemId.make("i1"), { listId, numbers: [10, 12] })
      yield* acls.remove(AclItemId.make("i1"))
      yield* TestClock.adjust("2 minutes")
      yield* acls.create(item)
      const made = sent("createNetworkACL")
      assert.deepStrictEqual(made[0], {
        aclid: "l1",
        number: "10",
        protocol: "tcp",
        startport: "80",
        endport: "80",
        cidrlist: "10.0.0.0/8,192.0.2.0/24",
        traffictype: "ingress",
        action: "allow",
        reason: "cloudstack-ccm:c:u"
      })
      // The last one is decided on a later look: 10 is free again by then.
      assert.deepStrictEqual(
        made.map(({ number }) => number),
        ["10", "11", "10"]
      )
      assert.deepStrictEqual(sent("updateNetworkACLItem"), [
        { id: "i1", cidrlist: "10.0.0.0/8" },
        { id: "i1", number: "12" }
      ])
      assert.deepStrictEqual(sent("deleteNetworkACL"), [{ id: "i1" }])
    }).pipe(Effect.provide(layer))
  })

  for (const [what, reason, closed] of [
    ["the server's own list", new Refused({ code: 431, text: "Default ACL cannot be modified" }), true],
    ["a list that only root may change", new Forbidden({ what: "object", text: "Only Root Admins" }), true],
    ["a number that is taken", new Refused({ code: 431, text: "ACL item with number 10 already exists" }), false]
  ] as const) {
    it.effect(`${what}: ${closed ? "remembered for a while" : "nothing to remember"}`, () =>
      Effect.gen(function* () {
        const acls = yield* Acls
        yield* Effect.flip(acls.create(item))
        assert.strictEqual(yield* acls.isClosed(listId), closed)
        yield* TestClock.adjust("2 hours")
        assert.isFalse(yield* acls.isClosed(listId))
      }).pipe(Effect.provide(on({ createNetworkACL: reason }).layer))
    )
  }

  it.effect("lists are looked up once; a role that may not ask knows none", () => {
    const { layer, sent } = on({ listNetworkACLLists: { count: 1, networkacllist: [{ id: "l1", name: "acl1" }] } })
    return Effect.gen(function* () {
      const acls = yield* Acls
      assert.deepStrictEqual(yield* acls.listOf(tier), Option.some({ id: listId, name: "acl1" }))
      yield* acls.listOf(tier)
      assert.strictEqual(sent("listNetworkACLLists").length, 1)
      const narrow = on({ listNetworkACLLists: forbidden })
      const unknown = Effect.flatMap(Acls, (other) => other.listOf(tier))
      assert.isTrue(Option.isNone(yield* Effect.provide(unknown, narrow.layer, { local: true })))
    }).pipe(Effect.provide(layer))
  })
})

describe("what a server makes of a rule's list of sources", () => {
  const told = (cloudstackversion?: string) =>
    on({ listCapabilities: { capability: cloudstackversion === undefined ? {} : { cloudstackversion } } })

  for (const [version, expected] of [
    ["4.22.0.0-SNAPSHOT", "update"],
    ["4.22.1.0", "update"],
    ["5.0", "update"],
    ["4.21.0.0", "create"],
    ["4.18.0.0", "create"],
    ["4.17.2.0", "none"],
    ["4.9.3", "none"],
    ["unknown", "unknown"],
    ["", "unknown"],
    [undefined, "unknown"]
  ] as const) {
    it.effect(`${version}: ${expected}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* (yield* Capabilities).ruleSources, expected)
      }).pipe(Effect.provide(told(version).layer))
    )
  }

  it.effect("a role that may not ask is asked once; a failure is not remembered", () => {
    const narrow = on({ listCapabilities: forbidden })
    const down = on({ listCapabilities: new Unauthorised({ text: "no such key" }) })
    return Effect.gen(function* () {
      const { ruleSources } = yield* Capabilities
      assert.strictEqual(yield* ruleSources, "unknown")
      assert.strictEqual(yield* ruleSources, "unknown")
      assert.strictEqual(narrow.sent("listCapabilities").length, 1)
      const failing = Effect.flatMap(Capabilities, (other) => other.ruleSources)
      const error = yield* Effect.provide(Effect.flip(failing), down.layer, { local: true })
      assert.strictEqual(error.reason._tag, "Unauthorised")
    }).pipe(Effect.provide(narrow.layer))
  })
})

describe("networks by name or id", () => {
  const network = (id: string, name: string) => ({ id, name, type: "Isolated", state: "Implemented" })
  it.effect("are looked for in one list, and again only if it does not say", () => {
    const listNetworks = { count: 3, network: [network("a", "blue"), network("b", "red"), network("c", "red")] }
    const { layer, sent } = on({ listNetworks })
    return Effect.gen(function* () {
      const networks = yield* Networks
      const ids = (name: string) => Effect.map(networks.named(name), (found) => found.map(({ id }) => String(id)))
      assert.deepStrictEqual(yield* ids("blue"), ["a"])
      assert.deepStrictEqual(yield* ids("b"), ["b"])
      assert.strictEqual(sent("listNetworks").length, 1)
      assert.deepStrictEqual(yield* ids("red"), ["b", "c"])
      assert.deepStrictEqual(yield* ids("green"), [])
      assert.strictEqual(sent("listNetworks").length, 3)
    }).pipe(Effect.provide(layer))
  })
})
