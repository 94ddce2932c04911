/** Port forwarding rules: what else can take the ports of a public address. */
import { Result } from "effect"
import { owns, requireOwner, scope } from "../access.ts"
import { checkService } from "../addressServices.ts"
import { answered, type Handler, submitted, success } from "../command.ts"
import { checkConflicts } from "../conflicts.ts"
import { type ApiError, broken, deny, refuse } from "../errors.ts"
import { optional, paged, tagFilter } from "../lists.ts"
import { isPort } from "../net.ts"
import { applyOpened, openFirewall } from "../openFirewall.ts"
import type { Arguments } from "../parameters.ts"
import type { Address, ForwardingRule, Network } from "../records.ts"
import { addressText, forwardingView, networkText } from "../ruleViews.ts"
import { mint, put, type State } from "../state.ts"
import { removeForwarding } from "../teardown.ts"
import { isAlive } from "../vmStates.ts"

const pushesOf = (state: State, network: string) =>
  state.networks.get(network)?.state === "Implemented" ? [network] : []

const portsOf = (args: Arguments) => {
  const publicPort = args.int("publicport") ?? 0
  const privatePort = args.int("privateport") ?? 0
  const publicEndPort = args.int("publicendport") ?? publicPort
  return { publicPort, publicEndPort, privatePort, privateEndPort: args.int("privateendport") ?? privatePort }
}

const checkPublicPorts = ({ publicEndPort, publicPort }: ReturnType<typeof portsOf>) => {
  if (!isPort(publicPort)) return refuse(`publicPort is an invalid value: ${publicPort}`)
  if (!isPort(publicEndPort)) return refuse(`Public port range is an invalid value: ${publicEndPort}`)
  return publicPort > publicEndPort ? refuse("Start port can't be bigger than end port") : Result.succeed(undefined)
}

const checkPrivatePorts = (ports: ReturnType<typeof portsOf>) => {
  const { privateEndPort, privatePort, publicEndPort, publicPort } = ports
  if (privatePort > privateEndPort) return refuse("Start port can't be bigger than end port")
  return privateEndPort - privatePort === publicEndPort - publicPort
    ? Result.succeed(undefined)
    : refuse("Source port and destination port ranges should be of equal sizes.")
}

/** An address outside a VPC has its network; inside, the tier it is tied to, or else the one that is named. */
const networkFor = (state: State, args: Arguments, address: Address): Result.Result<Network, ApiError> =>
  Result.gen(function* () {
    const network = state.networks.get(address.network ?? args.text("networkid") ?? "")
    if (network === undefined) {
      return yield* refuse(
        `Unable to create port forwarding rule for the ipAddress id=${address.n} as ip is not associated with any network and no networkId is passed in`
      )
    }
    if (address.network === undefined && (address.vpc === undefined || network.vpc !== address.vpc)) {
      return yield* refuse(`Ip address ${addressText(address)} is not assigned to the network ${networkText(network)}`)
    }
    yield* checkService(state, address, network, "PortForwarding")
    return network
  })

const createPortForwardingRule: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const address = state.addresses.get(args.text("ipaddressid") ?? "")
    const vm = state.vms.get(args.text("virtualmachineid") ?? "")
    if (address === undefined || address.state !== "Allocated" || address.owner === undefined) {
      return yield* refuse(`Unable to create PF rule, invalid IP address id ${address?.n ?? args.raw("ipaddressid")}`)
    }
    const open = args.flag("openfirewall") ?? address.vpc === undefined
    if (open && address.vpc !== undefined) {
      return yield* refuse("Can't have openFirewall=true when IP address belongs to VPC")
    }
    if (address.staticNat !== undefined) {
      return yield* refuse(`Unable to create port forwarding rule; ip id=${address.n} has static nat enabled`)
    }
    const network = yield* networkFor(state, args, address)
    const ports = portsOf(args)
    yield* checkPublicPorts(ports)
    yield* requireOwner(state, caller, address.owner)
    if (!network.services.includes("PortForwarding")) {
      return yield* broken(`Service PortForwarding is not supported in the network id=${network.n}`, 4390)
    }
    const sentProtocol = (args.text("protocol") ?? "").trim()
    const protocol = sentProtocol.toLowerCase()
    if (!"tcp,udp".includes(protocol)) {
      return yield* refuse(`Protocol ${sentProtocol} is not supported in zone ${state.zones.get(network.zone)?.n}`)
    }
    yield* checkPrivatePorts(ports)
    if (vm === undefined || vm.removed) {
      return yield* refuse(
        `Unable to create port forwarding rule on address ${addressText(address)}, invalid virtual machine id specified (${vm?.n ?? args.raw("virtualmachineid")}).`
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
    if (ports.publicPort !== ports.publicEndPort && ports.publicPort !== ports.privatePort) {
      return yield* refuse("Private port start should be equal to public port start")
    }
    const [minted, row] = mint(state)
    const draft: ForwardingRule = {
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
    const range = { protocol, start: ports.publicPort, end: ports.publicEndPort }
    const staged = { ...minted, forwarding: put(minted.forwarding, draft) }
    const opened = open ? yield* openFirewall(staged, draft, range, 4360) : { state: staged, made: undefined }
    const candidate = { purpose: "PortForwarding", address: address.id, network: network.id, cidrs: [] } as const
    yield* checkConflicts(state, { ...candidate, ...range }, 4360)
    const rule = { ...draft, opened: opened.made }
    const addresses =
      address.vpc === undefined ? state.addresses : put(state.addresses, { ...address, network: network.id })
    return submitted(
      { ...opened.state, addresses, forwarding: put(opened.state.forwarding, rule) },
      {
        instanceType: "FirewallRule",
        instance: { kind: "forwarding", id: rule.id },
        undo: (state) => removeForwarding(state, rule.id),
        run: (before) => {
          const state = applyOpened(before, opened.made)
          const now = state.forwarding.get(rule.id)
          if (now === undefined) return broken("Failed to apply port forwarding rule")
          const active: ForwardingRule = { ...now, state: "Active" }
          const done = { ...state, forwarding: put(state.forwarding, active) }
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
