/** Making load balancer rules: the checks of the create phase in the server's order, and what is left for the job. */
import { Result } from "effect"
import { namedOwner, requireOwner } from "../access.ts"
import { checkService } from "../addressServices.ts"
import { type Call, type Handler, type JobDone, submitted } from "../command.ts"
import { checkConflicts } from "../conflicts.ts"
import { type ApiError, apiError, broken, refuse } from "../errors.ts"
import { onlyNetwork } from "../guestNetworks.ts"
import { isCidrOrAddress, isPort } from "../net.ts"
import { applyOpened, openFirewall } from "../openFirewall.ts"
import type { Address, LoadBalancerRule, Network } from "../records.ts"
import { routerRefusal, unknownProtocol } from "../routerRules.ts"
import { addressText, networkText, ruleView } from "../ruleViews.ts"
import { mint, put, type State } from "../state.ts"
import { removeRule } from "../teardown.ts"

const algorithms = ["roundrobin", "leastconn", "source"]

/** The owner of the address owns the rule; without an address it has to be said who does. */
const ownerOf = (call: Call, address: Address | undefined): Result.Result<string, ApiError> =>
  Result.gen(function* () {
    const { args, caller, state } = call
    if (address !== undefined) {
      if (address.state !== "Allocated" || address.owner === undefined) {
        return yield* refuse(`Unable to create load balancer rule, invalid IP address ID ${address.n}`)
      }
      yield* requireOwner(state, caller, address.owner)
      return address.owner
    }
    const named = args.text("domainid") === undefined ? undefined : yield* namedOwner(state, caller, args)
    return named ?? (yield* refuse("Can't define IP owner. Either specify account/domainId or publicIpId"))
  })

/** What the command itself refuses is rethrown by it, which makes another class of error of it. */
const rethrown = (error: ApiError): ApiError =>
  error.code === 431 || error.code === 537 ? { ...error, cause: 9999 } : error

/** The network that is named, or else the account's only one in the zone, or else that of the address. */
const namedNetwork = ({ args, state }: Call, owner: string, address: Address | undefined) =>
  Result.gen(function* () {
    const named = state.networks.get(args.text("networkid") ?? "")
    if (named !== undefined) return named
    const zone = args.text("zoneid")
    if (zone !== undefined) return yield* onlyNetwork(state, owner, zone)
    if (address === undefined) return yield* refuse("Either networkId or zoneId or publicIpId has to be specified")
    const own = state.networks.get(address.network ?? "")
    return own ?? (yield* refuse(`IP address ID=${address.n} is not associated with any network`))
  })

/** An address of a VPC is tied to a tier by its first rule; one that has its network keeps it, whatever was named. */
const tieTo = (state: State, address: Address, named: Network): Result.Result<Network, ApiError> =>
  Result.gen(function* () {
    const own = state.networks.get(address.network ?? "")
    if (own === undefined && (address.vpc === undefined || named.vpc !== address.vpc)) {
      return yield* refuse(`Ip address ${addressText(address)} is not assigned to the network ${networkText(named)}`)
    }
    const network = own ?? named
    yield* checkService(state, address, network, "Lb")
    return network
  })

const isDnsOfRouter = (address: Address, network: Network, port: number) =>
  port === 53 && address.sourceNat && network.services.includes("Dns")

const createLoadBalancerRule: Handler = (call) =>
  Result.gen(function* () {
    const address = call.state.addresses.get(call.args.text("publicipid") ?? "")
    const owner = yield* ownerOf(call, address)
    const made = yield* Result.mapError(create(call, owner, address), rethrown)
    const { opened, rule, state } = made
    return submitted(
      state,
      {
        instanceType: "FirewallRule",
        instance: { kind: "rule", id: rule.id },
        run: (state) => finishCreate(state, rule.id, opened),
        undo: (state) => removeRule(state, rule.id)
      },
      rule.id
    )
  })

const create = (call: Call, owner: string, address: Address | undefined) =>
  Result.gen(function* () {
    const { args, state } = call
    const named = yield* namedNetwork(call, owner, address)
    const open = args.flag("openfirewall") ?? address?.vpc === undefined
    if (open && address?.vpc !== undefined) {
      return yield* refuse("Can't have openFirewall=true when IP address belongs to VPC")
    }
    if (address === undefined) return yield* refuse("Unable to create load balance rule; can't find/allocate source IP")
    const publicPort = args.int("publicport") ?? 0
    const privatePort = args.int("privateport") ?? 0
    if (isDnsOfRouter(address, named, publicPort)) {
      return yield* refuse(
        "Error adding load balancer rule, cannot add port 53 with network service offering having DNS service and Source NAT."
      )
    }
    if (address.staticNat !== undefined) {
      return yield* apiError(537, `Can't do load balance on ip address: ${address.ip}`)
    }
    const cidrs = args.items("cidrlist")?.map((cidr) => cidr.trim())
    const bad = cidrs?.find((cidr) => !isCidrOrAddress(cidr))
    if (bad !== undefined) return yield* refuse(`CIDR [${bad}] is invalid.`)
    const network = yield* tieTo(state, address, named)
    if (!isPort(privatePort)) return yield* refuse(`privatePort is an invalid value: ${privatePort}`)
    const algorithm = args.text("algorithm") ?? ""
    if (!algorithms.includes(algorithm.toLowerCase())) return yield* refuse(`Invalid algorithm: ${algorithm}`)
    if (!network.services.includes("Lb")) return yield* refuse("LB service is not supported in specified network id")
    if (!isPort(publicPort)) return yield* refuse(`publicPort is an invalid value: ${publicPort}`)
    const protocol = args.text("protocol")?.trim().toLowerCase()
    const refusal = routerRefusal(network, protocol, publicPort)
    if (refusal === "unsupported") return yield* refuse("LB service provider cannot support this rule")
    if (refusal === "unknown") return yield* refuse(unknownProtocol(protocol ?? ""))
    const [minted, row] = mint(state)
    const draft: LoadBalancerRule = {
      ...row,
      name: args.text("name") ?? "",
      description: args.text("description"),
      address: address.id,
      network: network.id,
      owner,
      publicPort,
      privatePort,
      algorithm,
      protocol,
      cidrs: cidrs?.join(" "),
      state: "Add",
      members: [],
      opened: undefined
    }
    const range = { protocol: "tcp", start: publicPort, end: publicPort }
    const staged = { ...minted, rules: put(minted.rules, draft) }
    const opened = open ? yield* openFirewall(staged, draft, range, 9999) : { state: staged, made: undefined }
    const candidate = { purpose: "LoadBalancing", address: address.id, network: network.id, cidrs: [] } as const
    yield* checkConflicts(state, { ...candidate, ...range }, 9999)
    const rule = { ...draft, opened: opened.made }
    const addresses =
      address.vpc === undefined ? state.addresses : put(state.addresses, { ...address, network: network.id })
    const rules = put(opened.state.rules, rule)
    return { state: { ...opened.state, addresses, rules }, rule, opened: opened.made }
  })

/** All that is left for the job is the firewall rule that `openfirewall` asks for. */
const finishCreate = (before: State, id: string, opened: string | undefined): Result.Result<JobDone, ApiError> => {
  const rule = before.rules.get(id)
  if (rule === undefined) return broken("Failed to create load balancer rule")
  const state = applyOpened(before, opened)
  const implemented = state.networks.get(rule.network)?.state === "Implemented"
  const pushes = opened === undefined || !implemented ? [] : [rule.network]
  return Result.succeed({ state, result: { loadbalancer: ruleView(state, rule) }, pushes })
}

export const loadBalancerCreationCommands: Readonly<Record<string, Handler>> = { createLoadBalancerRule }
