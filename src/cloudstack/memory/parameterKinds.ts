/** Which table the UUID of a parameter points into, and the field names that some of the server's texts use. */
import type { Kind } from "./records.ts"

const byName: Readonly<Record<string, Kind>> = {
  zoneid: "zone",
  networkid: "network",
  associatednetworkid: "network",
  sourceipaddressnetworkid: "network",
  vpcid: "vpc",
  publicipid: "address",
  ipaddressid: "address",
  virtualmachineid: "vm",
  projectid: "project",
  lbruleid: "rule",
  aclid: "aclList",
  nicid: "nic",
  jobid: "job",
  domainid: "domain",
  serviceofferingid: "offering",
  networkofferingid: "networkOffering",
  account: "account",
  accountid: "account"
}

const idOf: Readonly<Record<string, Kind>> = {
  LoadBalancerRule: "rule",
  LoadBalancerRuleInstance: "rule",
  FirewallRule: "firewall",
  PortForwardingRule: "forwarding",
  NetworkACLList: "aclList",
  NetworkACLItem: "aclItem",
  NetworkACL: "aclItem",
  LBStickinessPolicy: "policy",
  LBStickinessPolicie: "policy",
  VirtualMachine: "vm",
  VirtualMachinesMetric: "vm",
  PublicIpAddresse: "address",
  IpAddres: "address",
  IpFromNic: "secondaryIp",
  Zone: "zone",
  Network: "network",
  VPC: "vpc",
  Project: "project",
  Account: "account",
  User: "user",
  UserKey: "user",
  NetworkOffering: "networkOffering",
  ServiceOffering: "offering"
}

/** `id` means the object of the command: `deleteFirewallRule`, `listFirewallRules`, `assignToLoadBalancerRule`. */
export const kindOf = (command: string, parameter: string): Kind | undefined => {
  if (parameter !== "id") return byName[parameter]
  const object = command
    .replace(
      /^(list|delete|update|create|assignTo|removeFrom|remove|start|stop|reboot|destroy|expunge|recover|disassociate|reserve|release|get|registerUser)/,
      ""
    )
    .replace(/s$/, "")
  return idOf[object]
}

/** The same for the items of a list; lists of anything else are plain texts. */
export const listKindOf = (command: string, parameter: string): Kind | undefined => {
  if (parameter === "virtualmachineids") return "vm"
  if (parameter !== "ids") return undefined
  return command === "listZones" ? "zone" : "vm"
}

/** The texts about lengths name the Java field, not the parameter. */
export const javaNames: Readonly<Record<string, string>> = {
  account: "accountName",
  "createLoadBalancerRule.name": "loadBalancerRuleName",
  "createLoadBalancerRule.protocol": "lbProtocol",
  "listLoadBalancerRules.name": "loadBalancerRuleName",
  "updateLoadBalancerRule.name": "loadBalancerName",
  "updateLoadBalancerRule.protocol": "lbProtocol",
  "createLBStickinessPolicy.name": "lbStickinessPolicyName",
  "createLBStickinessPolicy.methodname": "stickinessMethodName",
  ipaddress: "ipAddress",
  traffictype: "trafficType",
  resourcetype: "resourceType",
  vmguestip: "vmSecondaryIp"
}
