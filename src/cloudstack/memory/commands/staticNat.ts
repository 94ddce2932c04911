/** Static NAT: an address that belongs to one machine altogether, and can carry no load balancer. */
import { Result } from "effect"
import { owns, requireOwner } from "../access.ts"
import { answered, type Handler, submitted, success } from "../command.ts"
import { apiError, deny, refuse } from "../errors.ts"
import { forwardingOfAddress, natAddressesOfVm, put, rulesOfAddress } from "../state.ts"
import { instanceName } from "../vmViews.ts"

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
      return yield* refuse("Vm doesn't belong to the network with specified id")
    }
    const ip = args.text("vmguestip") ?? nic.ip
    const other = natAddressesOfVm(state.addresses, vm.id).find((row) => row.staticNat?.ip === ip)
    if (other !== undefined && other.id !== address.id) {
      return yield* refuse(
        `Failed to enable static nat on the  ip ${address.ip} with Id ${address.id} as the vm ${instanceName(vm)} with Id ${vm.id} is already associated with another public ip ${other.ip} with id ${other.id}`
      )
    }
    const given = { ...address, network: nic.network, staticNat: { vm: vm.id, ip } }
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
          pushes: state.networks.get(address.network ?? "")?.state === "Implemented" ? [address.network ?? ""] : []
        })
      }
    })
  )
}

export const staticNatCommands: Readonly<Record<string, Handler>> = { enableStaticNat, disableStaticNat }
