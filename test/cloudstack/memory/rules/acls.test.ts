/** ACL items and lists: the order of checks, what a change leaves alone, moving items, lists for all VPCs. */
import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { simulated, simulatedAs } from "./simulated.ts"
import { admin, alice, bob, denied, masked, network } from "./world.ts"

const create = "createNetworkACL"
const update = "updateNetworkACLItem"
const list = (name: string) => alice.idOf("listNetworkACLLists", name)

describe("a new item", () => {
  it.effect("is checked in the server's order", () =>
    Effect.gen(function* () {
      const faulty = {
        protocol: "all",
        traffictype: "sideways",
        number: "0",
        action: "maybe",
        startport: "70000",
        cidrlist: "x"
      }
      const { action: _, ...actionless } = faulty
      const refusal = (change: Readonly<Record<string, string>>) => alice.verdict(create, { ...faulty, ...change })
      const [acl1, builtIn] = [yield* list("acl1"), yield* list("default_deny")]
      const right = { aclid: acl1, traffictype: "ingress" }
      assert.match(yield* refusal({ aclid: builtIn }), /Invalid traffic type sideways$/)
      assert.match(yield* refusal({ aclid: builtIn, traffictype: "egress" }), /Default ACL cannot be modified$/)
      assert.match(yield* bob.verdict(create, { ...faulty, ...right }), new RegExp(`^531/4365 ${denied}$`))
      assert.match(yield* refusal(right), /Invalid number \[0\]/)
      assert.match(yield* refusal({ ...right, number: "10" }), /number 10 already exists/)
      assert.match(yield* refusal({ ...right, number: "7" }), /Invalid action \[maybe\]/)
      const numbered = { ...actionless, ...right, number: "7" }
      assert.match(yield* alice.verdict(create, numbered), /Start public port is an invalid value: 70000$/)
      assert.match(yield* alice.verdict(create, { ...numbered, startport: "7" }), /must be null if protocol = 'all'$/)
      const { startport: __, ...portless } = numbered
      assert.match(
        yield* alice.verdict(create, { ...portless, protocol: "sctp" }),
        /^431\/9999 Source cidrs formatting error x$/
      )
      assert.strictEqual(yield* alice.verdict(create, { ...portless, endport: "7" }), `530/9999 ${masked}`)
    }).pipe(simulated)
  )

  it.effect("of a tier that is not the caller's is judged by the list it uses", () =>
    Effect.gen(function* () {
      const [tier1, tier2] = [yield* network("tier1"), yield* network("tier2")]
      const refusal = (networkid: string) => bob.verdict(create, { networkid, protocol: "tcp" })
      assert.strictEqual(yield* refusal(tier2), "431/4350 Default ACL cannot be modified")
      assert.strictEqual(yield* refusal(tier1), `531/4365 ${denied}`)
    }).pipe(simulated)
  )

  it.effect("knows how far ICMP goes, and an empty list of sources", () =>
    Effect.gen(function* () {
      const icmp = { aclid: yield* list("acl1"), protocol: "icmp" }
      assert.strictEqual(
        yield* alice.verdict(create, { ...icmp, icmptype: "256" }),
        "431/4350 Invalid icmp type [256]. It should belong to [0-255] range"
      )
      assert.strictEqual(
        yield* alice.verdict(create, { ...icmp, icmptype: "3", icmpcode: "17" }),
        "431/4350 Invalid icmp code [17]. It should belong to [0-16] range and can be defined when icmpType belongs to [0-40] range"
      )
      assert.strictEqual((yield* alice.done(create, { ...icmp, cidrlist: "" }))["cidrlist"], "")
      assert.deepInclude(yield* alice.done(create, { ...icmp, protocol: "01" }), { protocol: "icmp", icmptype: -1 })
    }).pipe(simulated)
  )
})

describe("a changed item", () => {
  it.effect("keeps what is not sent or blank, and nothing follows from anything", () =>
    Effect.gen(function* () {
      const aclid = yield* list("acl1")
      const ports = { startport: "80", endport: "81" }
      const id = yield* alice.make(create, { aclid, protocol: "tcp", ...ports, reason: "r", cidrlist: "10.0.0.0/8" })
      const blank = { id, protocol: " ", action: "", reason: "", cidrlist: "", traffictype: "sideways", number: "0" }
      assert.deepInclude(yield* alice.done(update, blank), {
        protocol: "tcp",
        action: "Allow",
        reason: "r",
        cidrlist: "10.0.0.0/8",
        traffictype: "Ingress",
        number: 0,
        startport: "80",
        endport: "81"
      })
      const outcome = (change: Readonly<Record<string, string>>) => alice.outcome(update, { id, ...change })
      assert.strictEqual(
        yield* outcome({ startport: "90" }),
        "431 Start port can't be bigger than end port [startport=90,endport=81]"
      )
      assert.strictEqual(yield* outcome({ protocol: "icmp" }), "431 Can't specify start/end port when protocol is ICMP")
      assert.strictEqual(
        yield* outcome({ action: "maybe" }),
        "431 Invalid action [maybe]. Permitted actions are Allow and Deny"
      )
      const all = yield* alice.make(create, { aclid, protocol: "all" })
      const icmp = yield* alice.done(update, { id: all, protocol: "ICMP" })
      assert.strictEqual(icmp["protocol"], "ICMP")
      assert.notProperty(icmp, "icmptype")
      assert.strictEqual(
        yield* alice.outcome(update, { id: all, startport: "1" }),
        '530 Cannot invoke "java.lang.Integer.intValue()" because "sourcePortEnd" is null'
      )
    }).pipe(simulated)
  )

  it.effect("is replaced as a whole if that is wanted", () =>
    Effect.gen(function* () {
      const aclid = yield* list("acl1")
      const id = yield* alice.make(create, { aclid, protocol: "tcp", startport: "80", reason: "r", action: "deny" })
      const whole = yield* alice.done(update, { id, protocol: "udp", startport: "53", partialupgrade: "false" })
      assert.deepInclude(whole, { protocol: "udp", startport: "53", action: "Allow", cidrlist: "0.0.0.0/0,::/0" })
      assert.notProperty(whole, "reason")
    }).pipe(simulated)
  )
})

describe("moveNetworkAclItem", () => {
  const move = "moveNetworkAclItem"
  const filled = Effect.gen(function* () {
    const aclid = yield* list("spare")
    const make = (number: string) => alice.make(create, { aclid, protocol: "tcp", number })
    const [a, b, c, d] = [yield* make("1"), yield* make("2"), yield* make("3"), yield* make("12")]
    const numbers = Effect.map(alice.all("listNetworkACLs", { aclid }), (items) =>
      [a, b, c, d].map((id) => items.find((item) => item["id"] === id)?.["number"])
    )
    return { a, b, c, d, numbers }
  })

  it.effect("makes room where there is none", () =>
    Effect.gen(function* () {
      const { a, b, d, numbers } = yield* filled
      const moved = yield* alice.done(move, { id: d, previousaclruleid: a, nextaclruleid: b })
      assert.deepInclude(moved, { id: d, number: 2, state: "Active" })
      assert.deepStrictEqual(yield* numbers, [1, 3, 4, 2])
      const answer = yield* alice.call(move, { id: a, previousaclruleid: d })
      assert.deepStrictEqual(Object.keys(answer.body ?? {}), ["moveNetworkAclItemResponse"])
      assert.deepStrictEqual(yield* numbers, [5, 3, 4, 2])
      yield* alice.done(move, { id: a, nextaclruleid: d })
      assert.deepStrictEqual(yield* numbers, [1, 3, 4, 2])
      yield* alice.done(move, { id: d, nextaclruleid: a })
      assert.deepStrictEqual(yield* numbers, [2, 3, 4, 1])
    }).pipe(simulated)
  )

  it.effect("is refused in the job", () =>
    Effect.gen(function* () {
      const { a, b, c, d } = yield* filled
      const outcome = (parameters: Readonly<Record<string, string>>) => alice.outcome(move, parameters)
      assert.strictEqual(
        yield* outcome({ id: "x", previousaclruleid: " " }),
        "431 Both previous and next ACL rule IDs cannot be blank."
      )
      assert.strictEqual(yield* outcome({ id: "x", nextaclruleid: a }), "431 Could not find a rule with ID[x]")
      assert.strictEqual(yield* outcome({ id: a, nextaclruleid: "x" }), "431 Could not find rule with ID [x]")
      const [{ id: foreign } = {}] = yield* alice.all("listNetworkACLs", { aclid: yield* list("acl1") })
      assert.strictEqual(
        yield* outcome({ id: a, nextaclruleid: String(foreign) }),
        "431 Cannot use ACL rules from differentiating ACLs. Rule being moved."
      )
      assert.match(yield* outcome({ id: d, previousaclruleid: a, nextaclruleid: c }), /^431 There are some inconsist/)
      assert.match(yield* outcome({ id: d, nextaclruleid: a, aclconsistencyhash: "x" }), /^431 It seems that/)
      const seen = createHash("md5").update([a, b, c, d].join("")).digest("hex")
      assert.strictEqual(yield* outcome({ id: d, nextaclruleid: a, aclconsistencyhash: seen }), "ok")
      assert.strictEqual(yield* bob.outcome(move, { id: a, nextaclruleid: d }), `530 ${denied}`)
    }).pipe(simulated)
  )
})

describe("lists", () => {
  it.effect("for all VPCs are root's to make and to change", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* alice.verdict("createNetworkACLList", { name: "all" }),
        "531/4365 Only Root Admin can create global ACLs."
      )
      const made = yield* admin.done("createNetworkACLList", { name: "all" })
      assert.notProperty(made, "vpcid")
      assert.notProperty(made, "description")
      const aclid = String(made["id"])
      assert.deepInclude(yield* alice.first("listNetworkACLLists", { id: aclid }), { name: "all" })
      assert.strictEqual(
        yield* alice.verdict(create, { aclid, protocol: "tcp" }),
        "531/4365 Only Root Admins can create rules for a global ACL."
      )
      const id = yield* admin.make(create, { aclid, protocol: "tcp" })
      assert.strictEqual(
        yield* alice.outcome("deleteNetworkACL", { id }),
        "530 Only Root Admin can delete global ACL rules."
      )
      assert.strictEqual(yield* alice.outcome(update, { id }), "530 Only Root Admins can update global ACLs.")
      assert.strictEqual(
        yield* alice.outcome("deleteNetworkACLList", { id: aclid }),
        "530 Only Root Admin can delete global ACLs."
      )
      const rename = { id: aclid, name: "none" }
      assert.strictEqual(
        yield* alice.outcome("updateNetworkACLList", rename),
        "530 Must be Root Admin to update a global ACL."
      )
      assert.deepInclude(yield* admin.done("updateNetworkACLList", rename), { name: "none" })
      const networkid = yield* network("tier1")
      assert.strictEqual(yield* alice.outcome("replaceNetworkACLList", { aclid, networkid }), "ok")
      assert.deepInclude(yield* alice.first("listNetworks", { id: networkid }), { aclname: "none" })
    }).pipe(simulated)
  )

  it.effect("are root's own or built in where root asks for no more", () =>
    Effect.gen(function* () {
      const names = (parameters: Readonly<Record<string, string>>) =>
        Effect.map(admin.all("listNetworkACLLists", parameters), (lists) => lists.map((one) => one["name"]))
      assert.sameMembers(yield* names({}), ["default_allow", "default_deny"])
      assert.include(yield* names({ listall: "true" }), "acl1")
      assert.deepStrictEqual(yield* names({ id: yield* list("acl1") }), ["acl1"])
    }).pipe(simulated)
  )

  it.effect("change by name and description, blanks aside, and the job shows the list", () =>
    Effect.gen(function* () {
      const id = yield* list("spare")
      const changed = yield* alice.done("updateNetworkACLList", { id, name: " ", description: "d" })
      assert.deepInclude(changed, { id, name: "spare", description: "d", vpcname: "vpc1" })
    }).pipe(simulated)
  )

  it.effect("are given to a tier of their VPC that has ACLs at all", () =>
    Effect.gen(function* () {
      const replace = (parameters: Readonly<Record<string, string>>) =>
        alice.outcome("replaceNetworkACLList", parameters)
      const aclid = yield* list("spare")
      assert.strictEqual(yield* replace({ aclid }), "530 Network ID and private gateway can't be null at the same time")
      assert.strictEqual(
        yield* replace({ aclid, networkid: yield* network("net1") }),
        "431 Network is not part of a VPC: <uuid>"
      )
      const bare = yield* network("bare")
      assert.strictEqual(
        yield* replace({ aclid, networkid: bare }),
        "431 Cannot apply NetworkACL. Network Offering does not support NetworkACL service"
      )
      assert.strictEqual(
        yield* alice.verdict(create, { networkid: bare, protocol: "tcp" }),
        "431/4350 Network Offering does not support NetworkACL service"
      )
      assert.match(
        yield* replace({ aclid, networkid: yield* network("other") }),
        /^431 Network: Network \{.*\} and ACL: NetworkACL \{.*\} do not belong to the same VPC$/
      )
      yield* alice.done(create, { networkid: yield* network("other"), protocol: "tcp" })
      const [own] = yield* alice.all("listNetworkACLLists", { networkid: yield* network("other") })
      assert.match(String(own?.["name"]), /^VPC_vpc2_Tier_other_ACL_/)
      assert.strictEqual(own?.["description"], `ACL for ${String(own?.["name"])}`)
    }).pipe(
      simulatedAs({
        zones: [{ ref: "z", name: "z" }],
        accounts: [{ ref: "alice", name: "alice" }],
        vpcs: ["vpc1", "vpc2"].map((name) => ({ ref: name, name, owner: "alice", cidr: "10.40.0.0/16" })),
        aclLists: [{ ref: "spare", name: "spare", vpc: "vpc1" }],
        networks: [
          { ref: "net1", name: "net1", kind: "isolated", owner: "alice" },
          ...[
            { name: "bare", vpc: "vpc1", services: ["SourceNat"] },
            { name: "other", vpc: "vpc2" }
          ].map((tier) => ({
            ...tier,
            ref: tier.name,
            kind: "vpc-tier",
            owner: "alice",
            gateway: "10.40.1.1",
            netmask: "255.255.255.0"
          }))
        ]
      })
    )
  )
})
