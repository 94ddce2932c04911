/** Static NAT: an address that belongs to one machine altogether, and can carry no load balancer. */
import { Result } from "effect"
import { owns, requireOwner } from "../access.ts"
import { checkService } from "../addressServices.ts"
import { answered, type Call, type Handler, submitted, success } from "../command.ts"
import { type ApiError, apiError, deny, refuse } from "../errors.ts"
import type { Address, Network, Vm } from "../records.ts"
import { addressText, networkText } from "../ruleViews.ts"
import { forwardingOfAddress, natAddressesOfVm, put, rulesOfAddress, type State } from "../state.ts"
import { instanceName } from "../vmViews.ts"

/** The network of the address, or for one of a VPC that serves nothing yet the tier that is named. */
const networkFor = ({ args, state }: Call, address: Address): Result.Result<Network, ApiError> => {
  const network = state.networks.get(address.network ?? args.text("networkid") ?? "")
  return network === undefined
    ? refuse(
        `Unable to enable static nat for the ipAddress id=${address.n} as ip is not associated with any network and no networkId is passed in`
      )
    : Result.succeed(network)
}

/** A source NAT address cannot, nor one with rules, and a machine has one such address at most. */
const checkReady = (state: State, address: Address, vm: Vm, ip: string): Result.Result<void, ApiError> => {
  const shown = addressText(address)
  if (address.sourceNat) return refuse(`Can't enable static, ip address ${shown} is a sourceNat ip address`)
  const held =
    forwardingOfAddress(state.forwarding, address.id).length > 0
      ? "PortForwarding"
      : rulesOfAddress(state.rules, address.id).length > 0
        ? "LoadBalancing"
        : undefined
  if (address.staticNat === undefined && held !== undefined) {
    return apiError(
      537,
      `Failed to enable static nat for the ip address ${shown} as it already has ${held} rules assigned`
    )
  }
  if (address.staticNat !== undefined && address.staticNat.vm !== vm.id) {
    return apiError(
      537,
      `Failed to enable static for the ip address ${shown} and vm id=${vm.n} as it's already assigned to antoher vm`
    )
  }
  const other = natAddressesOfVm(state.addresses, vm.id).find((row) => row.staticNat?.ip === ip)
  return other === undefined
    ? Result.succeed(undefined)
    : refuse(
        `Failed to enable static nat on the  ip ${address.ip} with Id ${address.id} as the vm ${instanceName(vm)} with Id ${vm.id} is already associated with another public ip ${other.ip} with id ${other.id}`
      )
}

const enableStaticNat: Handler = (call) =>
  Result.gen(function* () {
    const { args, caller, state } = call
    const address = state.addresses.get(args.text("ipaddressid") ?? "")
    const vm = state.vms.get(args.text("virtualmachineid") ?? "")
    if (address === undefined) return yield* refuse(`Unable to find ip address by id ${args.raw("ipaddressid")}`)
    const network = yield* networkFor(call, address)
    const nic = vm?.nics.find((candidate) => candidate.network === network.id)
    if (vm === undefined || vm.removed || nic?.ip === undefined) {
      return yield* refuse("Vm doesn't belong to the network with specified id")
    }
    if (!network.services.includes("StaticNat")) {
      return yield* refuse(
        "Unable to create static nat rule; StaticNat service is not supported in network with specified id"
      )
    }
    yield* checkService(state, address, network, "StaticNat")
    if (address.network === undefined && network.vpc !== address.vpc) {
      return yield* refuse(`Ip address ${addressText(address)} is not assigned to the network ${networkText(network)}`)
    }
    yield* requireOwner(state, caller, address.owner)
    yield* requireOwner(state, caller, vm.owner)
    const ip = args.text("vmguestip") ?? nic.ip
    if (ip !== nic.ip && !nic.secondary.some((secondary) => secondary.ip === ip)) {
      return yield* refuse(`VM ip ${ip} address not belongs to the vm`)
    }
    yield* checkReady(state, address, vm, ip)
    const given = { ...address, network: network.id, staticNat: { vm: vm.id, ip } }
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
