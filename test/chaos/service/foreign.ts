/** What others have in the same account before the controller starts, and what has to be there in the end as it was. */
import type { Parameters } from "../../../src/cloudstack/Api.ts"
import { givenIp, type Setting } from "./settings.ts"

export interface Hand {
  /** A command as the owner of the network, its job awaited; the id of what it made. */
  readonly make: (command: string, parameters: Parameters) => string
  readonly setting: Setting
  readonly networkId: string
  readonly vpcId: string
}

const otherUid = "0badcafe-0000-4000-8000-000000000001"
const otherCluster = {
  "tags[0].key": "cloudstack-ccm/cluster",
  "tags[0].value": "other-cluster",
  "tags[1].key": "cloudstack-ccm/service",
  "tags[1].value": `shop/web/${otherUid}`
}

export const makeForeign = ({ make, networkId, setting, vpcId }: Hand): void => {
  const inTier = setting.network === "tier"
  const target: Parameters = inTier ? { vpcid: vpcId } : { networkid: networkId }
  const address = (ipaddress?: string) =>
    make("associateIpAddress", { ...target, ...(ipaddress === undefined ? {} : { ipaddress }) })
  const balance = (publicipid: string, port: number, name: string, description?: string) =>
    make("createLoadBalancerRule", {
      publicipid,
      networkid: networkId,
      name,
      publicport: `${port}`,
      privateport: `${port}`,
      algorithm: "roundrobin",
      openfirewall: "false",
      ...(description === undefined ? {} : { description })
    })
  const openIn = (ipaddressid: string, port: number) =>
    make("createFirewallRule", { ipaddressid, protocol: "tcp", startport: `${port}`, endport: `${port}` })
  const allow = (port: number, number: number, reason: string) =>
    make("createNetworkACL", {
      networkid: networkId,
      protocol: "tcp",
      startport: `${port}`,
      endport: `${port}`,
      number: `${number}`,
      reason
    })
  const tagged = (resourcetype: string, resourceids: string, tags: Parameters) =>
    make("createTags", { resourcetype, resourceids, ...tags })

  // The user's own, for Services to be given.
  const given = address(givenIp)
  balance(given, 9_100, "users-own")
  if (inTier) allow(9_100, 20, "by hand")
  else openIn(given, 9_100)
  tagged("PublicIpAddress", given, { "tags[0].key": "purpose", "tags[0].value": "given" })

  // Nothing on it, nobody has marked it: somebody has plans with it.
  address()

  // Another cluster's, with the same names in it.
  const others = address()
  balance(others, 80, `a${otherUid.replaceAll("-", "")}-tcp-80`, `cloudstack-ccm:other-cluster:${otherUid}:owned`)
  tagged("PublicIpAddress", others, otherCluster)
  if (inTier) allow(80, 30, `cloudstack-ccm:other-cluster:${otherUid}`)
  else tagged("FirewallRule", openIn(others, 80), otherCluster)
}
