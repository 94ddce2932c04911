/** Who may do what: commands by role, objects by owner, and which owners a list shows. */
import { Result } from "effect"
import { type ApiError, apiError, deny, refuse } from "./errors.ts"
import type { Arguments } from "./parameters.ts"
import type { Account, Project } from "./records.ts"
import { adminCommands } from "./roles.ts"
import type { State } from "./state.ts"

export const isRoot = (account: Account): boolean => account.role === "Admin"

export const mayCall = (account: Account, command: string): boolean => {
  if (account.allow !== undefined) return account.allow.has(command)
  if (account.role === "Admin") return true
  if (adminCommands.has(command)) return false
  return account.role !== "ReadOnlyUser" || /^(list|get|query|find)[A-Z]/.test(command)
}

export const isMember = (project: Project, account: Account): boolean =>
  project.owner === account.id || project.members.includes(account.id)

/** Root and domain administrators reach every owner (all accounts but root's share one domain). */
export const owns = (state: State, caller: Account, owner: string | undefined): boolean => {
  if (isRoot(caller)) return true
  if (owner === undefined) return false
  if (owner === caller.id) return true
  const project = state.projects.get(owner)
  if (project !== undefined) return caller.role === "DomainAdmin" || isMember(project, caller)
  const account = state.accounts.get(owner)
  return caller.role === "DomainAdmin" && account !== undefined && !isRoot(account)
}

export const requireOwner = (
  state: State,
  caller: Account,
  owner: string | undefined
): Result.Result<void, ApiError> => (owns(state, caller, owner) ? Result.succeed(undefined) : deny())

export const accountNamed = (state: State, name: string): Account | undefined =>
  [...state.accounts.values()].find((account) => account.name.toLowerCase() === name.toLowerCase())

/** The owner that `account` (with `domainid`) or `projectid` names; undefined if neither is sent. */
export const namedOwner = (
  state: State,
  caller: Account,
  args: Arguments
): Result.Result<string | undefined, ApiError> => {
  const name = args.text("account")
  const project = args.text("projectid")
  if (name !== undefined && project !== undefined) {
    return apiError(431, "Account and projectId can't be specified together", 4350)
  }
  if (project !== undefined && project !== "-1") return Result.succeed(project)
  if (name === undefined) return Result.succeed(undefined)
  const account = accountNamed(state, name)
  if (account === undefined) return refuse(`Unable to find account with name ${name} in domain specified`)
  return account.id === caller.id || owns(state, caller, account.id) ? Result.succeed(account.id) : deny()
}

/**
 * The owners whose objects a list shows. Without `projectid` objects of projects are skipped, and `listall` counts for
 * administrators only; `byId` is whether a single object was asked for, which a root administrator sees whoever owns it.
 */
export const scope = (
  state: State,
  caller: Account,
  args: Arguments,
  byId: boolean
): Result.Result<(owner: string | undefined) => boolean, ApiError> =>
  Result.map(namedOwner(state, caller, args), (named): ((owner: string | undefined) => boolean) => {
    if (named !== undefined) return (owner) => owner === named
    const all = args.flag("listall") === true
    if (args.text("projectid") === "-1") {
      return (owner) => {
        const project = owner === undefined ? undefined : state.projects.get(owner)
        if (project !== undefined) return owns(state, caller, owner)
        return all && (owner === caller.id || (caller.role !== "User" && owns(state, caller, owner)))
      }
    }
    if (isRoot(caller) && byId) return () => true
    const domain = args.text("domainid")
    const wide = all || domain !== undefined
    if (isRoot(caller) && wide) {
      return (owner) => owner !== undefined && state.accounts.has(owner) && inDomain(state, owner, domain)
    }
    if (caller.role === "DomainAdmin" && wide) {
      return (owner) => owner !== undefined && state.accounts.has(owner) && owns(state, caller, owner)
    }
    return (owner) => owner === caller.id
  })

const inDomain = (state: State, owner: string, domain: string | undefined): boolean => {
  const account = state.accounts.get(owner)
  if (account === undefined || domain === undefined || domain === state.domains.root.id) return account !== undefined
  return !isRoot(account)
}
