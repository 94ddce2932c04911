/**
 * The same life of a Service in every kind of network: made, its ports and sources changed, a node more, PROXY protocol
 * on, a UDP port, gone. What each step came to is what `docs/networks.md` shows.
 */
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { NetworkKind } from "./networkKinds.ts"
import { difference, initial, linesOf, sorted, type Wish, wanted } from "./networkLines.ts"
import { everything, only, settle } from "./strangers.ts"
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

const commandsOf = (mutations: Readonly<Record<string, number>>) =>
  Object.values(mutations).reduce((sum, count) => sum + count, 0)

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
