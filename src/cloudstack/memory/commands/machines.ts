/** Virtual machines: listing and their life from start to expunge. */
import { Result } from "effect"
import { isAdmin, isRoot, owns, scope } from "../access.ts"
import { answered, type Call, type Handler, type JobDone, submitted, success } from "../command.ts"
import { type ApiError, apiError, broken, deny, refuse } from "../errors.ts"
import { keywordMatcher, optional, paged, pageOf, same, tagFilter } from "../lists.ts"
import { startNetwork } from "../networkStart.ts"
import type { Arguments } from "../parameters.ts"
import type { Vm, VmState } from "../records.ts"
import { natAddressesOfVm, put, type State } from "../state.ts"
import { expungeVm } from "../teardown.ts"
import { isAlive } from "../vmStates.ts"
import { instanceName, vmDetails, vmView } from "../vmViews.ts"

/** Only administrators see machines that are destroyed or being expunged. */
const isShown = (caller: Call["caller"], vm: Vm): boolean => !vm.removed && (isAdmin(caller) || isAlive(vm))

const listVirtualMachines: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const id = args.text("id")
    const ids = args.items("ids") ?? []
    if (id !== undefined && ids.length > 0)
      return yield* apiError(431, "Specify either id or ids but not both parameters", 4350)
    const visible = yield* scope(state, caller, args, id !== undefined)
    const tagged = yield* tagFilter(state, args)
    const matches = keywordMatcher(args.text("keyword"))
    const name = args.text("name")
    const network = args.text("networkid")
    const vpc = args.text("vpcid")
    const inState = stateFilter(args.text("state"))
    const root = isRoot(caller)
    const found = [...state.vms.values()].filter(
      (vm) =>
        isShown(caller, vm) &&
        visible(vm.owner) &&
        optional(id, vm.id) &&
        (ids.length === 0 || ids.includes(vm.id)) &&
        (name === undefined || same(name, vm.name)) &&
        optional(args.text("zoneid"), vm.zone) &&
        (network === undefined || vm.nics.some((nic) => nic.network === network)) &&
        (vpc === undefined || vm.nics.some((nic) => state.networks.get(nic.network)?.vpc === vpc)) &&
        optional(args.text("serviceofferingid"), state.offering.id) &&
        inState(vm.state) &&
        (matches(vm.displayName, vm.name, root ? instanceName(vm) : undefined, ...addressesOf(state, vm)) ||
          same(args.text("keyword"), vm.state)) &&
        tagged(vm.id)
    )
    yield* pageOf(state, args)
    const wanted = yield* detailsOf(args)
    return answered(state, yield* paged(state, args, "virtualmachine", found, (vm) => vmView(state, vm, root, wanted)))
  })

/** Names of an enumeration of the server: their case counts, and they are read when the machines are found already. */
const detailsOf = (args: Arguments): Result.Result<ReadonlySet<string>, ApiError> => {
  const details = args.items("details") ?? []
  if (details.length === 0) return Result.succeed(new Set(["all"]))
  return details.every((detail) => vmDetails.includes(detail))
    ? Result.succeed(new Set(details))
    : refuse(`The details parameter contains a non permitted value. The allowed values are [${vmDetails.join(", ")}]`)
}

const stateFilter = (wanted: string | undefined) => (actual: VmState) => {
  if (wanted === undefined) return true
  if (same(wanted, "Present")) return actual !== "Destroyed" && actual !== "Expunging"
  return same(wanted, actual)
}

const addressesOf = (state: State, vm: Vm) => [
  ...vm.nics.flatMap((nic) => (nic.ip === undefined ? [] : [nic.ip])),
  ...natAddressesOfVm(state.addresses, vm.id).map((address) => address.ip)
]

/** The machine of a change; some commands check the access already in the call. */
const machine = ({ args, caller, command, state }: Call): Result.Result<Vm, ApiError> => {
  const vm = state.vms.get(args.text("id") ?? "")
  if (vm === undefined || vm.removed) {
    return refuse(`Unable to find UUID for id [${vm?.n ?? 0}] of type [VirtualMachine]`)
  }
  return checkedInCall.has(command) && !owns(state, caller, vm.owner) ? deny() : Result.succeed(vm)
}

const checkedInCall: ReadonlySet<string> = new Set([
  "startVirtualMachine",
  "stopVirtualMachine",
  "rebootVirtualMachine",
  "destroyVirtualMachine",
  "expungeVirtualMachine"
])

const withState = (state: State, id: string, next: VmState): State => {
  const vm = state.vms.get(id)
  return vm === undefined ? state : { ...state, vms: put(state.vms, { ...vm, state: next }) }
}

/** The result shows the machine with the job that is just working on it. */
const done = (call: Call, state: State, id: string): Result.Result<JobDone, ApiError> => {
  const vm = state.vms.get(id)
  if (vm === undefined) return broken("Unable to find the virtual machine")
  return Result.succeed({ state, result: { virtualmachine: vmView(state, vm, isRoot(call.caller)) } })
}

/** A command that moves one machine from state to state. */
const move =
  (
    during: VmState,
    run: (call: Call, state: State, vm: Vm, now: number) => Result.Result<JobDone, ApiError>,
    from: ReadonlyArray<VmState>
  ): Handler =>
  (call) =>
    Result.map(machine(call), ({ id }) =>
      submitted(call.state, {
        instanceType: "VirtualMachine",
        instance: { kind: "vm", id },
        begin: (state) => (from.includes(state.vms.get(id)?.state ?? during) ? withState(state, id, during) : state),
        run: (state, now) => {
          const vm = state.vms.get(id)
          if (vm === undefined || vm.removed) return broken("Unable to find the virtual machine")
          return owns(state, call.caller, vm.owner) ? run(call, state, vm, now) : deny()
        }
      })
    )

const startVirtualMachine = move(
  "Starting",
  (call, state, vm, now) => {
    const name = vm.displayName || vm.name
    if (vm.state === "Running") return refuse(`The virtual machine ${vm.id} (${name}) is already running`)
    if (vm.state === "Destroyed") return broken(`Unable to start a destroyed virtual machine ${vm.name}`)
    return Result.gen(function* () {
      let started = state
      for (const nic of vm.nics) started = yield* startNetwork(started, nic.network, now)
      return yield* done(call, withState(started, vm.id, "Running"), vm.id)
    })
  },
  ["Stopped"]
)

const stopVirtualMachine = move(
  "Stopping",
  (call, state, vm) => {
    if (vm.state === "Destroyed") return done(call, state, vm.id)
    return done(call, withState(state, vm.id, "Stopped"), vm.id)
  },
  ["Running"]
)

const rebootVirtualMachine = move(
  "Running",
  (call, state, vm) =>
    vm.state === "Running" ? done(call, state, vm.id) : apiError(530, "Failed to reboot vm instance"),
  []
)

const expunged = (state: State, id: string): JobDone => ({
  state: expungeVm(state, id),
  result: { virtualmachine: { nic: [], tags: [] } }
})

const destroyVirtualMachine = move(
  "Stopping",
  (call, state, vm) => {
    if (call.args.flag("expunge") === true) {
      if (!isAdmin(call.caller)) return broken("Account does not have permission for expunging.")
      return Result.succeed(expunged(state, vm.id))
    }
    return done(call, withState(state, vm.id, "Destroyed"), vm.id)
  },
  ["Running"]
)

const expungeVirtualMachine = move(
  "Expunging",
  (call, state, vm) => {
    if (vm.state !== "Destroyed" && vm.state !== "Expunging") {
      return broken("Please destroy vm with specified vmId before expunge")
    }
    if (!isAdmin(call.caller)) {
      return broken(
        "Expunging a vm can only be done by an Admin. Or when the allow.user.expunge.recover.vm key is set."
      )
    }
    return Result.succeed({ state: expungeVm(state, vm.id), result: success })
  },
  []
)

const recoverVirtualMachine: Handler = (call) =>
  Result.gen(function* () {
    const { args, caller, state } = call
    const vm = state.vms.get(args.text("id") ?? "")
    if (vm === undefined || vm.removed) {
      return yield* refuse(`unable to find a virtual machine with id ${vm?.n ?? 0}`)
    }
    if (!isAdmin(caller)) {
      return yield* deny(
        "Recovering a vm can only be done by an Admin. Or when the allow.user.expunge.recover.vm key is set."
      )
    }
    if (!owns(state, caller, vm.owner)) return yield* deny()
    if (vm.state !== "Destroyed") return yield* refuse(`Vm with id ${vm.id} is not in the right state`)
    const next = withState(state, vm.id, "Stopped")
    return answered(next, { virtualmachine: vmView(next, { ...vm, state: "Stopped" }, isRoot(caller)) })
  })

export const machineCommands: Readonly<Record<string, Handler>> = {
  listVirtualMachines,
  listVirtualMachinesMetrics: listVirtualMachines,
  startVirtualMachine,
  stopVirtualMachine,
  rebootVirtualMachine,
  destroyVirtualMachine,
  expungeVirtualMachine,
  recoverVirtualMachine
}
