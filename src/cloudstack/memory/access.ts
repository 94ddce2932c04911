/** Who may do what: commands by role, objects by owner, and which owners a list shows. */
import { Result } from "effect"
import { type ApiError, apiError, deny, refuse } from "./errors.ts"
import type { Arguments } from "./parameters.ts"
import type { Account, Project } from "./records.ts"
import { adminCommands } from "./roles.ts"
import type { State } from "./state.ts"

export const isRoot = (account: Account): boolean => account.role === "Admin"

/** Root and domain administrators. */
export const isAdmin = (account: Account): boolean => isRoot(account) || account.role === "DomainAdmin"

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

export const domainOf = (state: State, account: Account): string =>
  isRoot(account) ? state.domains.root.id : state.domains.main.id

export const accountNamed = (state: State, name: string, domain: string): Account | undefined =>
  [...state.accounts.values()].find(
    (account) => account.name.toLowerCase() === name.toLowerCase() && domainOf(state, account) === domain
  )

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
  // Without `domainid` it is a name in the caller's own domain.
  const domain = args.text("domainid") ?? domainOf(state, caller)
  const account = accountNamed(state, name, domain)
  if (account === undefined) return refuse(`could not find account ${name} in domain ${domain}`)
  return account.id === caller.id || owns(state, caller, account.id) ? Result.succeed(account.id) : deny()
}

/**
 * The owners whose objects a list shows. Without `projectid` objects of projects are skipped, and `listall` counts for
 * administrators only; `byId` is whether a single object was asked for, which administrators see whoever owns it.
 */
export const scope = (state: State, caller: Account, args: Arguments, byId: boolean): Result.Result<Scope, ApiError> =>
  Result.map(namedOwner(state, caller, args), (named): Scope => {
    if (named !== undefined) return (owner) => owner === named
    const all = args.flag("listall") === true
    if (args.text("projectid") === "-1") return projectScope(state, caller, all)
    const administrator = isAdmin(caller)
    const domain = args.text("domainid")
    if (!administrator || (domain === undefined && !all && !byId)) return (owner) => owner === caller.id
    if (domain === undefined && byId) return (owner) => owns(state, caller, owner)
    const deep = domain === undefined || args.flag("isrecursive") === true
    return (owner) => {
      const account = owner === undefined ? undefined : state.accounts.get(owner)
      if (account === undefined || !owns(state, caller, owner)) return false
      const below = domain === undefined || domain === state.domains.root.id
      return (deep && below) || domainOf(state, account) === domain
    }
  })

type Scope = (owner: string | undefined) => boolean

/** `projectid=-1`: all projects of the caller, with `listall` also the caller's own; to root everybody's. */
const projectScope =
  (state: State, caller: Account, all: boolean): Scope =>
  (owner) => {
    if (owner === undefined) return false
    const project = state.projects.get(owner)
    if (isRoot(caller)) return all || project !== undefined
    return project === undefined ? all && owner === caller.id : isMember(project, caller)
  }
