/** Port forwarding rules: what else can take the ports of a public address. */
import { Result } from "effect"
import { owns, requireOwner, scope } from "../access.ts"
import { answered, type Handler, submitted, success } from "../command.ts"
import { checkConflicts } from "../conflicts.ts"
import { broken, deny, refuse } from "../errors.ts"
import { optional, paged, tagFilter } from "../lists.ts"
import { isPort } from "../net.ts"
import { openFirewall } from "../openFirewall.ts"
import type { Arguments } from "../parameters.ts"
import type { ForwardingRule } from "../records.ts"
import { forwardingView } from "../ruleViews.ts"
import { mint, put, type State } from "../state.ts"
import { removeForwarding } from "../teardown.ts"
import { isAlive } from "../vmStates.ts"

const pushesOf = (state: State, network: string) =>
  state.networks.get(network)?.state === "Implemented" ? [network] : []

/** A range is forwarded to the same range. */
const checkPorts = (args: Arguments) => {
  const publicPort = args.int("publicport") ?? 0
  const publicEndPort = args.int("publicendport") ?? publicPort
  const privatePort = args.int("privateport") ?? 0
  const privateEndPort = args.int("privateendport") ?? privatePort
  if (!isPort(publicPort)) return refuse(`publicPort is an invalid value: ${publicPort}`)
  if (!isPort(publicEndPort)) return refuse(`Public port range is an invalid value: ${publicEndPort}`)
  if (publicPort > publicEndPort || privatePort > privateEndPort) {
    return refuse("Start port can't be bigger than end port")
  }
  if (privateEndPort - privatePort !== publicEndPort - publicPort) {
    return refuse("Source port and destination port ranges should be of equal sizes.")
  }
  if (publicPort !== publicEndPort && publicPort !== privatePort) {
    return refuse("Private port start should be equal to public port start")
  }
  return Result.succeed({ publicPort, publicEndPort, privatePort, privateEndPort })
}

const createPortForwardingRule: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const address = state.addresses.get(args.text("ipaddressid") ?? "")
    const vm = state.vms.get(args.text("virtualmachineid") ?? "")
    if (address === undefined || address.state !== "Allocated" || address.owner === undefined) {
      return yield* refuse(
        `Unable to create port forwarding rule; IP id=${address?.n ?? 0} is not associated with any network`
      )
    }
    yield* requireOwner(state, caller, address.owner)
    const open = args.flag("openfirewall") ?? address.vpc === undefined
    if (open && address.vpc !== undefined) {
      return yield* refuse("Can't have openFirewall=true when IP address belongs to VPC")
    }
    if (address.staticNat !== undefined) {
      return yield* refuse(`Unable to create port forwarding rule; ip id=${address.n} has static nat enabled`)
    }
    const network =
      state.networks.get(address.network ?? "") ??
      (address.vpc === undefined ? undefined : state.networks.get(args.text("networkid") ?? ""))
    if (network === undefined) return yield* refuse(`Unable to find network by ip id=${address.n}`)
    if (!network.services.includes("PortForwarding")) {
      return yield* refuse(`Port forwarding is not supported in network ${network.n}`)
    }
    const ports = yield* checkPorts(args)
    const protocol = (args.text("protocol") ?? "").trim().toLowerCase()
    if (protocol !== "tcp" && protocol !== "udp") {
      return yield* refuse(`Protocol ${protocol} is not supported in zone ${state.zones.get(network.zone)?.n}`)
    }
    if (vm === undefined || vm.removed) {
      return yield* refuse(
        `Unable to create port forwarding rule on address ${address.ip}, invalid virtual machine id specified (${vm?.n ?? 0}).`
      )
    }
    if (!isAlive(vm)) return yield* refuse(`Invalid user vm: ${vm.n}`)
    yield* requireOwner(state, caller, vm.owner)
    const nic = vm.nics.find((candidate) => candidate.network === network.id)
    if (nic?.ip === undefined) return yield* refuse("Vm doesn't belong to network associated with ipAddress")
    const vmIp = args.text("vmguestip") ?? nic.ip
    if (vmIp !== nic.ip && !nic.secondary.some(({ ip }) => ip === vmIp)) {
      return yield* refuse("IP Address is not in the VM nic's network ")
    }
    yield* checkConflicts(
      state,
      {
        purpose: "PortForwarding",
        address: address.id,
        network: network.id,
        protocol,
        start: ports.publicPort,
        end: ports.publicEndPort,
        cidrs: []
      },
      4360
    )
    const [minted, row] = mint(state)
    const rule: ForwardingRule = {
      ...row,
      address: address.id,
      network: network.id,
      owner: address.owner,
      protocol,
      ...ports,
      cidrs: args.items("cidrlist") ?? [],
      vm: vm.id,
      vmIp,
      state: "Add",
      opened: undefined
    }
    const addresses =
      address.vpc === undefined ? minted.addresses : put(minted.addresses, { ...address, network: network.id })
    return submitted(
      { ...minted, addresses, forwarding: put(minted.forwarding, rule) },
      {
        instanceType: "FirewallRule",
        instance: { kind: "forwarding", id: rule.id },
        undo: (state) => removeForwarding(state, rule.id),
        run: (state) => {
          const now = state.forwarding.get(rule.id)
          if (now === undefined) return broken("Failed to apply port forwarding rule")
          const wanted = open && network.services.includes("Firewall")
          const { made, state: opened } = wanted
            ? openFirewall(state, now, protocol, ports.publicPort, ports.publicEndPort)
            : { made: undefined, state }
          const active: ForwardingRule = { ...now, state: "Active", opened: made }
          const done = { ...opened, forwarding: put(opened.forwarding, active) }
          const result = { portforwardingrule: forwardingView(done, active) }
          return Result.succeed({ state: done, result, pushes: pushesOf(state, network.id) })
        }
      },
      rule.id
    )
  })

const deletePortForwardingRule: Handler = ({ args, caller, state }) => {
  const id = args.text("id") ?? ""
  // Unlike those of load balancer rules, this deletion is denied in the call.
  return Result.map(requireOwner(state, caller, state.forwarding.get(id)?.owner), () =>
    submitted(state, {
      run: (state) => {
        const rule = state.forwarding.get(id)
        if (rule === undefined) return refuse(`Unable to find ${id} having purpose PortForwarding`)
        return Result.succeed({
          state: removeForwarding(state, id),
          result: success,
          pushes: pushesOf(state, rule.network)
        })
      }
    })
  )
}

const listPortForwardingRules: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id")
    const address = args.text("ipaddressid")
    const row = state.addresses.get(address ?? "")
    if (row !== undefined && row.state !== "Allocated") {
      return yield* refuse(`Ip address id=${row.n} not ready for port forwarding rules yet`)
    }
    if (row !== undefined && !owns(state, caller, row.owner)) return yield* deny()
    const visible = yield* scope(state, caller, args, id !== undefined)
    const tagged = yield* tagFilter(state, args)
    const found = [...state.forwarding.values()].filter(
      (rule) =>
        visible(rule.owner) &&
        optional(id, rule.id) &&
        optional(address, rule.address) &&
        optional(args.text("networkid"), rule.network) &&
        tagged(rule.id)
    )
    return answered(
      state,
      yield* paged(state, args, "portforwardingrule", found.reverse(), (rule) => forwardingView(state, rule))
    )
  })

export const forwardingCommands: Readonly<Record<string, Handler>> = {
  createPortForwardingRule,
  deletePortForwardingRule,
  listPortForwardingRules
}
