/** What users do while everything else goes wrong: each scenario is a start and a list of actions, as data. */
import type { ProviderName } from "../../support/goProviders.ts"
import { annotated } from "../../support/testBed.ts"
import { freeIp, givenIp } from "./settings.ts"

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
  /** Somebody's command to CloudStack on each load balancer rule of the Service. */
  | { readonly _tag: "Rules"; readonly command: string; readonly parameters?: Record<string, string> }
  /** Nothing, but time passes. */
  | { readonly _tag: "Wait" }

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
  /** Service `web` with the ports of `usual` was served by this provider before. */
  readonly leftBy?: ProviderName
  readonly steps: ReadonlyArray<Step>
}

export const ports = (...list: ReadonlyArray<readonly [port: number, nodePort: number]>) =>
  list.map(([port, nodePort]) => ({ name: `p${port}`, port, nodePort, protocol: "TCP" }))

export const usual = ports([80, 30_080], [443, 30_443])
const udp = (port: number, nodePort: number) => ({ name: `u${port}`, port, nodePort, protocol: "UDP" })

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
const rules = (command: string, parameters: Record<string, string> = {}): Action => ({
  _tag: "Rules",
  command,
  parameters
})

/** With null it is removed. */
const annotation = (suffix: string, value: string | null) => ({
  [Object.keys(annotated(suffix, ""))[0] ?? ""]: value
})
const proxy = (value: string | null) => annotation("proxy-protocol", value)
const sticky = (value: string | null) => annotation("stickiness", value)
const keep = (value: string | null) => annotation("keep-ip", value)
const forwarded = (value: string | null) => annotation("forward-ports", value)

/** Longer than a resync period and its jitter. */
const resyncMillis = 12 * 60_000

const settled = (...actions: ReadonlyArray<Action>): ReadonlyArray<Step> => actions.map((action) => ({ action }))
const hasty = (after: number, ...actions: ReadonlyArray<Action>): ReadonlyArray<Step> =>
  actions.map((action, index) => (index === 0 ? { action } : { action, after }))

export const scenarios: ReadonlyArray<Scenario> = [
  { name: "create", steps: settled(apply()) },
  { name: "create, delete", steps: settled(apply(), remove()) },
  ...[100, 600, 1_500].map((after) => ({
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
    // The one that goes need not be gone when the other comes.
    most: 2,
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
  },
  {
    name: "deleted and made anew by the same name",
    steps: settled(apply(), remove(), apply({ ports: ports([80, 31_080]) }))
  },
  {
    name: "kept for the next of the name",
    steps: settled(
      apply({ ports: ports([80, 30_080]) }, keep("true")),
      remove(),
      apply({ ports: ports([80, 31_080]) }, keep("true")),
      annotate(keep(null)),
      remove()
    )
  },
  {
    name: "UDP",
    steps: settled(apply({ ports: [udp(53, 30_053)] }), leave("n1"), join("n3"), remove())
  },
  {
    name: "UDP beside TCP, and TCP by forwarding",
    steps: settled(
      apply({ ports: [...ports([80, 30_080]), udp(53, 30_053)] }),
      annotate(forwarded("80")),
      spec({ ports: [...ports([80, 30_080]), udp(53, 31_053)] }),
      annotate(forwarded(null)),
      remove()
    )
  },
  {
    name: "stickiness comes, changes and goes",
    steps: settled(
      apply({ ports: ports([80, 30_080]) }, sticky("LbCookie")),
      annotate(sticky("SourceBased")),
      annotate(sticky(null)),
      remove()
    )
  },
  {
    name: "rules deleted by hand",
    steps: [...settled(apply(), rules("deleteLoadBalancerRule")), { action: { _tag: "Wait" }, after: resyncMillis }]
  },
  {
    name: "rules changed by hand, with an edit to follow",
    steps: settled(
      apply(),
      rules("updateLoadBalancerRule", { algorithm: "leastconn" }),
      spec({ loadBalancerSourceRanges: ["192.0.2.0/24"] }),
      remove()
    )
  },
  {
    name: "two Services on one address of ours",
    steps: settled(
      apply({ ports: ports([80, 30_080]), loadBalancerIP: freeIp }),
      apply({ ports: ports([81, 31_080]), loadBalancerIP: freeIp }, {}, "api"),
      remove(),
      remove("api")
    )
  },
  {
    name: "two Services at once on one address of ours, and the first one goes",
    steps: hasty(
      400,
      apply({ ports: ports([80, 30_080]), loadBalancerIP: freeIp }),
      apply({ ports: ports([81, 31_080]), loadBalancerIP: freeIp }, {}, "api"),
      remove()
    ).concat(settled(remove("api")))
  },
  {
    name: "taken over from Apache's provider",
    leftBy: "Apache v1.2",
    steps: settled(spec({ ports: ports([80, 30_080], [8443, 30_443]) }), remove())
  },
  { name: "taken over from Leaseweb's provider, and deleted", leftBy: "Leaseweb", steps: settled(remove()) }
]
