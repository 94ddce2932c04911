/** What users do while everything else goes wrong: each scenario is a start and a list of actions, as data. */
import { annotated, narrowRole, worldOf } from "../../support/testBed.ts"

type Json = Readonly<Record<string, unknown>>

export type Action =
  /** `kubectl apply` of a LoadBalancer Service. */
  | { readonly _tag: "Apply"; readonly name: string; readonly annotations?: Json; readonly spec?: Json }
  /** A merge patch by a user. */
  | { readonly _tag: "Edit"; readonly name: string; readonly patch: Json }
  | { readonly _tag: "Remove"; readonly name: string }
  | { readonly _tag: "Join"; readonly node: string }
  | { readonly _tag: "Leave"; readonly node: string }
  /** Somebody's command to CloudStack on an address: the Service's, or one by its name in the start world. */
  | {
      readonly _tag: "Cloud"
      readonly command: string
      readonly on: Place
      readonly parameters: Record<string, string>
    }

export type Place = "own" | "given" | "free"

export interface Step {
  readonly action: Action
  /** Milliseconds after the step before; without it, when everything has come to rest. */
  readonly after?: number
}

export interface Scenario {
  readonly name: string
  /** Addresses acquired that may be there at once, if trouble can make it more than without. */
  readonly most?: number
  readonly steps: ReadonlyArray<Step>
}

/** How fast CloudStack is and what the key may do: every scenario is played in each. */
export interface Setting {
  readonly name: string
  readonly allow?: ReadonlyArray<string>
  /** Whether calls and jobs take time and locks are there. */
  readonly slow: boolean
}

export const settings: ReadonlyArray<Setting> = [
  { name: "slow", slow: true },
  { name: "quick", slow: false },
  { name: "slow, narrow role", slow: true, allow: narrowRole },
  { name: "quick, narrow role", slow: false, allow: narrowRole }
]

export const worldFor = (setting: Setting) => ({
  ...worldOf(setting.allow === undefined ? {} : { allow: setting.allow }),
  ...(setting.slow ? { settings: { jobMillis: 250 } } : {})
})

export const ports = (...list: ReadonlyArray<readonly [port: number, nodePort: number]>) =>
  list.map(([port, nodePort]) => ({ name: `p${port}`, port, nodePort, protocol: "TCP" }))

const usual = ports([80, 30_080], [443, 30_443])

const apply = (spec: Json = {}, annotations: Json = {}, name = "web"): Action => ({
  _tag: "Apply",
  name,
  annotations,
  spec: { type: "LoadBalancer", ports: usual, ...spec }
})
const edit = (patch: Json, name = "web"): Action => ({ _tag: "Edit", name, patch })
const spec = (change: Json, name = "web") => edit({ spec: change }, name)
const annotate = (annotations: Json, name = "web") => edit({ metadata: { annotations } }, name)
const remove = (name = "web"): Action => ({ _tag: "Remove", name })
const join = (node: string): Action => ({ _tag: "Join", node })
const leave = (node: string): Action => ({ _tag: "Leave", node })
const cloud = (command: string, on: Place, parameters: Record<string, string>): Action => ({
  _tag: "Cloud",
  command,
  on,
  parameters
})

const proxy = (value: string | null) => ({ [Object.keys(annotated("proxy-protocol", ""))[0] ?? ""]: value })

const settled = (...actions: ReadonlyArray<Action>): ReadonlyArray<Step> => actions.map((action) => ({ action }))
const hasty = (after: number, ...actions: ReadonlyArray<Action>): ReadonlyArray<Step> =>
  actions.map((action, index) => (index === 0 ? { action } : { action, after }))

/** Addresses of the start world, see `foreign.ts`. */
export const givenIp = "198.118.100.103"
export const freeIp = "198.118.100.120"

export const scenarios: ReadonlyArray<Scenario> = [
  { name: "create", steps: settled(apply()) },
  { name: "create, delete", steps: settled(apply(), remove()) },
  ...[100, 300, 600, 900, 1_500].map((after) => ({
    name: `create, delete ${after} ms later`,
    steps: hasty(after, apply(), remove())
  })),
  {
    name: "ports change",
    steps: settled(apply(), spec({ ports: ports([80, 31_080], [8443, 30_443]) }), remove())
  },
  {
    name: "ports change while they are made",
    steps: hasty(700, apply(), spec({ ports: ports([81, 30_080], [443, 30_443]) }))
  },
  {
    name: "sources change",
    steps: settled(
      apply({ ports: ports([80, 30_080]), loadBalancerSourceRanges: ["192.0.2.0/24", "198.51.100.0/24"] }),
      spec({ loadBalancerSourceRanges: ["198.51.100.0/24", "203.0.113.0/24"] }),
      spec({ loadBalancerSourceRanges: null })
    )
  },
  {
    name: "PROXY protocol on and off",
    steps: settled(apply(), annotate(proxy("true")), annotate(proxy(null)))
  },
  { name: "algorithm changes", steps: settled(apply(), spec({ sessionAffinity: "ClientIP" })) },
  { name: "a node joins, one leaves", steps: settled(apply(), join("n3"), leave("n1")) },
  {
    name: "type changes and changes back",
    steps: settled(apply(), spec({ type: "ClusterIP" }), spec({ type: "LoadBalancer", ports: usual }))
  },
  { name: "given address", steps: settled(apply({ loadBalancerIP: givenIp }), remove()) },
  {
    name: "given address, ports and sources change",
    steps: settled(
      apply({ loadBalancerIP: givenIp, loadBalancerSourceRanges: ["192.0.2.0/24", "203.0.113.0/24"] }),
      spec({ ports: ports([80, 30_080]), loadBalancerSourceRanges: ["203.0.113.0/24"] }),
      remove()
    )
  },
  { name: "free address by name", steps: settled(apply({ loadBalancerIP: freeIp }), remove()) },
  {
    name: "from given to any and to a free one",
    // Refused for a while on the given one, it gets any, and keeps that until the free one serves.
    most: 2,
    steps: settled(apply({ loadBalancerIP: givenIp }), spec({ loadBalancerIP: "" }), spec({ loadBalancerIP: freeIp }))
  },
  {
    name: "two Services, one goes",
    steps: [
      { action: apply({ ports: ports([80, 30_080]) }) },
      { action: apply({ ports: ports([80, 31_080]) }, {}, "api"), after: 50 },
      { action: remove("api") }
    ]
  },
  {
    name: "two Services on one given address",
    steps: [
      { action: apply({ ports: ports([80, 30_080]), loadBalancerIP: givenIp }) },
      { action: apply({ ports: ports([81, 31_080]), loadBalancerIP: givenIp }, {}, "api"), after: 50 },
      { action: remove() }
    ]
  },
  {
    name: "deleted and made anew at once",
    steps: [
      { action: apply() },
      { action: remove() },
      { action: apply({ ports: ports([80, 31_080], [443, 31_443]) }, {}, "api"), after: 200 }
    ]
  },
  {
    name: "a firewall rule of the user on our address",
    steps: settled(
      apply(),
      cloud("createFirewallRule", "own", {
        protocol: "tcp",
        startport: "9000",
        endport: "9000",
        cidrlist: "0.0.0.0/0"
      }),
      remove()
    )
  },
  {
    name: "a rule of the user on our address",
    steps: settled(
      apply(),
      cloud("createLoadBalancerRule", "own", {
        name: "users",
        publicport: "9000",
        privateport: "9000",
        algorithm: "roundrobin",
        openfirewall: "false"
      }),
      remove()
    )
  }
]
