import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { type AclInput, planAcl, type TierAcl } from "../../../src/controllers/service/planAcl.ts"
import type { Step } from "../../../src/controllers/service/steps.ts"
import { freeNumbers, limitOf } from "../../../src/domain/AclOrder.ts"
import { type AclItem, AclItemId, AclListId } from "../../../src/domain/Cloud.ts"
import { aclReason, isOurReason } from "../../../src/domain/Ownership.ts"
import { applyAcl } from "../../support/aclModel.ts"

const cluster = { id: "c1", previous: ["c0"] }
const uid = "11111111-2222-3333-4444-555555555555"
const stranger = "99999999-2222-3333-4444-555555555555"
const listId = AclListId.make("list-1")
const otherList = AclListId.make("list-2")
const mine = aclReason(cluster, uid)

const tier = (over: Partial<TierAcl> = {}): TierAcl => ({
  listId,
  listName: "acl1",
  networkName: "tier1",
  editable: true,
  ...over
})

let count = 0
const item = (over: Partial<AclItem> & { readonly number: number }): AclItem => ({
  id: AclItemId.make(`item-${++count}`),
  listId,
  protocol: "tcp",
  cidrs: ["0.0.0.0/0"],
  direction: "ingress",
  action: "allow",
  reason: "",
  state: "Active",
  ...over
})
const ours = (port: number, over: Partial<AclItem> & { readonly number: number }): AclItem =>
  item({ startPort: port, endPort: port, reason: mine, ...over })
const denyAll = (number: number): AclItem => item({ number, protocol: "all", action: "deny" })

const port = (number: number, sources: ReadonlyArray<string> | undefined = ["0.0.0.0/0"]) => ({
  port: number,
  ipProtocol: "tcp" as const,
  via: "rule" as const,
  sources
})
const forward = (number: number, sources?: ReadonlyArray<string>) => ({
  ...port(number, sources),
  via: "forward" as const
})

const planOf = (over: Partial<AclInput>) => planAcl({ cluster, uid, tier: tier(), items: [], ports: [], ...over })
const stepsOf = (over: Partial<AclInput>): ReadonlyArray<Step> =>
  planOf(over).chains.flatMap(({ always, steps }) => [...steps, ...always])

/** As one line each, without ids: what a list says. */
const lines = (items: ReadonlyArray<AclItem>): ReadonlyArray<string> =>
  [...items]
    .sort((a, b) => a.number - b.number)
    .map(
      ({ action, cidrs, number, protocol, reason, startPort }) =>
        `${number} ${action} ${protocol} ${startPort ?? "all"} ${cidrs.join(",")}${reason === "" ? "" : " *"}`
    )

const result = (over: Partial<AclInput> & { readonly items: ReadonlyArray<AclItem> }) =>
  lines(applyAcl(over.items, planOf(over).chains))

describe("ACL items of a Service", () => {
  it("come right in front of what denies everything, or last", () => {
    const ports = [port(80), port(443, ["10.0.0.0/8"])]
    const ssh = item({ number: 10, startPort: 22, endPort: 22 })
    assert.deepStrictEqual(result({ items: [ssh, denyAll(1_000)], ports }), [
      "10 allow tcp 22 0.0.0.0/0",
      "998 allow tcp 443 10.0.0.0/8 *",
      "999 allow tcp 80 0.0.0.0/0 *",
      "1000 deny all all 0.0.0.0/0"
    ])
    assert.deepStrictEqual(result({ items: [ssh], ports }), [
      "10 allow tcp 22 0.0.0.0/0",
      "11 allow tcp 80 0.0.0.0/0 *",
      "12 allow tcp 443 10.0.0.0/8 *"
    ])
  })

  it("begin where the operator says, unless that is behind what denies everything", () => {
    const started = (number: number) =>
      result({ tier: tier({ numberStart: number }), items: [denyAll(100)], ports: [port(80)] })
    assert.deepStrictEqual(started(50)[0], "50 allow tcp 80 0.0.0.0/0 *")
    assert.deepStrictEqual(started(500)[0], "99 allow tcp 80 0.0.0.0/0 *")
  })

  it("go where another user's particular denial still counts", () => {
    const banned = item({ number: 5, startPort: 80, endPort: 80, action: "deny", cidrs: ["203.0.113.0/24"] })
    assert.deepStrictEqual(result({ items: [banned, denyAll(9)], ports: [port(80)] }), [
      "5 deny tcp 80 203.0.113.0/24",
      "8 allow tcp 80 0.0.0.0/0 *",
      "9 deny all all 0.0.0.0/0"
    ])
  })

  it("are made although others' items name the port: denied, outgoing, with other sources", () => {
    const others = [
      item({ number: 1, startPort: 80, endPort: 80, action: "deny" }),
      item({ number: 2, startPort: 80, endPort: 80, direction: "egress" }),
      item({ number: 3, startPort: 80, endPort: 80, cidrs: ["10.0.0.0/8"] }),
      item({ number: 4, startPort: 80, endPort: 80, reason: aclReason(cluster, stranger) })
    ]
    const plan = planOf({ items: others, ports: [port(80)] })
    const held = applyAcl(others, plan.chains)
    assert.deepStrictEqual(held.slice(0, 4), others)
    assert.strictEqual(held.length, 5)
  })

  it("are left alone when they are right, whatever the order and form of the sources", () => {
    const held = [ours(80, { number: 7, cidrs: ["192.0.2.0/24", "10.0.0.0/8"], protocol: "TCP" }), denyAll(100)]
    assert.deepStrictEqual(stepsOf({ items: held, ports: [port(80, ["10.0.0.0/8", "192.0.2.0/24"])] }), [])
    // Made before the cluster's id was changed.
    const old = [ours(80, { number: 7, reason: aclReason({ id: "c0", previous: [] }, uid) })]
    assert.deepStrictEqual(stepsOf({ items: old, ports: [port(80)] }), [])
  })

  it("change in place", () => {
    const held = ours(80, { number: 7 })
    const narrowed = { items: [held], ports: [port(80, ["10.0.0.0/8"])] }
    assert.deepStrictEqual(stepsOf(narrowed), [
      { _tag: "UpdateAcl", id: held.id, port: 80, change: { listId, cidrs: ["10.0.0.0/8"] } }
    ])
    assert.deepStrictEqual(result({ items: [held, denyAll(3)], ports: [port(80)] })[0], "2 allow tcp 80 0.0.0.0/0 *")
  })

  it("are replaced where they cannot be changed, the new one first", () => {
    const held = ours(80, { number: 7, cidrs: ["10.0.0.0/8"] })
    const steps = stepsOf({
      tier: tier({ editable: false }),
      items: [held],
      ports: [port(80, ["10.0.0.0/8", "192.0.2.0/24"])]
    })
    assert.deepStrictEqual(
      steps.map(({ _tag }) => _tag),
      ["OpenAcl", "CloseAcl"]
    )
  })

  it("close for revoked sources even if the new one cannot be made", () => {
    const held = ours(80, { number: 7, cidrs: ["10.0.0.0/8", "192.0.2.0/24"] })
    const [chain] = planOf({
      tier: tier({ editable: false }),
      items: [held],
      ports: [port(80, ["10.0.0.0/8"])]
    }).chains
    assert.deepStrictEqual(
      [chain?.steps, chain?.always].map((steps) => steps?.map(({ _tag }) => _tag)),
      [["OpenAcl"], ["CloseAcl"]]
    )
  })

  it("stay as they are while the demand for sources is not understood", () => {
    const held = [ours(80, { number: 7, cidrs: ["10.0.0.0/8"] })]
    const unread = { ...port(80), sources: undefined }
    assert.deepStrictEqual(stepsOf({ items: held, ports: [unread] }), [])
    assert.deepStrictEqual(stepsOf({ items: [], ports: [unread] }), [])
  })

  it("go with their port, with their tier's list, and with the Service", () => {
    const held = [ours(80, { number: 1 }), ours(443, { number: 2 }), ours(80, { number: 3, listId: otherList })]
    const kept = applyAcl(held, planOf({ items: held, ports: [port(80)] }).chains)
    assert.deepStrictEqual(kept, held.slice(0, 1))
    assert.deepStrictEqual(applyAcl(held, planAcl({ cluster, uid, items: held, ports: [] }).chains), [])
  })

  it("that were made twice, or edited into something else, are put right", () => {
    const held = [
      ours(80, { number: 1 }),
      ours(80, { number: 2 }),
      ours(443, { number: 3, action: "deny" }),
      ours(8080, { number: 4, endPort: 9_000 })
    ]
    const want = { items: held, ports: [port(80), port(443), port(8080)] }
    assert.deepStrictEqual(result(want), [
      "1 allow tcp 80 0.0.0.0/0 *",
      "5 allow tcp 443 0.0.0.0/0 *",
      "6 allow tcp 8080 0.0.0.0/0 *"
    ])
  })
})

describe("lists that stay as they are", () => {
  const builtIn = (action: "allow" | "deny") => [
    item({ number: 1, protocol: "all", action }),
    item({ number: 2, protocol: "all", action, direction: "egress" })
  ]

  it("default_allow: nothing is needed and nothing said", () => {
    const shared = tier({ listName: "default_allow", closed: "shared" })
    const plan = planOf({ tier: shared, items: builtIn("allow"), ports: [port(80), port(443, ["10.0.0.0/8"])] })
    assert.deepStrictEqual(plan, { chains: [], notes: [] })
  })

  it("default_deny: one Event with the remedy", () => {
    const shared = tier({ listName: "default_deny", closed: "shared" })
    const plan = planOf({ tier: shared, items: builtIn("deny"), ports: [port(80), port(443)] })
    assert.deepStrictEqual(plan.chains, [])
    assert.deepStrictEqual(plan.notes, [
      {
        type: "Warning",
        reason: "NetworkACLNotChanged",
        message:
          "Network ACL list default_deny of tier tier1 stays as it is, because it belongs to all VPCs. Load balancer traffic passes all the same: CloudStack's VPC routers let it in before their ACLs. To have the Service's ports in it, give the tier a list of its own (replaceNetworkACLList)"
      }
    ])
  })

  it("a list that lets in what is wanted needs no Event, one that denies a part of it does", () => {
    const shared = tier({ closed: "shared" })
    const items = [
      item({ number: 1, startPort: 443, endPort: 443, action: "deny", cidrs: ["10.1.0.0/16"] }),
      item({ number: 2, startPort: 1, endPort: 1_024, protocol: "6" })
    ]
    const notes = (...ports: ReadonlyArray<ReturnType<typeof port>>) =>
      planOf({ tier: shared, items, ports }).notes.length
    assert.deepStrictEqual([notes(port(80)), notes(port(443)), notes(port(443, ["192.0.2.0/24"]))], [0, 1, 0])
  })

  it("forwards depend on the list, and the Events say so", () => {
    const reasons = (items: ReadonlyArray<AclItem>, closed: TierAcl["closed"], sources: ReadonlyArray<string>) =>
      planOf({
        tier: closed === undefined ? tier() : tier({ closed }),
        items,
        ports: [forward(30_053, sources)]
      }).notes.map(({ message, reason }) => `${reason}${/forwarding/.test(message) ? " (forwards)" : ""}`)
    const anybody = ["0.0.0.0/0"]
    const some = ["10.0.0.0/8"]
    assert.deepStrictEqual(reasons(builtIn("deny"), "shared", anybody), ["NetworkACLNotChanged (forwards)"])
    assert.deepStrictEqual(reasons(builtIn("allow"), "shared", anybody), [])
    assert.deepStrictEqual(reasons(builtIn("allow"), "shared", some), ["NetworkACLAdmitsMore"])
    const wide = item({ number: 9, startPort: 30_000, endPort: 32_767, cidrs: ["0.0.0.0/0", "::/0"] })
    assert.deepStrictEqual(reasons([wide], undefined, some), ["NetworkACLAdmitsMore"])
    assert.deepStrictEqual(reasons([denyAll(8), wide], undefined, some), [])
    assert.deepStrictEqual(reasons([wide], undefined, anybody), [])
  })

  it("no number is left in front of what denies everything: one Event, and nothing behind it", () => {
    const plan = planOf({ items: [denyAll(1)], ports: [port(80)] })
    assert.deepStrictEqual(plan.chains, [])
    assert.strictEqual(plan.notes[0]?.reason, "NetworkACLFull")
  })
})

const numbers = Schema.Literals([1, 2, 3, 5, 8, 100, 1_000])
const sources = Schema.Literals(["0.0.0.0/0", "10.0.0.0/8", "192.0.2.0/24"])
const aPort = Schema.Literals([80, 443, 8080])

/** Lists with everything that stands in real ones: ours, another Service's, another cluster's, users'. */
const worlds = Arbitrary.schema(
  Schema.Array(
    Schema.Struct({
      number: numbers,
      list: Schema.Literals([listId, listId, listId, otherList]),
      owner: Schema.Literals(["ours", "ours", "old", "neighbour", "cluster", "user", "user"]),
      about: Schema.Literals(["port", "port", "port", "range", "all"]),
      port: aPort,
      protocol: Schema.Literals(["tcp", "tcp", "TCP", "udp", "all", "6"]),
      direction: Schema.Literals(["ingress", "ingress", "ingress", "egress"]),
      action: Schema.Literals(["allow", "allow", "deny"]),
      cidrs: Schema.Array(sources)
    })
  )
).pipe(
  Arbitrary.map((all) =>
    [...new Map(all.map((one) => [`${one.list} ${one.number}`, one])).values()].map((one) => {
      const reasons: Readonly<Record<string, string>> = {
        ours: mine,
        old: aclReason({ id: "c0", previous: [] }, uid),
        neighbour: aclReason(cluster, stranger),
        cluster: aclReason({ id: "elsewhere", previous: [] }, uid),
        user: "by hand"
      }
      return item({
        number: one.number,
        listId: one.list,
        reason: reasons[one.owner] ?? "",
        protocol: one.protocol,
        direction: one.direction,
        action: one.action,
        cidrs: one.cidrs.length === 0 ? ["0.0.0.0/0"] : [...new Set(one.cidrs)],
        ...(one.about === "all" || one.protocol === "all"
          ? {}
          : { startPort: one.port, endPort: one.about === "range" ? one.port + 10 : one.port })
      })
    })
  )
)
const demands = Arbitrary.schema(
  Schema.Struct({
    ports: Schema.Array(Schema.Struct({ port: aPort, sources: Schema.Array(sources) })),
    editable: Schema.Boolean,
    start: Schema.Literals([0, 1, 4, 500])
  })
).pipe(
  Arbitrary.map(({ editable, ports, start }) => ({
    ports: [...new Map(ports.map((one) => [one.port, one])).values()].map((one) =>
      port(one.port, one.sources.length === 0 ? ["0.0.0.0/0"] : [...new Set(one.sources)].sort())
    ),
    tier: tier({ editable, ...(start === 0 ? {} : { numberStart: start }) })
  }))
)
const isOurs = ({ reason }: AclItem) => isOurReason(cluster, uid, reason)

describe("ACL plans, over generated lists", () => {
  it.prop(
    "never change what is not ours",
    [worlds, demands],
    ([items, demand]) => {
      const changed = applyAcl(items, planOf({ items, ...demand }).chains)
      const foreign = (all: ReadonlyArray<AclItem>) => all.filter((one) => !isOurs(one))
      assert.deepStrictEqual(foreign(changed), foreign(items))
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "reach one item per port in one pass, in front of what denies everything, and then have nothing to do",
    [worlds, demands],
    ([items, demand]) => {
      const plan = planOf({ items, ...demand })
      const once = applyAcl(items, plan.chains)
      // What goes makes room only for the next run.
      const twice = applyAcl(once, planOf({ items: once, ...demand }).chains)
      if (plan.notes.length === 0) assert.deepStrictEqual(twice, once)
      const last = planOf({ items: twice, ...demand })
      assert.deepStrictEqual(last.chains, [])
      const held = twice.filter(isOurs)
      const inList = twice.filter((one) => one.listId === listId)
      const limit = limitOf(
        inList.filter((one) => !isOurs(one)),
        "tcp"
      )
      for (const want of demand.ports) {
        const found = held.filter(({ startPort }) => startPort === want.port)
        assert.isAtMost(found.length, 1)
        for (const { cidrs } of found) assert.deepStrictEqual([...cidrs].sort(), [...(want.sources ?? [])].sort())
        const counts = found.length === 1 && (found[0]?.number ?? 0) < limit
        // Only for lack of room, and that is told.
        const taken = new Set(inList.map(({ number }) => number))
        if (!counts) assert.deepStrictEqual([last.notes.length > 0, freeNumbers(taken, limit, undefined)], [true, []])
      }
      assert.isTrue(held.every(({ startPort }) => demand.ports.some((want) => want.port === startPort)))
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "leave nothing of ours behind when the Service goes",
    [worlds],
    ([items]) => {
      const left = applyAcl(items, planAcl({ cluster, uid, items, ports: [] }).chains)
      assert.deepStrictEqual(
        left,
        items.filter((one) => !isOurs(one))
      )
    },
    { arbitrary: { runs: 300 } }
  )
})
