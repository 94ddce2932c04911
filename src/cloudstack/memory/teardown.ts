/** Removing rules with everything that hangs on them: the one place that knows what goes with what. */
import {
  drop,
  firewallOfAddress,
  forwardingOfAddress,
  policiesOfRule,
  put,
  rulesOfAddress,
  type State
} from "./state.ts"

/** A VPC address without rules belongs to no tier any more. */
const untie = (state: State, address: string): State => {
  const row = state.addresses.get(address)
  if (row?.vpc === undefined || row.network === undefined || row.staticNat !== undefined) return state
  const used =
    rulesOfAddress(state.rules, address).length > 0 || forwardingOfAddress(state.forwarding, address).length > 0
  return used ? state : { ...state, addresses: put(state.addresses, { ...row, network: undefined }) }
}

export const removeFirewall = (state: State, id: string): State => ({
  ...state,
  firewall: drop(state.firewall, id),
  tags: drop(state.tags, id)
})

/** Members and policies go with the rule; its tags do not, as on the real server. */
export const removeRule = (state: State, id: string): State => {
  const rule = state.rules.get(id)
  if (rule === undefined) return state
  const opened = rule.opened === undefined ? state : removeFirewall(state, rule.opened)
  const policies = policiesOfRule(opened.policies, id).map((policy) => policy.id)
  return untie({ ...opened, rules: drop(opened.rules, id), policies: drop(opened.policies, ...policies) }, rule.address)
}

export const removeForwarding = (state: State, id: string): State => {
  const rule = state.forwarding.get(id)
  if (rule === undefined) return state
  const opened = rule.opened === undefined ? state : removeFirewall(state, rule.opened)
  return untie({ ...opened, forwarding: drop(opened.forwarding, id), tags: drop(opened.tags, id) }, rule.address)
}

/** Frees an address: all its rules and tags go, the row stays and returns to its pool. */
export const releaseAddress = (state: State, id: string): State => {
  let left = state
  for (const rule of rulesOfAddress(state.rules, id)) left = removeRule(left, rule.id)
  for (const rule of forwardingOfAddress(state.forwarding, id)) left = removeForwarding(left, rule.id)
  for (const rule of firewallOfAddress(state.firewall, id)) left = removeFirewall(left, rule.id)
  const address = left.addresses.get(id)
  if (address === undefined) return left
  return {
    ...left,
    tags: drop(left.tags, id),
    addresses: put(left.addresses, {
      ...address,
      state: "Free",
      owner: undefined,
      network: undefined,
      vpc: undefined,
      sourceNat: false,
      staticNat: undefined,
      allocated: undefined
    })
  }
}

/** Expunging a machine takes it out of every rule; a rule without members is in state Add again. */
export const expungeVm = (state: State, id: string): State => {
  let left = state
  for (const rule of state.rules.values()) {
    const members = rule.members.filter((member) => member.vm !== id)
    if (members.length === rule.members.length) continue
    const now = members.length === 0 && rule.state === "Active" ? "Add" : rule.state
    left = { ...left, rules: put(left.rules, { ...rule, members, state: now }) }
  }
  for (const rule of state.forwarding.values()) if (rule.vm === id) left = removeForwarding(left, rule.id)
  for (const address of state.addresses.values()) {
    if (address.staticNat?.vm !== id) continue
    left = { ...left, addresses: put(left.addresses, { ...address, staticNat: undefined }) }
  }
  const vm = left.vms.get(id)
  return vm === undefined
    ? left
    : {
        ...left,
        vms: put(left.vms, { ...vm, state: "Expunging", removed: true, nics: [] }),
        tags: drop(left.tags, id)
      }
}
