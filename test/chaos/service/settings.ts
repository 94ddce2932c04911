/** Where the scenarios are played: in which network, by whose key, and how fast CloudStack is there. */
import { narrowRole } from "../../support/testBed.ts"

export interface Setting {
  readonly name: string
  /** Whether calls and jobs take time and locks are there. */
  readonly slow: boolean
  readonly network: "isolated" | "tier"
  /** All is a project's, and the key is that of a member with the role that CKS gives to clusters. */
  readonly narrow: boolean
}

export const settings: ReadonlyArray<Setting> = [
  { name: "slow", slow: true, network: "isolated", narrow: false },
  { name: "quick", slow: false, network: "isolated", narrow: false },
  { name: "slow, narrow role", slow: true, network: "isolated", narrow: true },
  { name: "quick, narrow role", slow: false, network: "isolated", narrow: true },
  { name: "VPC tier", slow: true, network: "tier", narrow: false },
  { name: "VPC tier, narrow role", slow: true, network: "tier", narrow: true }
]

/** Addresses of each start world, see `foreign.ts`. */
export const givenIp = "198.118.100.103"
export const freeIp = "198.118.100.120"

/** Where the machines are, whatever kind of network it is. */
export const networkName = "net1"
export const listName = "acl1"
export const projectName = "p1"
/** Whose key the controller has: the `ref` of an account. */
export const callerIn = ({ narrow }: Setting): string => (narrow ? "bob" : "alice")

const tier = {
  vpcs: [{ ref: "vpc1", name: "vpc1", zone: "zone1", cidr: "10.40.0.0/16" }],
  aclLists: [
    {
      ref: listName,
      name: listName,
      vpc: "vpc1",
      items: [
        { number: 10, protocol: "tcp", startport: 22, endport: 22, cidrlist: "10.0.0.0/8" },
        { number: 900, protocol: "all", cidrlist: "0.0.0.0/0", action: "deny" }
      ]
    }
  ]
}

const networkOf = ({ network }: Setting) =>
  network === "isolated"
    ? { kind: "isolated" }
    : { kind: "vpc-tier", vpc: "vpc1", gateway: "10.40.1.1", netmask: "255.255.255.0", acl: listName }

/** Three machines in one network. An account with a limit of its own is never short of free addresses. */
export const worldFor = (setting: Setting) => {
  const { narrow, network, slow } = setting
  const owner = narrow ? projectName : "alice"
  const limits = { publicIps: 200 }
  return {
    ...(slow ? { settings: { jobMillis: 250 } } : {}),
    zones: [{ ref: "zone1", name: "sim1" }],
    accounts: [
      { ref: "alice", name: "alice", role: "User", limits },
      { ref: "bob", name: "bob", role: "User", allow: narrowRole },
      { ref: "root", name: "admin", role: "Admin" }
    ],
    projects: [{ ref: projectName, name: projectName, owner: "alice", members: ["bob"], limits }],
    ...(network === "tier" ? { ...tier, vpcs: tier.vpcs.map((vpc) => ({ ...vpc, owner })) } : {}),
    networks: [{ ref: networkName, name: networkName, owner, ...networkOf(setting) }],
    vms: ["n1", "n2", "n3"].map((name) => ({ ref: name, name, owner, nics: [{ network: networkName }] })),
    publicIps: { free: { [owner]: 50 } }
  }
}
