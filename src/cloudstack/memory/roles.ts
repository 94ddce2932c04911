/** Commands that exist beyond the ones that are simulated, and which of them are an administrator's. */
import { asyncCommands, syncCommands } from "./apiTable.ts"

/** Denied to the built-in roles User, ReadOnlyUser and DomainAdmin. */
export const adminCommands: ReadonlySet<string> = new Set([
  "listManagementServers",
  "listManagementServersMetrics",
  "listHosts",
  "listHostsMetrics",
  "listDomains",
  "listDomainChildren",
  "listConfigurations",
  "updateConfiguration",
  "listClusters",
  "listPods",
  "listRouters",
  "listSystemVms",
  "listStoragePools",
  "listCapacity",
  "listAlerts",
  "listRoles",
  "createAccount",
  "createDomain",
  "createUser",
  "createZone",
  "createVlanIpRange",
  "listVlanIpRanges",
  "resetApiLimit",
  "updateLoadBalancer",
  "createNetworkOffering"
])

/** Known to the server and to every role, but without rules here: lists are empty, changes are refused. */
const unsimulated: ReadonlySet<string> = new Set([
  "listVolumes",
  "listSnapshots",
  "listIsos",
  "listSSHKeyPairs",
  "listAffinityGroups",
  "listSecurityGroups",
  "listDiskOfferings",
  "listVPCOfferings",
  "listStaticRoutes",
  "listPrivateGateways",
  "listVpnGateways",
  "listKubernetesClusters",
  "listInstanceGroups",
  "listOsTypes",
  "listHypervisors",
  "listResourceDetails",
  "createVPC",
  "deleteNetwork",
  "deleteVPC",
  "restartNetwork",
  "rebootVirtualMachine",
  "scaleVirtualMachine",
  "createProject"
])

export const isKnown = (command: string): boolean =>
  Object.hasOwn(asyncCommands, command) ||
  Object.hasOwn(syncCommands, command) ||
  adminCommands.has(command) ||
  unsimulated.has(command)

/** All names, for `listApis`. */
export const commandNames: ReadonlyArray<string> = [
  ...new Set([...Object.keys(asyncCommands), ...Object.keys(syncCommands), ...adminCommands, ...unsimulated])
].sort()
