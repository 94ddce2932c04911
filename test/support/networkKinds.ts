/** One world for each kind of network that a cluster may be in, with a spare node, and things that are not the cluster's. */
import { Effect } from "effect"
import { type BedOptions, narrowRole } from "./testBed.ts"

export interface NetworkKind {
  readonly name: string
  readonly options: BedOptions
  readonly network: string
  /** What lets traffic in there, besides the rules themselves; absent where nothing is balanced. */
  readonly border?: "firewall" | "acl"
  /** The role may not make port forwarding rules, which is what UDP takes on the virtual router. */
  readonly noForwards?: true
  /** Why nothing is balanced. */
  readonly cause?: string
}

const nodes = ["n1", "n2", "n3", "n4"]

const isolated = { ref: "net1", name: "net1", kind: "isolated" }
const tier = {
  ref: "tier1",
  name: "tier1",
  kind: "vpc-tier",
  vpc: "vpc1",
  gateway: "10.40.1.1",
  netmask: "255.255.255.0",
  acl: "acl1"
}
const acl1 = {
  ref: "acl1",
  name: "acl1",
  vpc: "vpc1",
  items: [
    { number: 10, protocol: "tcp", startport: 22, endport: 22, cidrlist: "10.0.0.0/8" },
    { number: 900, protocol: "all", cidrlist: "0.0.0.0/0", action: "deny" }
  ]
}

interface WorldInput {
  readonly owner: string
  readonly network: Readonly<Record<string, unknown>>
  /** The commands that alice or bob may call. */
  readonly allow?: ReadonlyArray<string>
  readonly aclLists?: ReadonlyArray<unknown>
}

/** A second network beside the cluster's, of the same owner. */
export const worldWith = ({ aclLists = [acl1], allow, network, owner }: WorldInput) => {
  const inVpc = network["kind"] === "vpc-tier"
  const account = (ref: string) => ({
    ref,
    name: ref,
    role: "User",
    limits: { publicIps: 200 },
    ...(allow === undefined || ref !== "bob" ? {} : { allow })
  })
  return {
    zones: [{ ref: "zone1", name: "sim1" }],
    accounts: [account("alice"), account("bob"), { ref: "root", name: "admin", role: "Admin" }],
    projects: [{ ref: "p1", name: "p1", owner: "alice", members: ["bob"], limits: { publicIps: 200 } }],
    ...(inVpc ? { vpcs: [{ ref: "vpc1", name: "vpc1", owner, zone: "zone1", cidr: "10.40.0.0/16" }], aclLists } : {}),
    networks: [
      { ...network, ...(network["kind"] === "shared" ? {} : { owner }) },
      { ref: "elsewhere", name: "elsewhere", kind: "isolated", owner: "alice" }
    ],
    vms: [
      ...nodes.map((name) => ({ ref: name, name, owner, nics: [{ network: network["ref"] }] })),
      // Same name, other owner: what is found outside is a mistake.
      ...(owner === "alice" ? [] : [{ ref: "x1", name: "n1", owner: "alice", nics: [{ network: "elsewhere" }] }])
    ],
    publicIps: { free: { [owner]: 50, alice: 50 } }
  }
}

interface TierInput {
  readonly acl?: string
  /** The commands that bob, a member of the project, may call; then all is the project's. */
  readonly allow?: ReadonlyArray<string>
}

/** Two tiers that share a list, each with its nodes, and another VPC. */
export const tierWorld = ({ acl = "acl1", allow }: TierInput = {}) => {
  const owner = allow === undefined ? "alice" : "p1"
  const base = worldWith({ owner, network: { ...tier, acl }, ...(allow === undefined ? {} : { allow }) })
  const tier2 = { ...tier, ref: "tier2", name: "tier2", gateway: "10.40.2.1", acl, owner }
  return {
    ...base,
    vpcs: [...(base.vpcs ?? []), { ref: "vpc2", name: "vpc2", owner, zone: "zone1", cidr: "10.50.0.0/16" }],
    networks: [...base.networks, tier2],
    vms: [...base.vms, { ref: "m1", name: "m1", owner, nics: [{ network: "tier2" }] }]
  }
}

/** What the simulator cannot show: networks in ROUTED mode say so in a field of their own. */
const routed: NonNullable<BedOptions["around"]> = (api) => ({
  call: (command, parameters) =>
    Effect.map(api.call(command, parameters), (answer) =>
      command === "listNetworks" && Array.isArray(answer["network"])
        ? {
            ...answer,
            network: answer["network"].map((network: Readonly<Record<string, unknown>>) =>
              network["name"] === "net1" ? { ...network, ip4routing: "Static" } : network
            )
          }
        : answer
    )
})

const project = { project: "p1" }
const withoutLb = ["Dns", "Dhcp", "UserData", "Firewall"]

/** A tier with this list, seen by two callers. */
export const narrowedKinds: ReadonlyArray<readonly [string, (acl: string) => BedOptions]> = [
  ["a user's key", (acl) => ({ world: tierWorld({ acl }) })],
  ["CKS's role", (acl) => ({ world: tierWorld({ acl, allow: narrowRole }), account: "bob", ...project })]
]

export const kinds: ReadonlyArray<NetworkKind> = [
  {
    name: "isolated",
    options: { world: worldWith({ owner: "alice", network: isolated }) },
    network: "net1",
    border: "firewall"
  },
  {
    name: "isolated, in a project (its owner's key)",
    options: { world: worldWith({ owner: "p1", network: isolated }), ...project },
    network: "net1",
    border: "firewall"
  },
  {
    name: "isolated, in a project (a member's key)",
    options: { world: worldWith({ owner: "p1", network: isolated }), account: "bob", ...project },
    network: "net1",
    border: "firewall"
  },
  {
    name: "isolated, in a project (CKS's role)",
    options: { world: worldWith({ owner: "p1", network: isolated, allow: narrowRole }), account: "bob", ...project },
    network: "net1",
    border: "firewall",
    noForwards: true
  },
  {
    name: "VPC tier",
    options: { world: worldWith({ owner: "alice", network: tier }) },
    network: "tier1",
    border: "acl"
  },
  {
    name: "VPC tier, in a project (its owner's key)",
    options: { world: worldWith({ owner: "p1", network: tier }), ...project },
    network: "tier1",
    border: "acl"
  },
  {
    name: "VPC tier, in a project (a member's key)",
    options: { world: worldWith({ owner: "p1", network: tier }), account: "bob", ...project },
    network: "tier1",
    border: "acl"
  },
  {
    name: "VPC tier, in a project (CKS's role)",
    options: { world: worldWith({ owner: "p1", network: tier, allow: narrowRole }), account: "bob", ...project },
    network: "tier1",
    border: "acl",
    noForwards: true
  },
  {
    name: "isolated, offering without Lb",
    options: { world: worldWith({ owner: "alice", network: { ...isolated, services: withoutLb } }) },
    network: "net1",
    cause: "its offering has no load balancer service (Lb)"
  },
  {
    name: "routed (ROUTED mode)",
    options: { world: worldWith({ owner: "alice", network: { ...isolated, services: withoutLb } }), around: routed },
    network: "net1",
    cause: "it is routed (ROUTED mode), and CloudStack balances no load there"
  },
  {
    name: "shared, without Lb",
    options: { world: worldWith({ owner: "alice", network: { ref: "net1", name: "net1", kind: "shared" } }) },
    network: "net1",
    cause: "it is a shared network whose offering has no load balancer service (Lb)"
  },
  {
    name: "L2",
    options: { world: worldWith({ owner: "alice", network: { ref: "net1", name: "net1", kind: "l2" } }) },
    network: "net1",
    cause: "it is an L2 network, which has no router and no load balancer service (Lb)"
  }
]
