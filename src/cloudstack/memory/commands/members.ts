/** Who is behind a load balancer rule: assigning, removing and listing machines. */
import { Result } from "effect"
import { owns, requireOwner } from "../access.ts"
import { answered, type Call, type Handler, type JobDone, submitted, success } from "../command.ts"
import { type ApiError, broken, deny, refuse } from "../errors.ts"
import { unpaged } from "../lists.ts"
import { isIpv4 } from "../net.ts"
import type { LoadBalancerRule, Member, Vm } from "../records.ts"
import { put, type State } from "../state.ts"
import type { Json } from "../views.ts"
import { isAlive } from "../vmStates.ts"
import { vmView } from "../vmViews.ts"

/** Whatever is wrong, the reason is lost on the way. */
const failed = () => broken("Failed to assign load balancer rule")

const members = (rule: LoadBalancerRule, next: ReadonlyArray<Member>): LoadBalancerRule => ({
  ...rule,
  members: next,
  state: rule.state === "Deleting" ? rule.state : next.length === 0 ? "Add" : "Active"
})

const pushesOf = (state: State, rule: LoadBalancerRule) =>
  state.networks.get(rule.network)?.state === "Implemented" ? [rule.network] : []

/** The pairs of `vmidipmap`; these errors are the only ones of an assign that keep their text. */
const mapped = (call: Call, state: State): Result.Result<ReadonlyArray<Member>, ApiError> =>
  Result.gen(function* () {
    const pairs: Array<Member> = []
    for (const { vmid, vmip } of call.args.entries("vmidipmap") ?? []) {
      if (!state.vms.has(vmid ?? "")) return yield* refuse(`Unable to find virtual machine ID: ${vmid ?? "null"}`)
      if (vmip === undefined || !isIpv4(vmip)) {
        return yield* refuse(`Invalid ip address ${vmip ?? "null"} passed in vmidipmap for vmid ${vmid}`)
      }
      pairs.push({ vm: vmid ?? "", ip: vmip })
    }
    return pairs
  })

const keyOf = ({ ip, vm }: Member) => `${vm} ${ip}`

const nicIn = (vm: Vm, network: string) => vm.nics.find((nic) => nic.network === network)

const assign = (call: Call, state: State): Result.Result<JobDone, ApiError> =>
  Result.gen(function* () {
    const { args, caller } = call
    const rule = state.rules.get(args.text("id") ?? "")
    if (rule === undefined) return yield* refuse(`Unable to find load balancer rule ${args.text("id")}`)
    const ids = args.items("virtualmachineids")
    if (ids === undefined && args.entries("vmidipmap") === undefined) return yield* failed()
    const pairs = yield* mapped(call, state)
    const named = new Map<string, Member>()
    const add = (member: Member) => void named.set(keyOf(member), member)
    for (const id of new Set(ids)) {
      const vm = state.vms.get(id)
      const ip = vm === undefined ? undefined : nicIn(vm, rule.network)?.ip
      if (ip === undefined) return yield* failed()
      add({ vm: id, ip })
    }
    for (const pair of pairs) add(pair)
    const wanted = [...named.values()]
    const present = new Set(rule.members.map(keyOf))
    if (wanted.length === 0) return { state, result: success }
    if (!owns(state, caller, rule.owner)) return yield* failed()
    for (const { ip, vm: id } of wanted) {
      const vm = state.vms.get(id)
      if (vm === undefined || !isAlive(vm) || vm.owner !== rule.owner) return yield* failed()
      const nic = nicIn(vm, rule.network)
      if (nic === undefined) return yield* failed()
      if (nic.ip !== ip && !nic.secondary.some((secondary) => secondary.ip === ip)) return yield* failed()
      if (present.has(keyOf({ ip, vm: id }))) return yield* failed()
    }
    const done = { ...state, rules: put(state.rules, members(rule, [...rule.members, ...wanted])) }
    return { state: done, result: success, pushes: pushesOf(state, rule) }
  })

const remove = (call: Call, state: State): Result.Result<JobDone, ApiError> =>
  Result.gen(function* () {
    const { args, caller } = call
    const unknown = "Failed to remove instance from load balancer rule"
    const rule = state.rules.get(args.text("id") ?? "")
    if (rule === undefined) return yield* refuse(`Unable to find load balancer rule ${args.text("id")}`)
    if (!owns(state, caller, rule.owner)) return yield* deny()
    if (args.items("virtualmachineids") === undefined && args.entries("vmidipmap") === undefined) {
      return yield* refuse(unknown)
    }
    const pairs = yield* mapped(call, state)
    const isMapped = ({ ip, vm }: Member) => pairs.some((pair) => pair.vm === vm && pair.ip === ip)
    // Of a machine that is mapped only the mapped addresses go, even if it is named as well.
    const named = (args.items("virtualmachineids") ?? []).filter((id) => !pairs.some((pair) => pair.vm === id))
    const ids = new Set(named)
    if (pairs.some((pair) => !rule.members.some(({ ip, vm }) => vm === pair.vm && ip === pair.ip))) {
      // The server has put the rule into state Add before it looks, and leaves it there.
      const left = { ...state, rules: put(state.rules, { ...rule, state: "Add" as const }) }
      return { state: left, result: {}, failure: { code: 431, text: unknown } }
    }
    const left = rule.members.filter((member) => !ids.has(member.vm) && !isMapped(member))
    if (left.length === rule.members.length) return { state, result: success }
    const done = { ...state, rules: put(state.rules, members(rule, left)) }
    return { state: done, result: success, pushes: pushesOf(state, rule) }
  })

const assignToLoadBalancerRule: Handler = (call) =>
  Result.succeed(submitted(call.state, { run: (state) => assign(call, state) }))

const removeFromLoadBalancerRule: Handler = (call) =>
  Result.succeed(submitted(call.state, { run: (state) => remove(call, state) }))

const listLoadBalancerRuleInstances: Handler = ({ args, caller, state }) =>
  Result.gen(function* () {
    const rule = state.rules.get(args.text("id") ?? "")
    if (rule === undefined) return yield* refuse("Unable to find the load balancer rule")
    yield* requireOwner(state, caller, rule.owner)
    const vms = args.flag("applied") === false ? [] : [...new Set(rule.members.map((member) => member.vm))]
    const found = vms
      .flatMap((id) => {
        const vm = state.vms.get(id)
        return vm !== undefined && isAlive(vm) ? [vm] : []
      })
      .sort((a, b) => a.n - b.n)
    const view = (vm: Vm): Json => vmView(state, vm, caller.role === "Admin")
    if (args.flag("lbvmips") !== true) return answered(state, unpaged("loadbalancerruleinstance", found, view))
    return answered(
      state,
      unpaged("lbrulevmidip", found, (vm) => ({
        loadbalancerruleinstance: view(vm),
        lbvmipaddresses: rule.members.filter((member) => member.vm === vm.id).map((member) => member.ip)
      }))
    )
  })

export const memberCommands: Readonly<Record<string, Handler>> = {
  assignToLoadBalancerRule,
  removeFromLoadBalancerRule,
  listLoadBalancerRuleInstances
}
