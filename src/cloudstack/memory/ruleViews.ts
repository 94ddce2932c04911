/** The JSON shapes of addresses and rules, and how the server names a rule inside its texts. */
import type {
  AclList,
  Address,
  FirewallRule,
  ForwardingRule,
  LoadBalancerRule,
  Network,
  StickinessPolicy
} from "./records.ts"
import { firewallOfAddress, forwardingOfAddress, pendingJob, rulesOfAddress, type State } from "./state.ts"
import { compact, dateText, type Json, ownerFields, tagsOf, zoneFields } from "./views.ts"

/** An object that a pending job is about carries that job. */
export const jobFields = (state: State, id: string): Json => {
  const job = pendingJob(state, id)
  return job === undefined ? {} : { jobid: job.id, jobstatus: 0 }
}

const hasRules = (state: State, address: string): boolean =>
  rulesOfAddress(state.rules, address).length > 0 ||
  firewallOfAddress(state.firewall, address).length > 0 ||
  forwardingOfAddress(state.forwarding, address).length > 0

export const addressView = (state: State, address: Address): Json => {
  const vm = address.staticNat === undefined ? undefined : state.vms.get(address.staticNat.vm)
  return compact({
    id: address.id,
    ipaddress: address.ip,
    allocated: address.allocated === undefined ? undefined : dateText(address.allocated),
    ...zoneFields(state, address.zone),
    issourcenat: address.sourceNat,
    ...ownerFields(state, address.owner),
    forvirtualnetwork: true,
    isstaticnat: address.staticNat !== undefined,
    issystem: false,
    isportable: false,
    networkid: state.publicNetwork.id,
    networkname: "public",
    associatednetworkid: address.network,
    associatednetworkname: address.network === undefined ? undefined : state.networks.get(address.network)?.name,
    vpcid: address.vpc,
    vpcname: address.vpc === undefined ? undefined : state.vpcs.get(address.vpc)?.name,
    virtualmachineid: vm?.id,
    virtualmachinename: vm?.name,
    virtualmachinedisplayname: vm?.displayName,
    vmipaddress: address.staticNat?.ip,
    state: address.state,
    hasrules: hasRules(state, address.id),
    tags: tagsOf(state, address.id),
    ...jobFields(state, address.id)
  })
}

/** An address as the server's texts print it. */
export const addressText = ({ id, ip, n }: Address): string => `IPAddress {"address":"${ip}","id":${n},"uuid":"${id}"}`

/** A network as the server's texts print it. */
export const networkText = ({ id, n, name }: Network): string =>
  `Network {"id": ${n}, "name": "${name}", "uuid": "${id}", "networkofferingid": 1}`

/** The same for a list of ACL items. */
export const aclListText = (state: State, { id, n, name, vpc }: AclList): string =>
  `NetworkACL {"id":${n},"name":"${name}","uuid":"${id}","vpcId":${state.vpcs.get(vpc ?? "")?.n ?? 0}}`

const addressOf = (state: State, id: string) => state.addresses.get(id)?.ip

export const ruleView = (state: State, rule: LoadBalancerRule): Json => {
  const zone = state.networks.get(rule.network)?.zone
  return compact({
    id: rule.id,
    name: rule.name,
    description: rule.description,
    publicipid: rule.address,
    publicip: addressOf(state, rule.address),
    publicport: String(rule.publicPort),
    privateport: String(rule.privatePort),
    algorithm: rule.algorithm,
    networkid: rule.network,
    cidrlist: rule.cidrs,
    ...ownerFields(state, rule.owner),
    state: rule.state,
    ...(zone === undefined ? {} : zoneFields(state, zone)),
    protocol: rule.protocol,
    tags: tagsOf(state, rule.id),
    ...jobFields(state, rule.id)
  })
}

export const firewallView = (state: State, rule: FirewallRule): Json =>
  compact({
    id: rule.id,
    protocol: rule.protocol,
    startport: rule.startPort,
    endport: rule.endPort,
    ipaddressid: rule.address,
    ipaddress: addressOf(state, rule.address),
    networkid: rule.network,
    state: rule.state,
    cidrlist: rule.cidrs.join(","),
    icmptype: rule.icmpType,
    icmpcode: rule.icmpCode,
    tags: tagsOf(state, rule.id),
    ...jobFields(state, rule.id)
  })

export const forwardingView = (state: State, rule: ForwardingRule): Json => {
  const vm = state.vms.get(rule.vm)
  return compact({
    id: rule.id,
    protocol: rule.protocol,
    privateport: String(rule.privatePort),
    privateendport: String(rule.privateEndPort),
    publicport: String(rule.publicPort),
    publicendport: String(rule.publicEndPort),
    virtualmachineid: vm?.id,
    virtualmachinename: vm?.name,
    virtualmachinedisplayname: vm?.displayName,
    ipaddressid: rule.address,
    ipaddress: addressOf(state, rule.address),
    networkid: rule.network,
    vmguestip: rule.vmIp,
    state: rule.state,
    cidrlist: rule.cidrs.join(","),
    tags: tagsOf(state, rule.id),
    ...jobFields(state, rule.id)
  })
}

/** One entry per rule, its policies inside. */
export const stickinessView = (
  state: State,
  rule: LoadBalancerRule,
  policies: ReadonlyArray<StickinessPolicy>
): Json => ({
  lbruleid: rule.id,
  ...ownerFields(state, rule.owner),
  stickinesspolicy: policies.map((policy) =>
    compact({
      id: policy.id,
      name: policy.name,
      description: policy.description,
      methodname: policy.method,
      params: policy.params
    })
  )
})

const stored = (state: LoadBalancerRule["state"]) => (state === "Deleting" ? "Revoke" : state)

/** How rules appear in the texts about conflicts. */
export const ruleText = (
  state: State,
  rule: LoadBalancerRule | FirewallRule | ForwardingRule,
  purpose: "LoadBalancing" | "Firewall" | "PortForwarding"
): string =>
  `FirewallRule {"id":${rule.n},"networkId":${state.networks.get(rule.network)?.n ?? 0},"purpose":"${purpose}","state":"${stored(rule.state)}","uuid":"${rule.id}"}`

/** How a load balancer rule appears in the texts about updates. */
export const balancerText = (rule: LoadBalancerRule, state: LoadBalancerRule["state"] = rule.state): string =>
  `LoadBalancer {"name":${JSON.stringify(rule.name)},"id":${rule.n},"purpose":"LoadBalancing","state":"${stored(state)}","uuid":"${rule.id}"}`
