/** What others have in the same account before the controller starts, and what has to be there in the end as it was. */
import type { Parameters } from "../../../src/cloudstack/Api.ts"
import { givenIp } from "./scenarios.ts"

export interface Hand {
  /** A command as the administrator, its job awaited; the id of what it made. */
  readonly make: (command: string, parameters: Parameters) => string
  readonly network: string
}

const otherUid = "0badcafe-0000-4000-8000-000000000001"
const otherCluster = {
  "tags[0].key": "cloudstack-ccm/cluster",
  "tags[0].value": "other-cluster",
  "tags[1].key": "cloudstack-ccm/service",
  "tags[1].value": `shop/web/${otherUid}`
}

export const makeForeign = ({ make, network }: Hand): void => {
  const address = (ipaddress?: string) =>
    make("associateIpAddress", { networkid: network, ...(ipaddress === undefined ? {} : { ipaddress }) })
  const balance = (publicipid: string, port: number, name: string, description?: string) =>
    make("createLoadBalancerRule", {
      publicipid,
      name,
      publicport: `${port}`,
      privateport: `${port}`,
      algorithm: "roundrobin",
      openfirewall: "false",
      ...(description === undefined ? {} : { description })
    })
  const open = (ipaddressid: string, port: number) =>
    make("createFirewallRule", { ipaddressid, protocol: "tcp", startport: `${port}`, endport: `${port}` })

  // The user's own, for Services to be given.
  const given = address(givenIp)
  balance(given, 9_100, "users-own")
  open(given, 9_100)
  make("createTags", {
    resourcetype: "PublicIpAddress",
    resourceids: given,
    "tags[0].key": "purpose",
    "tags[0].value": "given"
  })

  // Nothing on it, nobody has marked it: somebody has plans with it.
  address()

  // Another cluster's, with the same names in it.
  const others = address()
  balance(others, 80, `a${otherUid.replaceAll("-", "")}-tcp-80`, `cloudstack-ccm:other-cluster:${otherUid}:owned`)
  const opened = open(others, 80)
  make("createTags", { resourcetype: "PublicIpAddress", resourceids: others, ...otherCluster })
  make("createTags", { resourcetype: "FirewallRule", resourceids: opened, ...otherCluster })
}
