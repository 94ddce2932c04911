/** What somebody else has in the same account, as like the controller's own as can be. */
import { Effect } from "effect"
import { type Hand, place } from "../../support/strangers.ts"
import { candidates } from "../world.ts"

const otherUid = "0badcafe-0000-4000-8000-000000000001"
const otherCluster = {
  "tags[0].key": "cloudstack-ccm/cluster",
  "tags[0].value": "other-cluster",
  "tags[1].key": "cloudstack-ccm/service",
  "tags[1].value": `churn/web-1/${otherUid}`
}

export const lookalikes = Effect.fnUntraced(function* <E, R>(hand: Hand<E, R>, network: string) {
  const [machine = ""] = candidates
  yield* place(hand, { border: "firewall", network, machine, scope: {} })
  const networkid = yield* hand.idOf("listNetworks", network)
  const address = hand.make("associateIpAddress", { networkid })
  // Nothing on it, and nobody has marked it: somebody has plans with it.
  yield* address
  // Another cluster's, for a Service of the same name.
  const publicipid = yield* address
  const rule = yield* hand.make("createLoadBalancerRule", {
    publicipid,
    name: `a${otherUid.replaceAll("-", "")}-tcp-80`,
    description: `cloudstack-ccm:other-cluster:${otherUid}:owned`,
    algorithm: "roundrobin",
    publicport: "80",
    privateport: "30080",
    openfirewall: "false"
  })
  yield* hand.job("assignToLoadBalancerRule", {
    id: rule,
    virtualmachineids: yield* hand.idOf("listVirtualMachines", machine)
  })
  const opened = { ipaddressid: publicipid, protocol: "tcp", startport: "80", endport: "80", cidrlist: "0.0.0.0/0" }
  const firewall = yield* hand.make("createFirewallRule", opened)
  yield* hand.job("createTags", { resourcetype: "PublicIpAddress", resourceids: publicipid, ...otherCluster })
  yield* hand.job("createTags", { resourcetype: "FirewallRule", resourceids: firewall, ...otherCluster })
})
