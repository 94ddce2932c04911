/** Accounts, their users and their limits. */
import { Result } from "effect"
import { isRoot, scope } from "../access.ts"
import { answered, type Content, type Handler } from "../command.ts"
import { refuse } from "../errors.ts"
import { optional, paged, same } from "../lists.ts"
import type { Account } from "../records.ts"
import { mainDomain } from "../views.ts"

const accountTypes = { User: 0, Admin: 1, DomainAdmin: 2, ReadOnlyUser: 0 } as const
const roleNames = {
  User: "User",
  Admin: "Root Admin",
  DomainAdmin: "Domain Admin",
  ReadOnlyUser: "Read-Only User - Default"
} as const

const roleFields = (account: Account) => ({
  accounttype: accountTypes[account.role],
  rolename: roleNames[account.role],
  roletype: account.role === "ReadOnlyUser" ? "User" : account.role,
  domain: isRoot(account) ? "ROOT" : mainDomain,
  state: "enabled"
})

const userView = (account: Account): Content => ({
  id: account.userId,
  username: account.name,
  account: account.name,
  accountid: account.id,
  apikey: account.apiKey,
  ...roleFields(account)
})

const accountView = (account: Account): Content => ({
  id: account.id,
  name: account.name,
  ...roleFields(account),
  user: [userView(account)]
})

const listAccounts: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id")
    const visible = yield* scope(state, caller, args, id !== undefined)
    const name = args.text("name")
    const found = [...state.accounts.values()].filter(
      (account) => visible(account.id) && optional(id, account.id) && (name === undefined || same(name, account.name))
    )
    return answered(state, yield* paged(state, args, "account", found, accountView))
  })

const listUsers: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id")
    const visible = yield* scope(state, caller, args, id !== undefined)
    const name = args.text("username")
    const found = [...state.accounts.values()].filter(
      (account) =>
        visible(account.id) && optional(id, account.userId) && (name === undefined || same(name, account.name))
    )
    return answered(state, yield* paged(state, args, "user", found, userView))
  })

/** Type 1 is public addresses, the only limit there is here. */
const listResourceLimits: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const type = args.int("resourcetype")
    if (type !== undefined && (type < 0 || type > 12)) return yield* refuse(`Please specify a valid resource type.`)
    const project = state.projects.get(args.text("projectid") ?? "")
    const holder = project ?? caller
    const limit = {
      ...(project === undefined ? { account: caller.name } : { projectid: project.id, project: project.name }),
      resourcetype: "1",
      resourcetypename: "public_ip",
      max: holder.addressLimit
    }
    return answered(state, yield* paged(state, args, "resourcelimit", optional(type, 1) ? [limit] : [], (one) => one))
  })

export const accountCommands: Readonly<Record<string, Handler>> = { listAccounts, listUsers, listResourceLimits }
