/**
 * The same life of a Service in every kind of network: made, its ports and sources changed, a node more, PROXY protocol
 * on, a UDP port, gone. What each step came to is what `docs/networks.md` shows.
 */
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { NetworkKind } from "./networkKinds.ts"
import { type Everything, everything, only, settle } from "./strangers.ts"
import {
  annotated,
  applyNodes,
  applyService,
  bed,
  counting,
  editService,
  eventMessages,
  ingress,
  reconcile,
  removeService
} from "./testBed.ts"

export const stepNames = [
  "create",
  "change ports",
  "change sources",
  "node joins",
  "PROXY protocol",
  "UDP",
  "delete"
] as const
export type StepName = (typeof stepNames)[number]

export interface StepResult {
  /** What is not as it should be; none if all is. */
  readonly faults: ReadonlyArray<string>
  /** Commands that changed something in CloudStack. */
  readonly commands: number
}

export interface LifeResult {
  readonly kind: NetworkKind
  readonly steps: ReadonlyMap<StepName, StepResult>
  /** The Event of a refusal: of the Service, or of its UDP port. */
  readonly refusal?: string
}

interface Wish {
  readonly ports: ReadonlyArray<readonly [number, number]>
  readonly sources: ReadonlyArray<string>
  readonly nodes: ReadonlyArray<string>
  readonly protocol: string
  /** Port 53 beside the others. */
  readonly udp: boolean
}

const initial: Wish = {
  ports: [
    [80, 30_080],
    [443, 30_443]
  ],
  sources: [],
  nodes: ["n1", "n2", "n3"],
  protocol: "tcp",
  udp: false
}

const listed = (cidrs: unknown) =>
  String(cidrs ?? "")
    .split(/[ ,]+/)
    .filter(Boolean)
    .sort()
    .join(",")

/** The Service's things, as lines that a person can compare. */
const linesOf = (all: Everything, strangers: ReadonlySet<unknown>) => {
  const own = <A extends object>(list: ReadonlyArray<A>) =>
    list.filter((row) => !("id" in row && strangers.has(row.id)))
  const rules = own(all.loadBalancerRules).map((row) => {
    const members = Array.isArray(row["members"]) ? row["members"].map(({ machine }) => machine) : []
    const ports = `${row["publicPort"]}>${row["privatePort"]}`
    return `rule ${row["protocol"]} ${ports} to ${members.sort().join(",")} from ${listed(row["cidrs"])}`
  })
  const firewall = own(all.firewallRules).map(
    (row) => `firewall ${row["protocol"]} ${row["startPort"]} from ${listed([row["cidrs"]].flat().join(","))}`
  )
  const acl = own(all.aclItems as ReadonlyArray<Readonly<Record<string, unknown>>>).map((row) => {
    const counts = Number(row["number"]) < 900 ? "" : " behind the denial"
    return `acl ${row["action"]} ${row["trafficType"]} ${row["protocol"]} ${row["startPort"]} from ${listed(row["cidrs"])}${counts}`
  })
  const forwards = own(all.portForwardingRules).map(
    (row) => `forward ${row["protocol"]} ${row["publicPort"]}>${row["privatePort"]} to one node`
  )
  const rest = own(all.stickinessPolicies).map((row) => JSON.stringify(row))
  return [...forwards, ...rules, ...firewall, ...acl, ...rest].sort()
}

/** What a UDP port takes on the virtual router: a forward to one node, let in on the way. */
const udpLines = (from: string, border: "firewall" | "acl") => [
  "forward udp 53>30053 to one node",
  border === "firewall" ? `firewall udp 53 from ${from}` : `acl Allow Ingress udp 30053 from ${from}`
]

const wanted = ({ nodes, ports, protocol, sources, udp }: Wish, border: "firewall" | "acl") => {
  const from = sources.length === 0 ? "0.0.0.0/0" : [...sources].sort().join(",")
  const onRule = border === "acl" && sources.length > 0 ? from : ""
  const others = udp ? udpLines(from, border) : []
  return ports
    .flatMap(([port, nodePort]) => [
      `rule ${protocol} ${port}>${nodePort} to ${nodes.join(",")} from ${onRule}`,
      border === "firewall" ? `firewall tcp ${port} from ${from}` : `acl Allow Ingress tcp ${port} from ${from}`
    ])
    .concat(others)
    .sort()
}

const difference = (found: ReadonlyArray<string>, expected: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...found.filter((line) => !expected.includes(line)).map((line) => `has ${line}`),
  ...expected.filter((line) => !found.includes(line)).map((line) => `lacks ${line}`)
]

const commandsOf = (mutations: Readonly<Record<string, number>>) =>
  Object.values(mutations).reduce((sum, count) => sum + count, 0)

const sorted = (all: Everything) =>
  JSON.stringify(Object.values(all).map((list) => list.map((row) => JSON.stringify(row)).sort()))

const served = Effect.fnUntraced(function* (kind: NetworkKind, border: "firewall" | "acl") {
  const strangers = yield* settle(kind)
  const before = yield* everything
  const steps = new Map<StepName, StepResult>()

  const step = Effect.fnUntraced(function* <A, E, R>(name: StepName, edit: Effect.Effect<A, E, R>, wish?: Wish) {
    yield* edit
    const { mutations, result } = yield* counting(reconcile())
    const now = yield* everything
    const again = wish === undefined ? undefined : yield* counting(reconcile())
    const address = (yield* ingress())?.[0]
    const proxied = wish?.protocol === "tcp-proxy"
    const faults = [
      ...difference(linesOf(now, strangers), wish === undefined ? [] : wanted(wish, border)),
      ...(sorted(only(now, strangers)) === sorted(before) ? [] : ["changed what is not the Service's"]),
      ...(wish === undefined && sorted(now) !== sorted(before) ? ["left something behind"] : []),
      ...(result === (wish === undefined ? "Removed" : "Changed") ? [] : [`ended ${result}`]),
      ...(again === undefined || again.result === "Converged" ? [] : [`ended ${again.result} a second time`]),
      ...(again === undefined || commandsOf(again.mutations) === 0 ? [] : ["did something a second time"]),
      ...(wish === undefined || address?.ipMode === (proxied ? "Proxy" : "VIP") ? [] : ["published no address"])
    ]
    steps.set(name, { faults, commands: commandsOf(mutations) })
  })

  yield* applyNodes(...initial.nodes)
  yield* step("create", applyService(), initial)
  const ported: Wish = {
    ...initial,
    ports: [
      [80, 31_080],
      [8443, 30_443]
    ]
  }
  const ports = ported.ports.map(([port, nodePort]) => ({ name: `p${port}`, port, nodePort }))
  yield* step("change ports", editService({ spec: { ports } }), ported)
  const narrowed = { ...ported, sources: ["10.0.0.0/8", "192.0.2.0/24"] }
  yield* editService({ spec: { loadBalancerSourceRanges: ["198.51.100.0/24", "192.0.2.0/24"] } })
  yield* reconcile()
  yield* step("change sources", editService({ spec: { loadBalancerSourceRanges: narrowed.sources } }), narrowed)
  const joined = { ...narrowed, nodes: [...narrowed.nodes, "n4"] }
  yield* step("node joins", applyNodes("n4"), joined)
  const proxied = { ...joined, protocol: "tcp-proxy" }
  yield* step(
    "PROXY protocol",
    editService({ metadata: { annotations: annotated("proxy-protocol", "true") } }),
    proxied
  )
  const dns = { name: "dns", port: 53, nodePort: 30_053, protocol: "UDP" }
  const udp = { ...proxied, udp: kind.noForwards === undefined }
  yield* step("UDP", editService({ spec: { ports: [...ports, dns] } }), udp)
  const refusals = (yield* eventMessages()).filter((text) => text.includes("UDP"))
  yield* step("delete", removeService())
  const life: LifeResult = { kind, steps, ...(refusals.length === 0 ? {} : { refusal: refusals.join("; ") }) }
  return life
})

/** Nothing is made, one Event says why, and it is not said again. */
const refused = Effect.fnUntraced(function* (kind: NetworkKind) {
  const before = yield* everything
  yield* applyNodes(...initial.nodes)
  yield* applyService()
  const first = yield* counting(reconcile())
  yield* TestClock.adjust("20 minutes")
  const again = yield* counting(reconcile())
  const events = yield* eventMessages()
  const faults = [
    ...(first.result === "Refused" && again.result === "Refused" ? [] : [`ended ${first.result}, ${again.result}`]),
    ...(sorted(yield* everything) === sorted(before) ? [] : ["made something"]),
    ...(events.length === 1 ? [] : [`${events.length} Events: ${events.join("; ")}`])
  ]
  const commands = commandsOf(first.mutations) + commandsOf(again.mutations)
  const steps = new Map<StepName, StepResult>([["create", { faults, commands }]])
  const life: LifeResult = { kind, steps, refusal: events[0] ?? "" }
  return life
})

export const lifeIn = (kind: NetworkKind) =>
  (kind.border === undefined ? refused(kind) : served(kind, kind.border)).pipe(Effect.provide(bed(kind.options)))
