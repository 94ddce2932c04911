import { assert, describe, it } from "@effect/vitest"
import { borderOf } from "../../../src/controllers/service/desired.ts"
import { refuseNetwork } from "../../../src/controllers/service/refuseNetwork.ts"
import { type Network, NetworkId } from "../../../src/domain/Cloud.ts"

const service = (provider: string, capabilities: Readonly<Record<string, string>> = {}) => ({
  providers: [provider],
  capabilities: new Map(Object.entries(capabilities))
})

const network = (
  services: Readonly<Record<string, ReturnType<typeof service>>>,
  over: Partial<Network> = {}
): Network => ({
  id: NetworkId.make("n1"),
  name: "net1",
  type: "Isolated",
  state: "Implemented",
  zoneId: "z1",
  aclName: "",
  isRouted: false,
  owner: "alice",
  services: new Map(Object.entries(services)),
  ...over
})

const lb = service("VirtualRouter", { LbSchemes: "Public" })
const tier = { vpcId: "v1" }

describe("where sources are held", () => {
  it.each([
    ["an isolated network with a firewall", network({ Lb: lb, Firewall: lb }), "firewall"],
    ["an isolated network without one", network({ Lb: lb }), "rule"],
    ["a VPC tier", network({ Lb: lb, NetworkACL: lb }, tier), "acl"],
    ["a VPC tier without ACLs", network({ Lb: lb }, tier), "rule"],
    // Firewall rules of VPCs are for addresses, not for what the router balances.
    ["a VPC tier with a firewall too", network({ Lb: lb, NetworkACL: lb, Firewall: lb }, tier), "acl"]
  ] as const)("%s", (_, given, expected) => assert.strictEqual(borderOf(given), expected))
})

describe("networks that carry no load balancer", () => {
  it.each([
    ["isolated", network({ Lb: lb }), undefined],
    ["a load balancer that does not say what it is for", network({ Lb: service("Other") }), undefined],
    ["for both", network({ Lb: service("Other", { LbSchemes: "Internal,Public" }) }), undefined],
    [
      "internal",
      network({ Lb: service("InternalLbVm", { LbSchemes: "Internal" }) }, tier),
      "its load balancer is internal only"
    ],
    [
      "routed",
      network({ Lb: lb }, { isRouted: true }),
      "it is routed (ROUTED mode), and CloudStack balances no load there"
    ],
    ["shared with Lb", network({ Lb: lb }, { type: "Shared" }), undefined],
    [
      "shared",
      network({}, { type: "Shared" }),
      "it is a shared network whose offering has no load balancer service (Lb)"
    ],
    ["L2", network({}, { type: "L2" }), "it is an L2 network, which has no router and no load balancer service (Lb)"],
    ["no Lb", network({}), "its offering has no load balancer service (Lb)"]
  ])("%s", (_, given, cause) => assert.strictEqual(refuseNetwork(given)?.cause, cause))
})
