/** Load balancer rules: create, update, delete, list. */
import { Result } from "effect"
import { isRoot, owns, requireOwner, scope } from "../access.ts"
import { answered, type Call, type Handler, type JobDone, submitted, success } from "../command.ts"
import { checkConflicts } from "../conflicts.ts"
import { type ApiError, apiError, broken, deny, refuse } from "../errors.ts"
import { keywordMatcher, optional, paged, same, tagFilter } from "../lists.ts"
import { isCidr4, isCidrOrAddress, isPort } from "../net.ts"
import { openFirewall } from "../openFirewall.ts"
import type { Address, LoadBalancerRule, Network } from "../records.ts"
import { addressText, balancerText, networkText, ruleView } from "../ruleViews.ts"
import { mint, put, type State } from "../state.ts"
import { removeRule } from "../teardown.ts"

const algorithms = ["roundrobin", "leastconn", "source"]
const protocols = ["tcp", "udp", "tcp-proxy", "ssl"]
/** HAProxy's own page of statistics. */
const statisticsPort = 8081

/** A router exists only in an implemented network: before that nothing can refuse a rule. */
const routerRefusal = (network: Network, protocol: string | undefined, publicPort: number) => {
  if (network.state !== "Implemented" || network.lbProvider !== undefined) return undefined
  if (publicPort === statisticsPort || protocol === "udp") return "unsupported"
  return protocol === undefined || protocols.includes(protocol) ? undefined : "unknown"
}

const unknownProtocol = (protocol: string) => `protocol ${protocol} is not in valid protocols [${protocols.join(", ")}]`

/** An address outside a VPC has its network; inside, the tier it is tied to, or else the one that is named. */
const networkFor = (call: Call, address: Address): Result.Result<Network, ApiError> =>
  Result.gen(function* () {
    const named = call.state.networks.get(call.args.text("networkid") ?? "")
    const network = call.state.networks.get(address.network ?? "") ?? (address.vpc === undefined ? undefined : named)
    if (network === undefined) {
      return yield* apiError(431, `IP address ID=${address.n} is not associated with any network`)
    }
    if (network.vpc !== address.vpc) {
      return yield* apiError(
        431,
        `Ip address ${addressText(address)} is not assigned to the network ${networkText(network)}`
      )
    }
    return network
  })

const createLoadBalancerRule: Handler = (call) =>
  Result.gen(function* () {
    const { args, caller, state } = call
    const address = state.addresses.get(args.text("publicipid") ?? "")
    if (address === undefined) {
      return yield* refuse("Can't define IP owner. Either specify account/domainId or publicIpId")
    }
    if (address.state !== "Allocated" || address.owner === undefined) {
      return yield* refuse(`Unable to create load balancer rule, invalid IP address ID ${address.n}`)
    }
    yield* requireOwner(state, caller, address.owner)
    const network = yield* networkFor(call, address)
    yield* requireOwner(state, caller, network.owner)
    const open = args.flag("openfirewall") ?? address.vpc === undefined
    if (open && address.vpc !== undefined) {
      return yield* apiError(431, "Can't have openFirewall=true when IP address belongs to VPC")
    }
    const publicPort = args.int("publicport") ?? 0
    const privatePort = args.int("privateport") ?? 0
    if (publicPort === 53 && address.sourceNat && network.services.includes("Dns")) {
      return yield* apiError(
        431,
        "Error adding load balancer rule, cannot add port 53 with network service offering having DNS service and Source NAT."
      )
    }
    if (address.staticNat !== undefined) {
      return yield* apiError(537, `Can't do load balance on ip address: ${address.ip}`)
    }
    const cidrs = args.items("cidrlist")
    const bad = cidrs?.find((cidr) => !isCidrOrAddress(cidr))
    if (bad !== undefined) return yield* apiError(431, `CIDR [${bad}] is invalid.`)
    if (!isPort(privatePort)) return yield* apiError(431, `privatePort is an invalid value: ${privatePort}`)
    const algorithm = args.text("algorithm") ?? ""
    if (!algorithms.includes(algorithm.toLowerCase())) return yield* apiError(431, `Invalid algorithm: ${algorithm}`)
    if (!network.services.includes("Lb")) {
      return yield* apiError(431, "LB service is not supported in specified network id")
    }
    if (!isPort(publicPort)) return yield* apiError(431, `publicPort is an invalid value: ${publicPort}`)
    const protocol = args.text("protocol")?.trim().toLowerCase()
    const refusal = routerRefusal(network, protocol, publicPort)
    if (refusal === "unsupported") return yield* apiError(431, "LB service provider cannot support this rule")
    if (refusal === "unknown") return yield* apiError(431, unknownProtocol(protocol ?? ""))
    yield* checkConflicts(
      state,
      {
        purpose: "LoadBalancing",
        address: address.id,
        network: network.id,
        protocol: "tcp",
        start: publicPort,
        end: publicPort,
        cidrs: []
      },
      9999
    )
    const [minted, row] = mint(state)
    const rule: LoadBalancerRule = {
      ...row,
      name: args.text("name") ?? "",
      description: args.text("description"),
      address: address.id,
      network: network.id,
      owner: address.owner,
      publicPort,
      privatePort,
      algorithm,
      protocol,
      cidrs: cidrs?.join(" "),
      state: "Add",
      members: [],
      opened: undefined
    }
    const tied =
      address.vpc === undefined ? minted.addresses : put(minted.addresses, { ...address, network: network.id })
    return submitted(
      { ...minted, addresses: tied, rules: put(minted.rules, rule) },
      {
        instanceType: "FirewallRule",
        instance: { kind: "rule", id: rule.id },
        run: (state) => finishCreate(state, rule.id, open),
        undo: (state) => removeRule(state, rule.id)
      },
      rule.id
    )
  })

/** All that is left for the job is the firewall rule that `openfirewall` asks for. */
const finishCreate = (state: State, id: string, open: boolean): Result.Result<JobDone, ApiError> => {
  const rule = state.rules.get(id)
  if (rule === undefined) return broken("Failed to create load balancer rule")
  const network = state.networks.get(rule.network)
  if (!open || network?.services.includes("Firewall") !== true) {
    return Result.succeed({ state, result: { loadbalancer: ruleView(state, rule) } })
  }
  const { made, state: opened } = openFirewall(state, rule, "tcp", rule.publicPort, rule.publicPort)
  const linked = { ...opened, rules: put(opened.rules, { ...rule, opened: made }) }
  const pushes = made === undefined || network.state !== "Implemented" ? [] : [rule.network]
  return Result.succeed({ state: linked, result: { loadbalancer: ruleView(linked, rule) }, pushes })
}

const pushesOf = (state: State, rule: LoadBalancerRule) =>
  state.networks.get(rule.network)?.state === "Implemented" ? [rule.network] : []

const updateLoadBalancerRule: Handler = ({ args, caller, state }) => {
  const id = args.text("id") ?? ""
  return Result.succeed(
    submitted(state, {
      run: (state) =>
        Result.gen(function* () {
          const rule = state.rules.get(id)
          if (rule === undefined) return yield* refuse(`Unable to find lb rule ${id}`)
          if (!owns(state, caller, rule.owner)) return yield* deny()
          const protocol = args.text("protocol")?.trim() === "" ? undefined : args.text("protocol")
          const cidrs = args.items("cidrlist")
          const sent = [args.text("name"), args.text("description"), args.text("algorithm"), protocol, cidrs]
          const own = isRoot(caller) && args.flag("fordisplay") !== undefined
          if (sent.every((value) => value === undefined) && !own) {
            return yield* broken(`Failed to update load balancer rule: ${balancerText(rule, "Add")}`)
          }
          const raw = args.raw("cidrlist") ?? ""
          if (raw.includes(" ") || cidrs?.some((cidr) => !isCidr4(cidr)) === true) {
            return yield* refuse(`Invalid CIDR list: ${raw}`)
          }
          const network = state.networks.get(rule.network)
          if (network !== undefined && protocol !== undefined) {
            const refusal = routerRefusal(network, protocol, rule.publicPort)
            if (refusal === "unsupported") {
              return yield* refuse(`Modifications in lb rule ${balancerText(rule)} are not supported.`)
            }
            if (refusal === "unknown") return yield* refuse(unknownProtocol(protocol))
          }
          const changed: LoadBalancerRule = {
            ...rule,
            name: args.text("name") ?? rule.name,
            description: args.text("description") ?? rule.description,
            algorithm: args.text("algorithm") ?? rule.algorithm,
            protocol: protocol ?? rule.protocol,
            cidrs: cidrs?.join(",") ?? rule.cidrs
          }
          const done = { ...state, rules: put(state.rules, changed) }
          return {
            state: done,
            result: { loadbalancer: ruleView(done, { ...changed, state: "Add" }) },
            pushes: pushesOf(state, rule),
            // The change is stored and then compared with a protocol that is not there.
            ...(changed.protocol === undefined ? { failure: { code: 530, text: missingProtocol } } : {})
          }
        })
    })
  )
}

const missingProtocol =
  'Cannot invoke "String.equals(Object)" because the return value of "com.cloud.network.dao.LoadBalancerVO.getLbProtocol()" is null'

const deleteLoadBalancerRule: Handler = ({ args, caller, state }) => {
  const id = args.text("id") ?? ""
  return Result.succeed(
    submitted(state, {
      begin: (state) => {
        const rule = state.rules.get(id)
        return rule === undefined
          ? state
          : { ...state, rules: put(state.rules, { ...rule, state: "Deleting" as const }) }
      },
      run: (state) => {
        const rule = state.rules.get(id)
        if (rule === undefined) return refuse(`Unable to find load balancer rule ${id}`)
        if (!owns(state, caller, rule.owner)) return deny()
        return Result.succeed({ state: removeRule(state, id), result: success, pushes: pushesOf(state, rule) })
      }
    })
  )
}

const listLoadBalancerRules: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id")
    const visible = yield* scope(state, caller, args, id !== undefined)
    const tagged = yield* tagFilter(state, args)
    const matches = keywordMatcher(args.text("keyword"))
    const name = args.text("name")
    const vm = args.text("virtualmachineid")
    const found = [...state.rules.values()].filter(
      (rule) =>
        visible(rule.owner) &&
        optional(id, rule.id) &&
        (name === undefined || same(name, rule.name)) &&
        optional(args.text("publicipid"), rule.address) &&
        optional(args.text("networkid"), rule.network) &&
        optional(args.text("zoneid"), state.networks.get(rule.network)?.zone) &&
        (vm === undefined || rule.members.some((member) => member.vm === vm)) &&
        matches(rule.name, rule.description) &&
        tagged(rule.id)
    )
    return answered(state, yield* paged(state, args, "loadbalancerrule", found, (rule) => ruleView(state, rule)))
  })

export const loadBalancerCommands: Readonly<Record<string, Handler>> = {
  createLoadBalancerRule,
  updateLoadBalancerRule,
  deleteLoadBalancerRule,
  listLoadBalancerRules
}
