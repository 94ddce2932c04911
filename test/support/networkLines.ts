/** What a Service wants of a network, and what CloudStack holds for it, as lines that a person can compare. */
import type { Everything } from "./strangers.ts"

export interface Wish {
  readonly ports: ReadonlyArray<readonly [number, number]>
  readonly sources: ReadonlyArray<string>
  readonly nodes: ReadonlyArray<string>
  readonly protocol: string
  /** Port 53 beside the others. */
  readonly udp: boolean
}

export const initial: Wish = {
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
export const linesOf = (all: Everything, strangers: ReadonlySet<unknown>) => {
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

export const wanted = ({ nodes, ports, protocol, sources, udp }: Wish, border: "firewall" | "acl") => {
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

export const difference = (found: ReadonlyArray<string>, expected: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...found.filter((line) => !expected.includes(line)).map((line) => `has ${line}`),
  ...expected.filter((line) => !found.includes(line)).map((line) => `lacks ${line}`)
]

/** Two of these are equal if nothing was changed in between. */
export const sorted = (all: Everything) =>
  JSON.stringify(Object.values(all).map((list) => list.map((row) => JSON.stringify(row)).sort()))
