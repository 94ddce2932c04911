import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { isEmpty, stepsOf } from "../../../src/controllers/service/chains.ts"
import { type Claimant, claims } from "../../../src/controllers/service/claims.ts"
import { plan } from "../../../src/controllers/service/plan.ts"
import { planMembers } from "../../../src/controllers/service/planStaying.ts"
import { planLeaving } from "../../../src/controllers/service/release.ts"
import type { Wanted, WantedPort } from "../../../src/controllers/service/wanted.ts"
import { AddressId, FirewallRuleId, ForwardId, type Holding, RuleId, VmId } from "../../../src/domain/Cloud.ts"
import { description, keepTag, ruleName, tags } from "../../../src/domain/Ownership.ts"
import { applyChains, applyPlan } from "../../support/addressModel.ts"

const cluster = { id: "c1", previous: [] }
const service = { namespace: "shop", name: "web", uid: "11111111-2222-3333-4444-555555555555" }
const marks = tags(cluster, service)
const stranger = { namespace: "shop", name: "other", uid: "99999999-2222-3333-4444-555555555555" }
const addressId = AddressId.make("ip-1")
const [a, b, c] = [VmId.make("a"), VmId.make("b"), VmId.make("c")]

const claimant: Claimant = {
  cluster,
  uid: service.uid,
  name: "shop/web",
  forwardShapes: [],
  namesAddress: false,
  apacheMarker: false,
  expectedSources: [],
  wantedPorts: [],
  made: new Set(),
  allocations: new Map(),
  adoption: { leasewebName: "K8s_svc_kubernetes_shop_web", servedOn: new Set() }
}

const rule = (over: Partial<Holding["rules"][number]> & { readonly publicPort: number }): Holding["rules"][number] => ({
  id: RuleId.make(`rule-${over.publicPort}`),
  name: ruleName(service.uid, over.protocol ?? "tcp", over.publicPort),
  description: description({ cluster: cluster.id, serviceUid: service.uid, address: "owned" }),
  addressId,
  privatePort: 30_000 + over.publicPort,
  algorithm: "roundrobin",
  protocol: "tcp",
  cidrs: [],
  state: "Active",
  tags: [],
  members: [],
  ...over
})

const firewall = (port: number, cidrs: ReadonlyArray<string>, owner: typeof service | undefined, id: string) => ({
  id: FirewallRuleId.make(id),
  addressId,
  protocol: "tcp",
  startPort: port,
  endPort: port,
  cidrs,
  state: "Active",
  tags: owner === undefined ? [] : tags(cluster, owner)
})

const holding = (over: Partial<Holding> = {}): Holding => ({
  address: {
    id: addressId,
    ip: "203.0.113.7",
    state: "Allocated",
    isSourceNat: false,
    isStaticNat: false,
    isSystem: false,
    owner: "alice",
    tags: tags(cluster, service)
  },
  rules: [],
  firewall: [],
  ...over
})

const port = (over: Partial<WantedPort> & { readonly port: number }): WantedPort => ({
  nodePort: 30_000 + over.port,
  via: "rule",
  ipProtocol: "tcp",
  protocol: "tcp",
  algorithm: "roundrobin",
  stickiness: "none",
  sources: ["0.0.0.0/0"],
  ...over
})

/** Every machine will do, and new forwards go to the first. */
const targets = { fit: "any" as const, pick: a }
const rest = { targets, keep: false, ruleSources: "update" as const }

const planFor = (held: Holding, wanted: Pick<Wanted, "ports" | "members">, border: Wanted["border"] = "firewall") =>
  plan({
    wanted: { ...rest, ...wanted, border },
    own: claims(held, { ...claimant, wantedPorts: wanted.ports.map((want) => want.port) }),
    cluster,
    service,
    rigid: new Set(),
    retag: true
  })

const kinds = (held: Holding, wanted: Pick<Wanted, "ports" | "members">) =>
  stepsOf(planFor(held, wanted)).map((step) => step._tag)

/** How port 80 opens. */
const port80 = {
  by: { serviceUid: service.uid },
  addressId,
  protocol: "tcp",
  port: 80
} as const

const exactly = (...vms: ReadonlyArray<VmId>) => ({ _tag: "Exactly" as const, vms })

describe("plan", () => {
  it("makes a port: rule, members, firewall", () => {
    assert.deepStrictEqual(kinds(holding(), { ports: [port({ port: 80 })], members: exactly(a, b) }), [
      "CreateRule",
      "AddMembers",
      "OpenBorder"
    ])
  })

  it("gives a rule that exists the members it lacks", () => {
    const held = holding({
      rules: [rule({ publicPort: 80, members: [b] })],
      firewall: [firewall(80, ["0.0.0.0/0"], service, "f1")]
    })
    const steps = stepsOf(planFor(held, { ports: [port({ port: 80 })], members: exactly(a, b) }))
    assert.deepStrictEqual(steps, [{ _tag: "AddMembers", rule: { id: RuleId.make("rule-80") }, port: 80, vms: [a] }])
  })

  it("switches the protocol in place, with the name that says it, and leaves the firewall alone", () => {
    const held = holding({
      rules: [rule({ publicPort: 80, members: [a] })],
      firewall: [firewall(80, ["0.0.0.0/0"], service, "f1")]
    })
    const steps = stepsOf(planFor(held, { ports: [port({ port: 80, protocol: "tcp-proxy" })], members: exactly(a) }))
    const change = { protocol: "tcp-proxy", name: ruleName(service.uid, "tcp-proxy", 80) }
    assert.deepStrictEqual(steps, [{ _tag: "UpdateRule", id: RuleId.make("rule-80"), port: 80, change, verify: false }])
  })

  it("makes a rule anew for another node port: the blocker goes directly before", () => {
    const held = holding({
      rules: [rule({ publicPort: 80, members: [a] })],
      firewall: [firewall(80, ["0.0.0.0/0"], service, "f1")]
    })
    assert.deepStrictEqual(kinds(held, { ports: [port({ port: 80, nodePort: 31_000 })], members: exactly(a) }), [
      "DeleteRule",
      "CreateRule",
      "AddMembers"
    ])
  })

  it("adds sources in a rule of their own", () => {
    const held = holding({
      rules: [rule({ publicPort: 80, members: [a] })],
      firewall: [firewall(80, ["10.0.0.0/8"], service, "f1")]
    })
    const wanted = { ports: [port({ port: 80, sources: ["10.0.0.0/8", "192.0.2.0/24"] })], members: exactly(a) }
    assert.deepStrictEqual(stepsOf(planFor(held, wanted)), [{ _tag: "OpenBorder", ...port80, cidrs: ["192.0.2.0/24"] }])
  })

  it("replaces a rule that mixes what stays with what goes, in two steps that follow each other", () => {
    const held = holding({
      rules: [rule({ publicPort: 80, members: [a] })],
      firewall: [firewall(80, ["10.0.0.0/8", "192.0.2.0/24"], service, "f1")]
    })
    const wanted = { ports: [port({ port: 80, sources: ["10.0.0.0/8", "198.51.100.0/24"] })], members: exactly(a) }
    const [chain, ...more] = planFor(held, wanted).traffic
    assert.strictEqual(more.length, 0)
    assert.deepStrictEqual(chain?.steps, [
      { _tag: "CloseBorder", id: FirewallRuleId.make("f1"), port: 80 },
      { _tag: "OpenBorder", ...port80, cidrs: ["10.0.0.0/8", "198.51.100.0/24"] }
    ])
  })

  it("closes revoked sources whatever happens to what opens", () => {
    const held = holding({
      rules: [rule({ publicPort: 80, members: [a] })],
      firewall: [firewall(80, ["0.0.0.0/0"], service, "f1")]
    })
    const wanted = { ports: [port({ port: 80, sources: ["10.0.0.0/8"] })], members: exactly(a, b) }
    const border = planFor(held, wanted).traffic.find(({ key }) => key.startsWith("border"))
    assert.deepStrictEqual(border?.always, [{ _tag: "CloseBorder", id: FirewallRuleId.make("f1"), port: 80 }])
  })

  it("adds nothing that somebody else's firewall rule admits already", () => {
    const held = holding({
      firewall: [firewall(80, ["0.0.0.0/0"], undefined, "theirs")],
      rules: [rule({ publicPort: 81 })]
    })
    const given = { ...held, address: { ...held.address, tags: [] }, rules: [] }
    assert.deepStrictEqual(kinds(given, { ports: [port({ port: 80 })], members: exactly(a) }), [
      "CreateRule",
      "AddMembers"
    ])
  })

  it("keeps what exists for a setting that is not understood, and opens nothing new for it", () => {
    const held = holding({
      rules: [rule({ publicPort: 80, protocol: "tcp-proxy", members: [a] })],
      firewall: [firewall(80, ["10.0.0.0/8"], service, "f1")]
    })
    const unknown = { protocol: undefined, sources: undefined }
    const wanted = { ports: [port({ port: 80, ...unknown }), port({ port: 443, ...unknown })], members: exactly(a, b) }
    assert.deepStrictEqual(kinds(held, wanted), ["AddMembers"])
  })

  it("does not touch members when no node could be resolved", () => {
    const held = holding({
      rules: [rule({ publicPort: 80, members: [a, b] })],
      firewall: [firewall(80, ["0.0.0.0/0"], service, "f1")]
    })
    assert.isTrue(isEmpty(planFor(held, { ports: [port({ port: 80 })], members: { _tag: "Keep" } })))
  })

  it("makes a rule anew if the server would not change it", () => {
    const held = holding({ rules: [rule({ publicPort: 80, members: [a] })] })
    const found = plan({
      wanted: { ...rest, ports: [port({ port: 80, protocol: "tcp-proxy" })], members: exactly(a), border: "rule" },
      own: claims(held, claimant),
      cluster,
      service,
      rigid: new Set([RuleId.make("rule-80")]),
      retag: true
    })
    assert.deepStrictEqual(
      stepsOf(found).map((step) => step._tag),
      ["DeleteRule", "CreateRule", "AddMembers"]
    )
  })

  it("names a protocol in each update of a rule that was made without one", () => {
    const held = holding({ rules: [rule({ publicPort: 80, protocol: "", members: [a] })] })
    const [step] = stepsOf(
      planFor(held, { ports: [port({ port: 80, algorithm: "source" })], members: exactly(a) }, "rule")
    )
    assert.deepInclude(step, { _tag: "UpdateRule", change: { protocol: "tcp", algorithm: "source" } })
  })

  it("treats a rule's list joined either way, and none, as the sets they are", () => {
    const held = holding({ rules: [rule({ publicPort: 80, cidrs: ["192.0.2.0/24", "10.0.0.0/8"], members: [a] })] })
    const same = port({ port: 80, sources: ["10.0.0.0/8", "192.0.2.0/24"] })
    assert.isTrue(isEmpty(planFor(held, { ports: [same], members: exactly(a) }, "rule")))
    const open = holding({ rules: [rule({ publicPort: 80, cidrs: [], members: [a] })] })
    assert.isTrue(isEmpty(planFor(open, { ports: [port({ port: 80 })], members: exactly(a) }, "rule")))
  })

  it("updates members only, for a Service that is refused for now", () => {
    const held = holding({ rules: [rule({ publicPort: 80, members: [a, b] })] })
    const found = planMembers(service.uid, claims(held, claimant), exactly(b, c), targets)
    assert.deepStrictEqual(
      stepsOf(found).map((step) => step._tag),
      ["AddMembers", "RemoveMembers"]
    )
  })
})

const ports = Schema.Literals([80, 443, 8080])
const cidrs = Schema.Literals(["10.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24"])
const vms = Schema.Literals([a, b, c])
const byPort = <A extends { readonly publicPort: number }>(all: ReadonlyArray<A>): ReadonlyArray<A> => [
  ...new Map(all.map((item) => [item.publicPort, item])).values()
]

/** Small alphabets, so that what is wanted and what is there often meet. */
const wantedPorts = Arbitrary.schema(
  Schema.Array(
    Schema.Struct({
      publicPort: ports,
      nodePort: Schema.Literals([30_080, 31_000]),
      protocol: Schema.Literals(["tcp", "tcp-proxy"]),
      algorithm: Schema.Literals(["roundrobin", "source"]),
      sources: Schema.Array(cidrs)
    })
  )
).pipe(
  Arbitrary.map((all) =>
    byPort(all).map(({ publicPort, sources, ...rest }) =>
      port({ ...rest, port: publicPort, sources: sources.length === 0 ? ["0.0.0.0/0"] : [...new Set(sources)].sort() })
    )
  )
)

const held = Arbitrary.schema(
  Schema.Struct({
    rules: Schema.Array(
      Schema.Struct({
        publicPort: ports,
        privatePort: Schema.Literals([30_080, 31_000]),
        protocol: Schema.Literals(["tcp", "tcp-proxy"]),
        algorithm: Schema.Literals(["roundrobin", "source"]),
        members: Schema.Array(vms),
        theirs: Schema.Literals([true, false, false, false])
      })
    ),
    firewall: Schema.Array(Schema.Struct({ port: ports, cidr: cidrs, theirs: Schema.Literals([true, false, false]) }))
  })
).pipe(
  Arbitrary.map(({ firewall: borders, rules }) =>
    holding({
      rules: byPort(rules).map(({ theirs, ...over }) =>
        rule({
          ...over,
          members: [...new Set(over.members)],
          ...(theirs
            ? {
                name: "by hand",
                description: "",
                publicPort: over.publicPort + 1_000,
                id: RuleId.make(`x-${over.publicPort}`)
              }
            : {})
        })
      ),
      // CloudStack allows a network on a port only once.
      firewall: [...new Map(borders.map((border) => [`${border.port} ${border.cidr}`, border])).values()].map(
        ({ cidr, port: number, theirs }, index) => firewall(number, [cidr], theirs ? stranger : service, `f${index}`)
      )
    })
  )
)

const members = Arbitrary.schema(Schema.Array(vms)).pipe(Arbitrary.map((all) => exactly(...[...new Set(all)].sort())))

const foreign = (state: Holding) => {
  const own = claims(state, claimant)
  return { rules: own.otherRules, firewall: own.otherFirewall }
}

describe("whose an address without marks is", () => {
  const allocatedAt = 1_000
  const { tags: _, ...address } = holding().address
  const unmarked = holding({ address: { ...address, tags: [], allocatedAt } })
  const named = { ...claimant, namesAddress: true }

  it("ours, if this process allocated it, for whichever Service", () => {
    const { ownership } = claims(unmarked, { ...named, allocations: new Map([[addressId, allocatedAt]]) })
    assert.strictEqual(ownership, "owned")
  })

  it("the user's, if not, also under an id that was ours before", () => {
    assert.strictEqual(claims(unmarked, named).ownership, "given")
    const before = new Map([[addressId, allocatedAt - 1]])
    assert.strictEqual(claims(unmarked, { ...named, allocations: before }).ownership, "given")
  })
})

describe("a forward without a tag that looks like the Service's", () => {
  const shape = { protocol: "udp", publicPort: 53, privatePort: 30_053 } as const
  const forward = {
    ...shape,
    id: ForwardId.make("forward-53"),
    addressId,
    publicEndPort: 53,
    vmId: a,
    state: "Active",
    tags: []
  }
  const on = (owner: typeof service, over: Partial<Claimant> = {}, more: Holding["address"]["tags"] = []) => {
    const address = { ...holding().address, tags: [...tags(cluster, owner), ...more] }
    return claims(holding({ address, forwards: [forward] }), { ...claimant, forwardShapes: [shape], ...over }).forwards
  }

  it("is its own on its own address, and where it asks to be", () => {
    assert.lengthOf(on(service), 1)
    assert.lengthOf(on(stranger, { namesAddress: true }), 1)
    assert.lengthOf(on(stranger, {}, [{ key: keepTag, value: claimant.name }]), 1)
  })

  it("is not on another Service's address, which had the same node port before", () => {
    assert.deepStrictEqual(on(stranger), [])
    assert.lengthOf(on(stranger, { made: new Set([forward.id]) }), 1)
  })
})

describe("leaving an address of ours", () => {
  const notesWith = (owner: typeof service | undefined) =>
    planLeaving(claims(holding({ firewall: [firewall(22, ["10.0.0.0/8"], owner, "f9")] }), claimant), "shop/web", false)
      .notes

  it("tells that it stays because of what no Service has", () => {
    assert.deepStrictEqual(
      notesWith(undefined).map(({ reason }) => reason),
      ["AddressKept"]
    )
  })

  it("says nothing where another Service is that will release it", () => {
    assert.deepStrictEqual(notesWith(stranger), [])
  })
})

describe("plan, over generated addresses", () => {
  it.prop(
    "reaches what is wanted in one pass, and then has nothing to do",
    [held, wantedPorts, members],
    ([before, want, vmsWanted]) => {
      const wanted = { ports: want, members: vmsWanted }
      const after = applyPlan(before, planFor(before, wanted), marks)
      assert.deepStrictEqual(stepsOf(planFor(after, wanted)), [])
      const own = claims(after, claimant)
      assert.deepStrictEqual(
        own.rules
          .map((held) => [held.publicPort, held.privatePort, held.protocol, held.algorithm, [...held.members].sort()])
          .sort(),
        want.map((it) => [it.port, it.nodePort, it.protocol, it.algorithm, [...vmsWanted.vms].sort()]).sort()
      )
    },
    { arbitrary: { runs: 400 } }
  )

  it.prop(
    "leaves what is not ours as it was",
    [held, wantedPorts, members],
    ([before, want, vmsWanted]) => {
      const after = applyPlan(before, planFor(before, { ports: want, members: vmsWanted }), marks)
      assert.deepStrictEqual(foreign(after), foreign(before))
    },
    { arbitrary: { runs: 400 } }
  )

  it.prop(
    "never needs one chain of a stage before another",
    [held, wantedPorts, members],
    ([before, want, vmsWanted]) => {
      const { cleanup, traffic } = planFor(before, { ports: want, members: vmsWanted })
      const reversed = { traffic: [...traffic].reverse(), cleanup: [...cleanup].reverse() }
      const backwards = applyPlan(before, reversed, marks)
      assert.deepStrictEqual(stepsOf(planFor(backwards, { ports: want, members: vmsWanted })), [])
    },
    { arbitrary: { runs: 200 } }
  )

  it.prop(
    "leaves nothing of ours behind, and releases only what nobody else uses",
    [held],
    ([before]) => {
      const own = claims(before, claimant)
      const after = applyChains(before, planLeaving(own, "shop/web", false).chains)
      const alone = own.otherRules.length === 0 && own.otherFirewall.length === 0
      assert.strictEqual(after.address.state, alone ? "Free" : "Allocated")
      const left = claims(after, claimant)
      assert.deepStrictEqual([left.rules, left.firewall], [[], []])
      if (!alone) assert.deepStrictEqual(foreign(after), foreign(before))
    },
    { arbitrary: { runs: 400 } }
  )
})
