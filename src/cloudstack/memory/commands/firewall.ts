/** Firewall rules of isolated networks (ingress). A rule is never changed, only made and deleted. */
import { Result } from "effect"
import { owns, requireOwner, scope } from "../access.ts"
import { checkService } from "../addressServices.ts"
import { answered, type Call, type Handler, submitted, success } from "../command.ts"
import { checkConflicts } from "../conflicts.ts"
import { type ApiError, apiError, broken, deny, refuse } from "../errors.ts"
import { optional, paged, tagFilter } from "../lists.ts"
import { isCidr, isPort } from "../net.ts"
import type { Address, FirewallRule, Network } from "../records.ts"
import { firewallView } from "../ruleViews.ts"
import { mint, put, type State } from "../state.ts"
import { removeFirewall } from "../teardown.ts"

const protocols = "tcp,udp,icmp"

const networkOf = (state: State, address: Address): Result.Result<Network, ApiError> => {
  const network = state.networks.get(address.network ?? "")
  return network === undefined || address.state !== "Allocated"
    ? refuse(
        `Unable to create firewall rule for the IP address ID=${address.n} as IP is not associated with any network and no networkId is passed in`
      )
    : Result.succeed(network)
}

const checkPorts = (start: number | undefined, end: number | undefined): Result.Result<void, ApiError> => {
  if (start !== undefined && !isPort(start)) return refuse(`publicPort is an invalid value: ${start}`)
  if (end !== undefined && !isPort(end)) return refuse(`Public port range is an invalid value: ${end}`)
  return start !== undefined && end !== undefined && start > end
    ? refuse("Start port can't be bigger than end port")
    : Result.succeed(undefined)
}

/** Firewalls are a matter of isolated networks. */
const checkOffered = (address: Address, network: Network): Result.Result<void, ApiError> => {
  if (address.vpc !== undefined) {
    return broken("Unable to create routing firewall rule. Please use routing firewall API instead.")
  }
  return network.services.includes("Firewall")
    ? Result.succeed(undefined)
    : broken(`Service Firewall is not supported in the network id=${network.n}`, 4390)
}

const createFirewallRule: Handler = ({ args, caller, state }: Call) =>
  Result.gen(function* () {
    const address = state.addresses.get(args.text("ipaddressid") ?? "")
    if (address === undefined) return yield* refuse("Unable to create firewall rule; couldn't locate IP address by id")
    // Sent but empty is a rule that lets nobody in: only what is absent means everybody.
    const cidrs = args.items("cidrlist") ?? ["0.0.0.0/0"]
    const bad = cidrs.find((cidr) => !isCidr(cidr))
    if (bad !== undefined) return yield* apiError(431, `Source CIDRs formatting error ${bad}`)
    const network = yield* networkOf(state, address)
    const startPort = args.int("startport")
    const endPort = args.int("endport") ?? startPort
    yield* checkService(state, address, network, "Firewall")
    yield* checkPorts(startPort, endPort)
    yield* requireOwner(state, caller, address.owner)
    yield* checkOffered(address, network)
    const sentProtocol = (args.text("protocol") ?? "").trim()
    const protocol = sentProtocol.toLowerCase()
    // The server looks for the text anywhere in its list, so that a part of a name passes as well.
    if (!protocols.includes(protocol)) {
      return yield* refuse(`Protocol ${sentProtocol} is not supported in zone ${state.zones.get(network.zone)?.n}`)
    }
    const icmp = protocol === "icmp"
    if (!icmp && (args.int("icmptype") !== undefined || args.int("icmpcode") !== undefined)) {
      return yield* refuse("Can specify icmpCode and icmpType for ICMP protocol only")
    }
    if (icmp && (startPort !== undefined || endPort !== undefined)) {
      return yield* refuse("Can't specify start/end port when protocol is ICMP")
    }
    const icmpType = icmp ? (args.int("icmptype") ?? -1) : undefined
    const icmpCode = icmp ? (args.int("icmpcode") ?? -1) : undefined
    yield* checkConflicts(
      state,
      {
        purpose: "Firewall",
        address: address.id,
        network: network.id,
        protocol,
        start: startPort,
        end: endPort,
        cidrs,
        icmpType,
        icmpCode
      },
      4360
    )
    const [minted, row] = mint(state)
    const rule: FirewallRule = {
      ...row,
      address: address.id,
      network: network.id,
      owner: address.owner ?? caller.id,
      protocol,
      startPort,
      endPort,
      cidrs,
      icmpType,
      icmpCode,
      state: "Add"
    }
    return submitted(
      { ...minted, firewall: put(minted.firewall, rule) },
      {
        instanceType: "FirewallRule",
        instance: { kind: "firewall", id: rule.id },
        undo: (state) => removeFirewall(state, rule.id),
        run: (state) => {
          const now = state.firewall.get(rule.id)
          if (now === undefined) return broken("Failed to create firewall rule")
          const active = { ...now, state: "Active" as const }
          const done = { ...state, firewall: put(state.firewall, active) }
          return Result.succeed({
            state: done,
            result: { firewallrule: firewallView(done, active) },
            pushes: pushesOf(state, active)
          })
        }
      },
      rule.id
    )
  })

const pushesOf = (state: State, rule: FirewallRule) =>
  state.networks.get(rule.network)?.state === "Implemented" ? [rule.network] : []

/** One of the few commands whose access check is made in the call. */
const deleteFirewallRule: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id") ?? ""
    yield* requireOwner(state, caller, state.firewall.get(id)?.owner)
    return submitted(state, {
      begin: (state) => {
        const rule = state.firewall.get(id)
        return rule === undefined
          ? state
          : { ...state, firewall: put(state.firewall, { ...rule, state: "Deleting" as const }) }
      },
      run: (state) => {
        const rule = state.firewall.get(id)
        if (rule === undefined) return refuse(`Unable to find ${id} having purpose Firewall`)
        return Result.succeed({ state: removeFirewall(state, id), result: success, pushes: pushesOf(state, rule) })
      }
    })
  })

const listFirewallRules: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id")
    const address = state.addresses.get(args.text("ipaddressid") ?? "")
    if (address !== undefined) {
      if (address.state !== "Allocated") {
        return yield* refuse(`Ip address id=${address.n} not ready for firewall rules yet`)
      }
      if (!owns(state, caller, address.owner)) return yield* deny()
    }
    const visible = yield* scope(state, caller, args, id !== undefined)
    const tagged = yield* tagFilter(state, args)
    const found = [...state.firewall.values()].filter(
      (rule) =>
        visible(rule.owner) &&
        optional(id, rule.id) &&
        optional(address?.id, rule.address) &&
        optional(args.text("networkid"), rule.network) &&
        tagged(rule.id)
    )
    return answered(
      state,
      yield* paged(state, args, "firewallrule", found.reverse(), (rule) => firewallView(state, rule))
    )
  })

const updateFirewallRule: Handler = ({ args, caller, state }) => {
  const id = args.text("id") ?? ""
  return Result.succeed(
    submitted(state, {
      run: (state) => {
        const rule = state.firewall.get(id)
        if (rule === undefined) return refuse(`Unable to find ${id} having purpose Firewall`)
        return owns(state, caller, rule.owner)
          ? Result.succeed({ state, result: { firewallrule: firewallView(state, rule) } })
          : deny()
      }
    })
  )
}

export const firewallCommands: Readonly<Record<string, Handler>> = {
  createFirewallRule,
  deleteFirewallRule,
  listFirewallRules,
  updateFirewallRule
}
