import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { isEmpty, stepsOf } from "../../../src/controllers/service/chains.ts"
import { type Claimant, claims } from "../../../src/controllers/service/claims.ts"
import { plan } from "../../../src/controllers/service/plan.ts"
import { planMembers } from "../../../src/controllers/service/planStaying.ts"
import { planLeaving } from "../../../src/controllers/service/release.ts"
import type { ForwardTargets, WantedPort } from "../../../src/controllers/service/wanted.ts"
import { AddressId, ForwardId, type Holding, PolicyId, RuleId, VmId } from "../../../src/domain/Cloud.ts"
import { description, ruleName, tags } from "../../../src/domain/Ownership.ts"
import { applyChains, applyPlan } from "../../support/addressModel.ts"

const cluster = { id: "c1", previous: [] }
const service = { namespace: "shop", name: "dns", uid: "11111111-2222-3333-4444-555555555555" }
const stranger = { namespace: "shop", name: "other", uid: "99999999-2222-3333-4444-555555555555" }
const marks = tags(cluster, service)
const addressId = AddressId.make("ip-1")
const [a, b, c] = [VmId.make("a"), VmId.make("b"), VmId.make("c")]

const claimant: Claimant = {
  cluster,
  uid: service.uid,
  name: "shop/dns",
  namesAddress: false,
  apacheMarker: false,
  expectedSources: [],
  wantedPorts: [],
  forwardShapes: [],
  made: new Set(),
  allocations: new Map(),
  adoption: { leasewebName: "K8s_svc_kubernetes_shop_dns", servedOn: new Set() }
}

const forward = (
  protocol: string,
  publicPort: number,
  over: { readonly privatePort?: number; readonly vmId?: VmId; readonly owner?: typeof service | undefined } = {}
) => ({
  id: ForwardId.make(`f-${protocol}-${publicPort}`),
  addressId,
  protocol,
  publicPort,
  publicEndPort: publicPort,
  privatePort: over.privatePort ?? 30_000 + publicPort,
  vmId: over.vmId ?? a,
  state: "Active",
  tags: "owner" in over ? (over.owner === undefined ? [] : tags(cluster, over.owner)) : marks
})

const rule = (publicPort: number, over: Partial<Holding["rules"][number]> = {}): Holding["rules"][number] => ({
  id: RuleId.make(`r-${publicPort}`),
  name: ruleName(service.uid, "tcp", publicPort),
  description: description({ cluster: cluster.id, serviceUid: service.uid, address: "owned" }),
  addressId,
  publicPort,
  privatePort: 30_000 + publicPort,
  algorithm: "roundrobin",
  protocol: "tcp",
  cidrs: [],
  state: "Active",
  tags: [],
  members: [a],
  ...over
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
    tags: marks
  },
  rules: [],
  firewall: [],
  forwards: [],
  ...over
})

const port = (number: number, over: Partial<WantedPort> = {}): WantedPort => ({
  port: number,
  nodePort: 30_000 + number,
  via: "forward",
  ipProtocol: "udp",
  protocol: "udp",
  algorithm: "roundrobin",
  stickiness: "none",
  sources: ["0.0.0.0/0"],
  ...over
})

const planFor = (held: Holding, ports: ReadonlyArray<WantedPort>, targets: ForwardTargets = { fit: [a], pick: a }) =>
  plan({
    wanted: {
      ports,
      members: { _tag: "Exactly", vms: [a] },
      targets,
      keep: false,
      border: "rule",
      ruleSources: "update"
    },
    own: claims(held, claimant),
    cluster,
    service,
    rigid: new Set(),
    retag: true
  })
const kinds = (...input: Parameters<typeof planFor>) => stepsOf(planFor(...input)).map(({ _tag }) => _tag)

describe("plan of forwards", () => {
  it("leaves one where it is while that is fit, though another is picked for new ones", () => {
    assert.isTrue(isEmpty(planFor(holding({ forwards: [forward("udp", 53)] }), [port(53)], { fit: [a, b], pick: b })))
  })

  it("moves one off a machine that is not fit, and off one that is gone", () => {
    const moved = { fit: [b], pick: b }
    assert.deepStrictEqual(kinds(holding({ forwards: [forward("udp", 53)] }), [port(53)], moved), [
      "DeleteForward",
      "CreateForward"
    ])
    const { vmId: _, ...lost } = forward("udp", 53)
    assert.deepStrictEqual(kinds(holding({ forwards: [lost] }), [port(53)], moved), ["DeleteForward", "CreateForward"])
  })

  it("takes nothing away that it cannot replace", () => {
    const held = holding({ forwards: [forward("udp", 53)], rules: [rule(80)] })
    const nowhere = { fit: [], pick: undefined }
    const ports = [port(53), port(80, { ipProtocol: "tcp", protocol: "tcp" })]
    assert.isTrue(isEmpty(planFor(held, ports, nowhere)))
    assert.isTrue(
      isEmpty(planFor(held, [port(53, { nodePort: 1, sources: undefined }), ports[1] ?? port(80)], nowhere))
    )
  })

  it("clears the way for a rule, and for forwards, directly before them", () => {
    const tcp = { via: "rule", ipProtocol: "tcp", protocol: "tcp" } as const
    assert.deepStrictEqual(kinds(holding({ forwards: [forward("udp", 53), forward("tcp", 53)] }), [port(53, tcp)]), [
      "DeleteForward",
      "DeleteForward",
      "CreateRule",
      "AddMembers"
    ])
    const both = [port(53), port(53, { ipProtocol: "tcp", protocol: "tcp" })]
    assert.deepStrictEqual(kinds(holding({ rules: [rule(53)] }), both), [
      "DeleteRule",
      "CreateForward",
      "CreateForward"
    ])
  })

  it("tags a forward that a crash left without its tag, where its ports say that it is ours", () => {
    const held = holding({ forwards: [forward("udp", 53, { owner: undefined })] })
    const own = claims(held, {
      ...claimant,
      forwardShapes: [{ protocol: "udp", publicPort: 53, privatePort: 30_053 }]
    })
    assert.strictEqual(own.forwards.length, 1)
    assert.strictEqual(claims(held, claimant).forwards.length, 0)
    assert.strictEqual(claims({ ...held, address: { ...held.address, tags: [] } }, claimant).forwards.length, 0)
  })

  it("moves what a refused Service has", () => {
    const held = holding({ forwards: [forward("udp", 53)] })
    const steps = stepsOf(
      planMembers(service.uid, claims(held, claimant), { _tag: "Exactly", vms: [b] }, { fit: [b], pick: b })
    )
    assert.deepStrictEqual(
      steps.map(({ _tag }) => _tag),
      ["DeleteForward", "CreateForward"]
    )
  })
})

const numbers = Schema.Literals([53, 80, 443])
const vms = Schema.Literals([a, b, c])
const privatePort = Schema.Literals([30_053, 31_000])
const Stick = Schema.Literals(["none", "LbCookie", "SourceBased"])
const Slot = Schema.Struct({
  number: numbers,
  kind: Schema.Literals(["rule", "udp", "tcp", "both"]),
  privatePort,
  stick: Stick,
  vm: vms,
  theirs: Schema.Literals([true, false, false])
})
const slots = (all: ReadonlyArray<typeof Slot.Type>) => [...new Map(all.map((slot) => [slot.number, slot])).values()]

const sticky = (method: string) => ({
  description: description({ cluster: cluster.id, serviceUid: service.uid, address: "owned", sticky: true }),
  policies: [{ id: PolicyId.make("p"), method, params: {} }]
})
const protocolsOf = (kind: string) => (kind === "both" ? ["udp", "tcp"] : [kind])

/** On each number either a rule or forwards, as CloudStack would have it. */
const held = Arbitrary.schema(Schema.Array(Slot)).pipe(
  Arbitrary.map((all) => {
    const [rules, forwarded] = [
      slots(all).filter(({ kind }) => kind === "rule"),
      slots(all).filter(({ kind }) => kind !== "rule")
    ]
    return holding({
      rules: rules.map(({ number, privatePort: to, stick, theirs }) =>
        theirs
          ? rule(number + 1_000, { name: "by hand", description: "" })
          : rule(number, { privatePort: to, ...(stick === "none" ? {} : sticky(stick)) })
      ),
      forwards: forwarded.flatMap(({ kind, number, privatePort: to, theirs, vm }) =>
        protocolsOf(kind).map((protocol) =>
          forward(protocol, theirs ? number + 1_000 : number, {
            privatePort: to,
            vmId: vm,
            owner: theirs ? stranger : service
          })
        )
      )
    })
  })
)

const wanted = Arbitrary.schema(Schema.Array(Slot)).pipe(
  Arbitrary.map((all) =>
    slots(all).flatMap(({ kind, number, privatePort: nodePort, stick }) =>
      kind === "rule"
        ? [
            port(number, {
              nodePort,
              via: "rule",
              ipProtocol: "tcp",
              protocol: "tcp",
              stickiness: stick === "none" ? "none" : { method: stick, params: {} }
            })
          ]
        : protocolsOf(kind).map((protocol) => {
            const ipProtocol = protocol === "tcp" ? ("tcp" as const) : ("udp" as const)
            return port(number, { nodePort, ipProtocol, protocol: ipProtocol })
          })
    )
  )
)
const targets = Arbitrary.schema(Schema.Struct({ fit: Schema.Array(vms), pick: vms })).pipe(
  Arbitrary.map(({ fit, pick }): ForwardTargets => ({ fit: [...new Set([...fit, pick])], pick }))
)

const foreign = (state: Holding) => {
  const own = claims(state, claimant)
  return { rules: own.otherRules, forwards: own.otherForwards }
}

describe("plan of rules and forwards, over generated addresses", () => {
  it.prop(
    "reaches what is wanted in one pass, and then has nothing to do",
    [held, wanted, targets],
    ([before, ports, where]) => {
      const after = applyPlan(before, planFor(before, ports, where), marks)
      assert.deepStrictEqual(stepsOf(planFor(after, ports, where)), [])
      const own = claims(after, claimant)
      const lines = [
        ...own.rules.map(
          (held) => `rule ${held.publicPort}>${held.privatePort} ${held.policies?.[0]?.method ?? "none"}`
        ),
        ...own.forwards.map((held) => `${held.protocol} ${held.publicPort}>${held.privatePort}`)
      ]
      assert.deepStrictEqual(
        lines.sort(),
        ports
          .map(({ ipProtocol, nodePort, port: number, stickiness, via }) => {
            const method = typeof stickiness === "object" ? stickiness.method : "none"
            return via === "rule" ? `rule ${number}>${nodePort} ${method}` : `${ipProtocol} ${number}>${nodePort}`
          })
          .sort()
      )
      assert.isTrue(
        own.forwards.every(({ vmId }) => where.fit === "any" || (vmId !== undefined && where.fit.includes(vmId)))
      )
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "leaves what is not ours as it was, and what is fit where it is",
    [held, wanted, targets],
    ([before, ports, where]) => {
      const after = applyPlan(before, planFor(before, ports, where), marks)
      assert.deepStrictEqual(foreign(after), foreign(before))
      const kept = claims(before, claimant).forwards.filter(
        (one) =>
          ports.some(
            (want) =>
              want.via === "forward" &&
              want.port === one.publicPort &&
              want.ipProtocol === one.protocol &&
              want.nodePort === one.privatePort
          ) &&
          where.fit !== "any" &&
          where.fit.includes(one.vmId ?? c)
      )
      for (const one of kept) assert.isTrue((after.forwards ?? []).some(({ id }) => id === one.id))
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "never needs one chain of a stage before another",
    [held, wanted, targets],
    ([before, ports, where]) => {
      const { cleanup, traffic } = planFor(before, ports, where)
      const backwards = applyPlan(before, { traffic: [...traffic].reverse(), cleanup: [...cleanup].reverse() }, marks)
      assert.deepStrictEqual(stepsOf(planFor(backwards, ports, where)), [])
    },
    { arbitrary: { runs: 300 } }
  )

  it.prop(
    "releases what nobody else uses, and keeps what is to be kept",
    [held],
    ([before]) => {
      const own = claims(before, claimant)
      const alone = own.otherRules.length === 0 && own.otherForwards.length === 0
      const left = applyChains(before, planLeaving(own, claimant.name, false).chains)
      assert.strictEqual(left.address.state, alone ? "Free" : "Allocated")
      const kept = applyChains(before, planLeaving(own, claimant.name, true).chains)
      assert.strictEqual(kept.address.state, "Allocated")
      const after = claims(kept, claimant)
      assert.deepStrictEqual([after.kept, after.rules, after.forwards], [true, [], []])
      if (!alone) assert.deepStrictEqual(foreign(left), foreign(before))
      assert.deepStrictEqual(foreign(kept), foreign(before))
    },
    { arbitrary: { runs: 300 } }
  )
})
