import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { decodeWorld } from "../../../src/cloudstack/memory/World.ts"

const small = {
  zones: [{ ref: "zone1", name: "sim1" }],
  accounts: [{ ref: "alice", name: "alice" }],
  vpcs: [{ ref: "vpc1", name: "vpc1", owner: "alice", cidr: "10.40.0.0/16" }],
  networks: [
    { ref: "net1", name: "net1", kind: "isolated", owner: "alice" },
    {
      ref: "tier1",
      name: "tier1",
      kind: "vpc-tier",
      owner: "alice",
      vpc: "vpc1",
      gateway: "10.40.1.1",
      netmask: "255.255.255.0"
    },
    { ref: "l2", name: "l2", kind: "l2", owner: "alice" },
    { ref: "shared", name: "shared", kind: "shared" }
  ],
  vms: [{ ref: "n1", name: "n1", owner: "alice", nics: [{ network: "net1" }] }]
}
const problemsOf = (world: unknown) => Effect.map(Effect.flip(decodeWorld(world)), (error) => error.problems)

describe("decodeWorld", () => {
  it.effect("takes an empty world", () =>
    Effect.gen(function* () {
      const world = yield* decodeWorld("{}")
      assert.deepStrictEqual(world.settings, { defaultPageSize: 500, jobMillis: 0 })
      assert.deepStrictEqual(world.publicIps.free, {})
      assert.deepStrictEqual(world.vms, [])
    })
  )

  it.effect("fills the defaults", () =>
    Effect.gen(function* () {
      const world = yield* decodeWorld(JSON.stringify(small))
      assert.deepStrictEqual(world.accounts[0], {
        ref: "alice",
        name: "alice",
        role: "User",
        apikey: "alice-key",
        secretkey: "alice-secret"
      })
      assert.strictEqual(world.vpcs[0]?.zone, "zone1")
      assert.deepInclude(world.vms[0], { displayname: "n1", state: "Running", zone: "zone1", tags: [] })
      const [isolated, tier, l2, shared] = world.networks
      assert.include(isolated?.services ?? [], "Firewall")
      assert.include(tier?.services ?? [], "NetworkACL")
      assert.notInclude(tier?.services ?? [], "Firewall")
      assert.deepStrictEqual(l2?.services, [])
      assert.deepStrictEqual(shared?.services, ["Dns", "Dhcp", "UserData"])
      assert.strictEqual(tier?.kind === "vpc-tier" && tier.acl, "default_deny")
    })
  )

  it.effect("names the path of every unknown key, missing key and wrong value at once", () =>
    Effect.gen(function* () {
      const problems = yield* problemsOf({
        ...small,
        colour: "blue",
        settings: { defaultPageSize: 0 },
        networks: [{ ref: "net1", name: "net1", kind: "isolated", owner: "alice", acl: "default_deny" }],
        vms: [{ ref: "n1", owner: "alice", state: "Paused", nics: [{ network: "net1", ip: "10.1.1.300" }] }]
      })
      assert.sameMembers(
        problems.map((problem) => problem.slice(0, problem.indexOf(":"))),
        ["colour", "settings.defaultPageSize", "networks[0].acl", "vms[0].name", "vms[0].state", "vms[0].nics[0].ip"]
      )
      assert.include(problems, "colour: unknown key")
      assert.include(problems, "vms[0].name: missing")
    })
  )

  it.effect("names every reference that leads nowhere and every name used twice", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* problemsOf({
          ...small,
          vms: [
            { ref: "n1", name: "n1", owner: "bob", nics: [{ network: "vpc1" }] },
            { ref: "n1", name: "n2", owner: "alice" }
          ],
          publicIps: { free: { carol: 1 } }
        }),
        [
          'vms[1].ref: "n1" is used twice',
          'vms[0].owner: there is no account or project "bob"',
          'vms[0].nics[0].network: there is no network "vpc1"',
          'publicIps.free.carol: there is no account or project "carol"'
        ]
      )
    })
  )

  it.effect("refuses more free addresses than can be made, of one owner and in all", () =>
    Effect.gen(function* () {
      const free = (counts: Readonly<Record<string, number>>) => ({ ...small, publicIps: { free: counts } })
      assert.deepStrictEqual(yield* problemsOf(free({ alice: 10_001 })), [
        "publicIps.free.alice: Expected a value between 0 and 10000"
      ])
      assert.deepStrictEqual(yield* problemsOf(free({ alice: 10_000, bob: 1 })), [
        "publicIps.free: more than 10000 addresses in all"
      ])
      assert.strictEqual((yield* decodeWorld(free({ alice: 10_000 }))).publicIps.free["alice"], 10_000)
    })
  )

  it.effect("refuses what is no JSON object", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* problemsOf("{"), ["not a JSON text"])
      assert.match((yield* problemsOf("[]")).join(), /^world: expected/)
    })
  )

  const recordings = new URL("../../conformance/recorded/", import.meta.url)
  it.effect.each(readdirSync(recordings))("takes the world of %s", (file) =>
    Effect.gen(function* () {
      const [header = ""] = readFileSync(new URL(file, recordings), "utf8").split("\n")
      const world = yield* decodeWorld(JSON.parse(header).world)
      assert.strictEqual(world.zones[0]?.name, "sim1")
    })
  )
})
