/** NICs of machines: listing, secondary addresses, adding and removing a NIC. */
import { Result } from "effect"
import { owns, requireOwner } from "../access.ts"
import { answered, type Handler, submitted, success } from "../command.ts"
import { apiError, broken, deniedText, deny, refuse } from "../errors.ts"
import { freeGuestIp, macOf } from "../guestNetworks.ts"
import { optional, unpaged } from "../lists.ts"
import { isIpv4 } from "../net.ts"
import { startNetwork } from "../networkStart.ts"
import type { Nic, Vm } from "../records.ts"
import { networkText } from "../ruleViews.ts"
import { mint, nicOf, put, type State, secondaryOf } from "../state.ts"
import { instanceName, listedNicView, vmView } from "../vmViews.ts"

/** All its own errors are the same internal one: the command catches everything. */
const listNics: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const vm = state.vms.get(args.text("virtualmachineid") ?? "")
    if (vm === undefined || vm.removed) return yield* apiError(530, "Virtual machine id does not exist")
    if (!owns(state, caller, vm.owner)) return yield* apiError(530, deniedText)
    const nics = vm.nics.map((nic, index) => ({ nic, index }))
    const found = nics.filter(
      ({ nic }) => optional(args.text("nicid"), nic.id) && optional(args.text("networkid"), nic.network)
    )
    return answered(
      state,
      unpaged("nic", found, ({ index, nic }) => listedNicView(state, vm, nic, index))
    )
  })

const withNic = (state: State, vm: Vm, nic: Nic): State => ({
  ...state,
  vms: put(state.vms, { ...vm, nics: vm.nics.map((other) => (other.id === nic.id ? nic : other)) })
})

/** `vm.network.nic.max.secondary.ipaddresses` */
const maxSecondary = 10

/** The command shows the machine with its NICs only. */
const shownDetails = new Set(["nics"])

const addIpToNic: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const found = nicOf(state, args.text("nicid") ?? "")
    if (found === undefined) return yield* refuse("There is no nic for the passed nic id")
    const { nic, vm } = found
    yield* requireOwner(state, caller, vm.owner)
    if (nic.secondary.length >= maxSecondary) {
      return yield* refuse("Allocating guest ip for nic failed : Maximum Number of Ips per Nic has been crossed.")
    }
    const network = state.networks.get(nic.network)
    const wanted = args.text("ipaddress") || undefined
    const ip = network === undefined ? undefined : freeGuestIp(state, network, wanted)
    if (ip === undefined) return yield* apiError(530, "Failed to assign secondary ip to nic")
    const [minted, row] = mint(state)
    const [named, other] = mint(minted)
    const next = withNic(named, vm, { ...nic, secondary: [...nic.secondary, { ...row, ip }] })
    return submitted(
      next,
      {
        instanceType: "IpAddress",
        // The server looks the new row's number up among the public addresses and shows whatever it finds there.
        strayInstance: other.id,
        run: (state) =>
          Result.succeed({
            state,
            result: {
              nicsecondaryip: { id: row.id, ipaddress: ip, nicid: nic.id, networkid: nic.network }
            }
          })
      },
      row.id
    )
  })

const isUsed = (state: State, vm: string, ip: string): boolean =>
  [...state.rules.values()].some((rule) => rule.members.some((member) => member.vm === vm && member.ip === ip)) ||
  [...state.forwarding.values()].some((rule) => rule.vm === vm && rule.vmIp === ip) ||
  [...state.addresses.values()].some(({ staticNat }) => staticNat?.vm === vm && staticNat.ip === ip)

const removeIpFromNic: Handler = ({ args, caller, state }) => {
  const id = args.text("id") ?? ""
  return Result.succeed(
    submitted(state, {
      run: (state) => {
        const found = secondaryOf(state, id)
        if (found === undefined) return broken("Invalid IP id is passed")
        const { nic, secondary, vm } = found
        if (!owns(state, caller, vm.owner)) return deny()
        if (isUsed(state, vm.id, secondary.ip)) return refuse("Removing guest ip from nic failed")
        const left = nic.secondary.filter((other) => other.id !== id)
        return Result.succeed({ state: withNic(state, vm, { ...nic, secondary: left }), result: success })
      }
    })
  )
}

const addNicToVirtualMachine: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("virtualmachineid") ?? ""
    const network = state.networks.get(args.text("networkid") ?? "")
    const vm = state.vms.get(id)
    if (vm === undefined || vm.removed || network === undefined) {
      return yield* refuse("unable to find a virtual machine or network with that id")
    }
    yield* requireOwner(state, caller, vm.owner)
    return submitted(state, {
      instanceType: "VirtualMachine",
      instance: { kind: "vm", id },
      run: (before, at) => {
        const now = before.vms.get(id)
        if (now === undefined || now.removed) return broken("unable to find a virtual machine with that id")
        if (network.owner !== undefined && !owns(before, caller, network.owner)) return deny()
        if (now.nics.some((nic) => nic.network === network.id)) {
          return broken(`A NIC already exists for VM:${instanceName(now)} in network: ${network.id}`)
        }
        const wanted = args.text("ipaddress") || undefined
        if (wanted !== undefined && !isIpv4(wanted)) {
          return refuse(`Invalid format for IP address parameter: ${wanted}`)
        }
        const ip = freeGuestIp(before, network, wanted)
        if (ip === undefined && network.kind !== "l2") return broken("Insufficient address capacity")
        const started = now.state === "Running" ? startNetwork(before, network.id, at) : Result.succeed(before)
        if (Result.isFailure(started)) return Result.fail(started.failure)
        const [minted, row] = mint(started.success)
        const nic: Nic = {
          ...row,
          network: network.id,
          ip,
          isDefault: now.nics.length === 0,
          mac: macOf(row.n),
          secondary: []
        }
        const grown = { ...now, nics: [...now.nics, nic] }
        const done = { ...minted, vms: put(minted.vms, grown) }
        return Result.succeed({ state: done, result: { virtualmachine: vmView(done, grown, false, shownDetails) } })
      }
    })
  })

const removeNicFromVirtualMachine: Handler = ({ args, caller, state }) => {
  const id = args.text("virtualmachineid") ?? ""
  const nicId = args.text("nicid") ?? ""
  return Result.map(requireOwner(state, caller, state.vms.get(id)?.owner), () =>
    submitted(state, {
      run: (state) => {
        const vm = state.vms.get(id)
        const nic = vm?.nics.find((candidate) => candidate.id === nicId)
        if (vm === undefined || vm.removed || nic === undefined) return refuse("unable to find a nic with that id")
        const network = state.networks.get(nic.network)
        const shown = `VM instance {"id":${vm.n},"instanceName":"${instanceName(vm)}","state":"${vm.state}","type":"User","uuid":"${vm.id}"}`
        const keep = (why: string) =>
          refuse(`Unable to remove nic from ${shown} in ${network === undefined ? "" : networkText(network)}, ${why}`)
        if (nic.isDefault) return keep("nic is default.")
        const ips = [nic.ip, ...nic.secondary.map(({ ip }) => ip)]
        if (ips.some((ip) => ip !== undefined && isUsed(state, id, ip))) {
          return keep("nic has associated Port forwarding or Load balancer or Static NAT rules.")
        }
        const left = { ...vm, nics: vm.nics.filter((other) => other.id !== nicId) }
        const done = { ...state, vms: put(state.vms, left) }
        return Result.succeed({ state: done, result: { virtualmachine: vmView(done, left, false, shownDetails) } })
      }
    })
  )
}

export const nicCommands: Readonly<Record<string, Handler>> = {
  listNics,
  addIpToNic,
  removeIpFromNic,
  addNicToVirtualMachine,
  removeNicFromVirtualMachine
}
