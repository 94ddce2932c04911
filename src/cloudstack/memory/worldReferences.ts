/** Checks what the shape of a world file cannot say: names that have to be unique, and names that have to exist. */
import type { WorldFile } from "./World.ts"

const builtInLists: ReadonlyArray<string> = ["default_allow", "default_deny"]

/** One line per problem, with the path of the value that is wrong. */
export const referenceProblems = (file: WorldFile): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const kinds = new Map<string, string>()
  const declare = (kind: string, list: string, items: ReadonlyArray<{ readonly ref: string }>) => {
    for (const [index, { ref }] of items.entries()) {
      const other = kinds.get(ref)
      if (other !== undefined) problems.push(`${list}[${index}].ref: "${ref}" is used twice`)
      else kinds.set(ref, kind)
    }
  }
  declare("zone", "zones", file.zones)
  declare("account", "accounts", file.accounts)
  declare("project", "projects", file.projects)
  declare("vpc", "vpcs", file.vpcs)
  declare("ACL list", "aclLists", file.aclLists)
  declare("network", "networks", file.networks)
  declare("vm", "vms", file.vms)

  const expect = (path: string, ref: string | undefined, ...allowed: ReadonlyArray<string>) => {
    if (ref !== undefined && !allowed.includes(kinds.get(ref) ?? "")) {
      problems.push(`${path}: there is no ${allowed.join(" or ")} "${ref}"`)
    }
  }
  if (file.zones.length === 0 && file.vpcs.length + file.networks.length + file.vms.length > 0) {
    problems.push("zones: at least one is needed")
  }
  const keys = new Set<string>()
  for (const [index, { apikey, ref }] of file.accounts.entries()) {
    const key = apikey ?? `${ref}-key`
    if (keys.has(key)) problems.push(`accounts[${index}].apikey: is used twice`)
    keys.add(key)
  }
  for (const [index, { members, owner }] of file.projects.entries()) {
    expect(`projects[${index}].owner`, owner, "account")
    for (const [at, member] of members.entries()) expect(`projects[${index}].members[${at}]`, member, "account")
  }
  for (const [index, { owner, zone }] of file.vpcs.entries()) {
    expect(`vpcs[${index}].owner`, owner, "account", "project")
    expect(`vpcs[${index}].zone`, zone, "zone")
  }
  for (const [index, { vpc }] of file.aclLists.entries()) expect(`aclLists[${index}].vpc`, vpc, "vpc")
  for (const [index, network] of file.networks.entries()) {
    const path = `networks[${index}]`
    expect(`${path}.zone`, network.zone, "zone")
    if (network.kind !== "shared") expect(`${path}.owner`, network.owner, "account", "project")
    if (network.kind !== "vpc-tier") continue
    expect(`${path}.vpc`, network.vpc, "vpc")
    if (builtInLists.includes(network.acl)) continue
    expect(`${path}.acl`, network.acl, "ACL list")
    if (file.aclLists.some((list) => list.ref === network.acl && list.vpc !== network.vpc)) {
      problems.push(`${path}.acl: "${network.acl}" belongs to another vpc`)
    }
  }
  for (const [index, { nics, owner, zone }] of file.vms.entries()) {
    expect(`vms[${index}].owner`, owner, "account", "project")
    expect(`vms[${index}].zone`, zone, "zone")
    for (const [at, { network }] of nics.entries()) expect(`vms[${index}].nics[${at}].network`, network, "network")
  }
  for (const owner of Object.keys(file.publicIps.free)) expect(`publicIps.free.${owner}`, owner, "account", "project")
  return problems
}
