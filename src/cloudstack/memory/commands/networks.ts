/** Listing networks: a scope of its own, neither that of machines nor that of rules. */
import { Result } from "effect"
import { accountNamed, domainOf, isAdmin, isMember, isRoot, owns } from "../access.ts"
import { answered, type Call, type Handler } from "../command.ts"
import { type ApiError, deny, refuse } from "../errors.ts"
import { keywordMatcher, optional, paged, same, tagFilter } from "../lists.ts"
import type { Network } from "../records.ts"
import type { State } from "../state.ts"
import { networkType, networkView } from "../views.ts"

const filters = ["Account", "Domain", "AccountDomain", "Shared", "All"]

const knownServices = [
  "Vpn",
  "Dhcp",
  "Dns",
  "Gateway",
  "Firewall",
  "Lb",
  "UserData",
  "SourceNat",
  "StaticNat",
  "PortForwarding",
  "SecurityGroup",
  "NetworkACL",
  "Connectivity"
]

/** The account that is named counts only with its domain. */
const namedAccount = ({ args, caller, state }: Call): Result.Result<string | undefined, ApiError> => {
  const [name, domain] = [args.text("account"), args.text("domainid")]
  if (domain === undefined) return Result.succeed(undefined)
  if (!isRoot(caller) && domain !== domainOf(state, caller)) return deny()
  if (name === undefined) return Result.succeed(undefined)
  const account = accountNamed(state, name, domain)
  if (account === undefined) return refuse(`Unable to find account ${name} in specified domain`)
  return owns(state, caller, account.id) ? Result.succeed(account.id) : deny()
}

/** The owners whose networks are shown; undefined if a domain counts and not its accounts. */
const permittedOwners = (call: Call): Result.Result<ReadonlySet<string> | undefined, ApiError> =>
  Result.map(namedAccount(call), (named) => {
    const { args, caller, state } = call
    const project = args.text("projectid")
    if (project !== undefined && project !== "-1") return new Set([project])
    const owners = new Set(named === undefined ? [] : [named])
    if (!isAdmin(caller)) owners.add(caller.id)
    if (project !== undefined && !isAdmin(caller)) {
      for (const one of state.projects.values()) if (isMember(one, caller)) owners.add(one.id)
    }
    return owners.size === 0 ? undefined : owners
  })

const domainOfOwner = (state: State, owner: string): string => {
  const account = state.accounts.get(owner)
  return account === undefined ? state.domains.main.id : domainOf(state, account)
}

/** Networks of accounts or projects, and those that are shared within the domain; an `id` widens nothing here. */
const scopeOf = (call: Call): Result.Result<(network: Network) => boolean, ApiError> =>
  Result.gen(function* () {
    const { args, caller, state } = call
    const filter = args.text("networkfilter") ?? "All"
    if (!filters.some((known) => same(known, filter))) {
      return yield* refuse(`Invalid value of networkfilter: ${filter}`)
    }
    const permitted = yield* permittedOwners(call)
    const project = args.text("projectid")
    const named = args.text("domainid")
    const domain = named ?? domainOf(state, caller)
    const deep = args.flag("isrecursive") === true || (args.flag("listall") === true && named === undefined)
    const inDomain = (other: string) => other === domain || (deep && domain === state.domains.root.id)
    const isOwned = ({ owner = "" }: Network) => {
      if (project !== "-1" && state.projects.has(owner) === (project === undefined)) return false
      return permitted === undefined ? inDomain(domainOfOwner(state, owner)) : permitted.has(owner)
    }
    const main = state.domains.main.id
    const isShared = permitted === undefined ? inDomain(main) : domain === main
    const kinds = (...names: ReadonlyArray<string>) => [...names, "All"].some((name) => same(name, filter))
    return (network: Network) =>
      network.owner === undefined
        ? isShared && kinds("Domain", "AccountDomain")
        : isOwned(network) && kinds("Account", "AccountDomain")
  })

const listNetworks: Handler = (call) =>
  Result.gen(function* () {
    const { args, state } = call
    const isShown = yield* scopeOf(call)
    const tagged = yield* tagFilter(state, args)
    const matches = keywordMatcher(args.text("keyword"))
    const like = (name: string, actual: string) => {
      const sent = args.text(name)
      return sent === undefined || same(sent, actual)
    }
    const listed = [...state.networks.values()].filter(
      (network) =>
        isShown(network) &&
        optional(args.text("id"), network.id) &&
        optional(args.text("zoneid"), network.zone) &&
        optional(args.text("vpcid"), network.vpc) &&
        optional(args.flag("forvpc"), network.vpc !== undefined) &&
        optional(args.flag("restartrequired"), false) &&
        optional(args.flag("canusefordeploy"), true) &&
        optional(args.flag("specifyipranges"), network.kind === "shared") &&
        like("traffictype", "Guest") &&
        like("acltype", network.owner === undefined ? "Domain" : "Account") &&
        like("type", networkType(network)) &&
        like("name", network.name) &&
        matches(network.name) &&
        tagged(network.id)
    )
    const services = args.items("supportedservices") ?? []
    const unknown = services.find((service) => !knownServices.some((known) => same(known, service)))
    if (unknown !== undefined && listed.length > 0) return yield* refuse(`Invalid service specified ${unknown}`)
    const found = listed.filter((network) =>
      services.every((service) => network.services.some((offered) => same(offered, service)))
    )
    return answered(
      state,
      yield* paged(state, args, "network", found.reverse(), (network) => networkView(state, network))
    )
  })

export const networkCommands: Readonly<Record<string, Handler>> = { listNetworks }
