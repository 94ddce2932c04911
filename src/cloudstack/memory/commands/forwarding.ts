/** Port forwarding and static NAT: what else can sit on a public address and be in a rule's way. */
import { Result } from "effect"
import { owns, requireOwner, scope } from "../access.ts"
import { answered, type Handler, submitted, success } from "../command.ts"
import { checkConflicts } from "../conflicts.ts"
import { apiError, broken, deny, refuse } from "../errors.ts"
import { optional, paged, tagFilter } from "../lists.ts"
import { isPort } from "../net.ts"
import { openFirewall } from "../openFirewall.ts"
import type { ForwardingRule } from "../records.ts"
import { forwardingView } from "../ruleViews.ts"
import { forwardingOfAddress, mint, put, rulesOfAddress, type State } from "../state.ts"
import { removeForwarding } from "../teardown.ts"
import { isAlive } from "../vmStates.ts"

const pushesOf = (state: State, network: string) =>
  state.networks.get(network)?.state === "Implemented" ? [network] : []

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
    if (vm === undefined || vm.removed) return yield* refuse("Unable to find virtual machine by id")
    yield* requireOwner(state, caller, vm.owner)
    const open = args.flag("openfirewall") ?? address.vpc === undefined
    if (open && address.vpc !== undefined) {
      return yield* refuse("Can't have openFirewall=true when IP address belongs to VPC")
    }
    const network =
      state.networks.get(address.network ?? "") ??
      (address.vpc === undefined ? undefined : state.networks.get(args.text("networkid") ?? ""))
    if (network === undefined) return yield* refuse(`Unable to find network by ip id=${address.n}`)
    if (!network.services.includes("PortForwarding")) {
      return yield* refuse(`Port forwarding is not supported in network ${network.n}`)
    }
    const publicPort = args.int("publicport") ?? 0
    const publicEndPort = args.int("publicendport") ?? publicPort
    const privatePort = args.int("privateport") ?? 0
    const privateEndPort = args.int("privateendport") ?? privatePort
    if (!isPort(publicPort)) return yield* refuse(`publicPort is an invalid value: ${publicPort}`)
    if (!isPort(publicEndPort)) return yield* refuse(`Public port range is an invalid value: ${publicEndPort}`)
    if (publicPort > publicEndPort) return yield* refuse("Start port can't be bigger than end port")
    if (!isPort(privatePort) || !isPort(privateEndPort)) {
      return yield* refuse(`privatePort is an invalid value: ${privatePort}`)
    }
    if (publicEndPort - publicPort !== privateEndPort - privatePort) {
      return yield* refuse("Source port and destination port ranges should be of equal sizes.")
    }
    const nic = vm.nics.find((candidate) => candidate.network === network.id)
    const vmIp = args.text("vmguestip") ?? nic?.ip
    if (!isAlive(vm) || nic === undefined || vmIp === undefined) {
      return yield* refuse(
        `Unable to create port forwarding rule; the virtual machine ${vm.name} has no NIC in network ${network.name}`
      )
    }
    if (vmIp !== nic.ip && !nic.secondary.some(({ ip }) => ip === vmIp)) {
      return yield* refuse("Invalid guest IP address")
    }
    const protocol = (args.text("protocol") ?? "").trim().toLowerCase()
    if (protocol !== "tcp" && protocol !== "udp") {
      return yield* refuse(`Protocol ${protocol} is not supported in zone ${state.zones.get(network.zone)?.n}`)
    }
    if (address.staticNat !== undefined) {
      return yield* refuse(`Unable to create port forwarding rule; ip id=${address.n} has static nat enabled`)
    }
    yield* checkConflicts(
      state,
      {
        purpose: "PortForwarding",
        address: address.id,
        network: network.id,
        protocol,
        start: publicPort,
        end: publicEndPort,
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
      publicPort,
      publicEndPort,
      privatePort,
      privateEndPort,
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
            ? openFirewall(state, now, protocol, publicPort, publicEndPort)
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
    if (address !== undefined && !owns(state, caller, state.addresses.get(address)?.owner)) return yield* deny()
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

const enableStaticNat: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const address = state.addresses.get(args.text("ipaddressid") ?? "")
    const vm = state.vms.get(args.text("virtualmachineid") ?? "")
    if (address === undefined || vm === undefined || vm.removed) {
      return yield* refuse("Unable to find ip address or virtual machine by id")
    }
    yield* requireOwner(state, caller, address.owner)
    yield* requireOwner(state, caller, vm.owner)
    if (address.sourceNat) {
      return yield* refuse(
        `Can't enable static, ip address IPAddress {"id":${address.n},"uuid":"${address.id}"} is a sourceNat ip address`
      )
    }
    const held =
      rulesOfAddress(state.rules, address.id).length > 0
        ? "LoadBalancing"
        : forwardingOfAddress(state.forwarding, address.id).length > 0
          ? "PortForwarding"
          : undefined
    if (held !== undefined) {
      return yield* apiError(
        537,
        `Failed to enable static nat for the ip address IPAddress {"address":"${address.ip}","id":${address.n},"uuid":"${address.id}"} as it already has ${held} rules assigned`
      )
    }
    const nic = vm.nics.find(
      ({ network }) => network === (address.network ?? args.text("networkid")) && state.networks.has(network)
    )
    if (nic?.ip === undefined) {
      return yield* refuse(`Vm doesn't belong to network associated with ip address ${address.ip}`)
    }
    const given = { ...address, network: nic.network, staticNat: { vm: vm.id, ip: args.text("vmguestip") ?? nic.ip } }
    return answered({ ...state, addresses: put(state.addresses, given) }, success)
  })

const disableStaticNat: Handler = ({ args, caller, state }) => {
  const id = args.text("ipaddressid") ?? ""
  return Result.succeed(
    submitted(state, {
      run: (state) => {
        const address = state.addresses.get(id)
        if (address === undefined) return refuse("Unable to find ip address by id")
        if (!owns(state, caller, address.owner)) return deny()
        if (address.staticNat === undefined) {
          return refuse("Specified IP address id is not associated with any vm Id")
        }
        const network = address.vpc === undefined ? address.network : undefined
        return Result.succeed({
          state: { ...state, addresses: put(state.addresses, { ...address, staticNat: undefined, network }) },
          result: success,
          pushes: address.network === undefined ? [] : pushesOf(state, address.network)
        })
      }
    })
  )
}

export const forwardingCommands: Readonly<Record<string, Handler>> = {
  createPortForwardingRule,
  deletePortForwardingRule,
  listPortForwardingRules,
  enableStaticNat,
  disableStaticNat
}
