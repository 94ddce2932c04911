/**
 * The whole state as JSON, for tests that compare before and after and for people who want to see.
 *
 * `{accounts, projects, zones, vpcs, aclLists, networks, machines, addresses, loadBalancerRules, firewallRules,
 * portForwardingRules, stickinessPolicies, tags, jobs, pushes}`: each a list in order of creation (addresses by
 * address). Objects have their `id` and are otherwise described by names and addresses, so that two runs with different
 * UUIDs can be compared by leaving `id` out. Free addresses are counted in `freeAddresses`, by owner. `networks[].pushes`
 * counts the pushes to the network's router; `pushes` is their sum. Keys of accounts are never shown.
 */
import { HashMap } from "effect"
import type { State } from "./state.ts"
import { compact, type Json } from "./views.ts"

export const snapshot = (state: State): Json => {
  const owner = (id: string | undefined) =>
    id === undefined ? undefined : (state.accounts.get(id)?.name ?? `project:${state.projects.get(id)?.name}`)
  const network = (id: string | undefined) => (id === undefined ? undefined : state.networks.get(id)?.name)
  const vpc = (id: string | undefined) => (id === undefined ? undefined : state.vpcs.get(id)?.name)
  const ip = (id: string) => state.addresses.get(id)?.ip
  const vm = (id: string) => state.vms.get(id)?.name
  const held = [...state.addresses.values()].filter((address) => address.state !== "Free")
  const free: Record<string, number> = {}
  for (const address of state.addresses.values()) {
    const name = owner(address.pool) ?? ""
    if (address.state === "Free") free[name] = (free[name] ?? 0) + 1
  }
  return {
    zones: [...state.zones.values()].map(({ id, name }) => ({ id, name })),
    accounts: [...state.accounts.values()].map(({ id, name, ref, role }) => ({ id, ref, name, role })),
    projects: [...state.projects.values()].map(({ id, members, name, owner: account }) => ({
      id,
      name,
      owner: owner(account),
      members: members.map(owner)
    })),
    vpcs: [...state.vpcs.values()].map((row) => ({
      id: row.id,
      name: row.name,
      owner: owner(row.owner),
      cidr: row.cidr
    })),
    aclLists: [...state.aclLists.values()].map((list) => ({
      id: list.id,
      name: list.name,
      ...compact({ vpc: vpc(list.vpc) }),
      items: [...state.aclItems.values()]
        .filter((item) => item.list === list.id)
        .map(({ list: _, n: __, ...item }) => compact({ ...item }))
    })),
    networks: [...state.networks.values()].map((row) =>
      compact({
        id: row.id,
        name: row.name,
        kind: row.kind,
        owner: owner(row.owner),
        vpc: vpc(row.vpc),
        aclList: row.acl === undefined ? undefined : state.aclLists.get(row.acl)?.name,
        state: row.state,
        pushes: state.pushes.get(row.id) ?? 0
      })
    ),
    machines: [...state.vms.values()].map((row) => ({
      id: row.id,
      name: row.name,
      owner: owner(row.owner),
      state: row.removed ? "Expunged" : row.state,
      nics: row.nics.map((nic) =>
        compact({ network: network(nic.network), ip: nic.ip, secondary: nic.secondary.map((one) => one.ip) })
      )
    })),
    addresses: held.map((row) =>
      compact({
        id: row.id,
        ip: row.ip,
        owner: owner(row.owner),
        state: row.state,
        network: network(row.network),
        vpc: vpc(row.vpc),
        sourceNat: row.sourceNat,
        staticNat: row.staticNat === undefined ? undefined : vm(row.staticNat.vm)
      })
    ),
    freeAddresses: free,
    loadBalancerRules: [...state.rules.values()].map((row) =>
      compact({
        id: row.id,
        name: row.name,
        description: row.description,
        address: ip(row.address),
        network: network(row.network),
        owner: owner(row.owner),
        publicPort: row.publicPort,
        privatePort: row.privatePort,
        algorithm: row.algorithm,
        protocol: row.protocol,
        cidrs: row.cidrs,
        state: row.state,
        members: row.members.map((member) => ({ machine: vm(member.vm), ip: member.ip }))
      })
    ),
    firewallRules: [...state.firewall.values()].map((row) =>
      compact({
        id: row.id,
        address: ip(row.address),
        owner: owner(row.owner),
        protocol: row.protocol,
        startPort: row.startPort,
        endPort: row.endPort,
        icmpType: row.icmpType,
        icmpCode: row.icmpCode,
        cidrs: row.cidrs,
        state: row.state
      })
    ),
    portForwardingRules: [...state.forwarding.values()].map((row) => ({
      id: row.id,
      address: ip(row.address),
      owner: owner(row.owner),
      protocol: row.protocol,
      publicPort: row.publicPort,
      publicEndPort: row.publicEndPort,
      privatePort: row.privatePort,
      privateEndPort: row.privateEndPort,
      machine: vm(row.vm),
      ip: row.vmIp,
      state: row.state
    })),
    stickinessPolicies: [...state.policies.values()].map((row) => ({
      id: row.id,
      rule: state.rules.get(row.rule)?.name,
      name: row.name,
      method: row.method,
      params: row.params
    })),
    tags: [...state.tags.values()].flat().map((tag) => ({
      resource: tag.resource,
      type: tag.type,
      key: tag.key,
      value: tag.value,
      owner: owner(tag.owner)
    })),
    jobs: [...HashMap.values(state.jobs)]
      .sort((a, b) => a.n - b.n)
      .map((job) => ({
        id: job.id,
        command: job.command,
        account: owner(job.account),
        status: job.status,
        code: job.code
      })),
    pushes: [...state.pushes.values()].reduce((sum, count) => sum + count, 0)
  }
}
