/** What the steps of a plan do to one address, with the rules CloudStack enforces there: a planner's counterpart. */

import type { Chain, Plan } from "../../src/controllers/service/chains.ts"
import type { Step } from "../../src/controllers/service/steps.ts"
import { canonicalText } from "../../src/domain/Cidr.ts"
import { FirewallRuleId, ForwardId, type Holding, PolicyId, RuleId, type Tag } from "../../src/domain/Cloud.ts"

export class ModelConflict extends Error {}

let nextId = 0
const fresh = (kind: string) => `${kind}-new-${++nextId}`

const without = <A extends { readonly id: string }>(list: ReadonlyArray<A>, id: string) =>
  list.filter((item) => item.id !== id)

const create = (holding: Holding, step: Extract<Step, { _tag: "CreateRule" }>, made: Map<number, RuleId>): Holding => {
  const { rule } = step
  // Whatever the protocols: a load balancer rule has its port number for itself.
  const taken = [...holding.rules, ...(holding.forwards ?? [])]
  if (taken.some((other) => other.publicPort === rule.publicPort)) {
    throw new ModelConflict(`port ${rule.publicPort} is taken`)
  }
  const id = RuleId.make(fresh("rule"))
  made.set(rule.publicPort, id)
  const { addressId, algorithm, description, name, privatePort, protocol, publicPort } = rule
  const cidrs = rule.cidrs ?? []
  const added = { id, addressId, algorithm, description, name, privatePort, protocol, publicPort, cidrs }
  return { ...holding, rules: [...holding.rules, { ...added, state: "Add", tags: [], members: [] }] }
}

const open = (holding: Holding, step: Extract<Step, { _tag: "OpenBorder" }>): Holding => {
  const clash = holding.firewall.some(
    (rule) =>
      rule.protocol === step.protocol &&
      (rule.startPort ?? 0) <= step.port &&
      step.port <= (rule.endPort ?? 65_535) &&
      rule.cidrs.some((cidr) => step.cidrs.includes(cidr))
  )
  if (clash) throw new ModelConflict(`a firewall rule on ${step.port} names the same network`)
  const rule = {
    id: FirewallRuleId.make(fresh("firewall")),
    addressId: step.addressId,
    protocol: step.protocol,
    startPort: step.port,
    endPort: step.port,
    cidrs: canonicalText(step.cidrs),
    state: "Active",
    tags: []
  }
  return { ...holding, firewall: [...holding.firewall, rule] }
}

const forward = (holding: Holding, step: Extract<Step, { _tag: "CreateForward" }>): Holding => {
  const { addressId, privatePort, protocol, publicPort, vmId } = step.forward
  const { forwards = [] } = holding
  const clash =
    holding.rules.some((rule) => rule.publicPort === publicPort) ||
    forwards.some((other) => other.publicPort === publicPort && other.protocol === protocol)
  if (clash) throw new ModelConflict(`port ${protocol}/${publicPort} is taken`)
  const id = ForwardId.make(fresh("forward"))
  const made = { id, addressId, protocol, publicPort, publicEndPort: publicPort, privatePort, vmId }
  return { ...holding, forwards: [...forwards, { ...made, state: "Active", tags: [] }] }
}

export const applyStep = (holding: Holding, step: Step, made: Map<number, RuleId>): Holding => {
  const onRule = (id: RuleId, edit: (rule: Holding["rules"][number]) => Holding["rules"][number]): Holding => {
    if (!holding.rules.some((rule) => rule.id === id)) throw new ModelConflict(`rule ${id} is gone`)
    return { ...holding, rules: holding.rules.map((rule) => (rule.id === id ? edit(rule) : rule)) }
  }
  switch (step._tag) {
    case "CreateRule":
      return create(holding, step, made)
    case "UpdateRule":
      return onRule(step.id, (rule) => ({ ...rule, ...step.change }))
    case "DeleteRule":
      return { ...holding, rules: without(holding.rules, step.id) }
    case "AddMembers": {
      const id = "id" in step.rule ? step.rule.id : made.get(step.rule.madeFor)
      if (id === undefined) throw new ModelConflict("members for a rule that was not made")
      return onRule(id, (rule) => {
        // One that is a member already fails the whole call.
        if (step.vms.some((vm) => rule.members.includes(vm))) throw new ModelConflict("already a member")
        return { ...rule, members: [...rule.members, ...step.vms] }
      })
    }
    case "RemoveMembers":
      return onRule(step.id, (rule) => ({ ...rule, members: rule.members.filter((vm) => !step.vms.includes(vm)) }))
    case "OpenBorder":
      return open(holding, step)
    case "CloseBorder":
      return { ...holding, firewall: without(holding.firewall, step.id) }
    case "SetStickiness": {
      const id = "id" in step.rule ? step.rule.id : made.get(step.rule.madeFor)
      if (id === undefined) throw new ModelConflict("stickiness for a rule that was not made")
      return onRule(id, (rule) => ({ ...rule, policies: [{ id: PolicyId.make(fresh("policy")), ...step.stickiness }] }))
    }
    case "ClearStickiness":
      return {
        ...holding,
        rules: holding.rules.map((rule) =>
          rule.policies === undefined ? rule : { ...rule, policies: without(rule.policies, step.id) }
        )
      }
    case "CreateForward":
      return forward(holding, step)
    case "DeleteForward":
      return { ...holding, forwards: without(holding.forwards ?? [], step.id) }
    case "TagForwards":
      return {
        ...holding,
        forwards: (holding.forwards ?? []).map((one) =>
          step.ids.includes(one.id) ? { ...one, tags: [...one.tags, ...step.tags] } : one
        )
      }
    case "TagRules":
      return {
        ...holding,
        rules: holding.rules.map((rule) =>
          step.ids.includes(rule.id) ? { ...rule, tags: [...rule.tags, ...step.tags] } : rule
        )
      }
    case "UntagAddress": {
      const { address } = holding
      return { ...holding, address: { ...address, tags: address.tags.filter(({ key }) => !step.keys.includes(key)) } }
    }
    // Tags of rules that are gone, and lists of VPC tiers, are not on the address.
    case "UntagRules":
    case "OpenAcl":
    case "UpdateAcl":
    case "CloseAcl":
      return holding
    case "TagBorders":
      return {
        ...holding,
        firewall: holding.firewall.map((rule) =>
          step.ids.includes(rule.id) ? { ...rule, tags: [...rule.tags, ...step.tags] } : rule
        )
      }
    case "TagAddress":
      return { ...holding, address: { ...holding.address, tags: [...holding.address.tags, ...step.tags] } }
    case "ReleaseAddress":
      return {
        ...holding,
        address: { ...holding.address, state: "Free", tags: [] },
        rules: [],
        firewall: [],
        forwards: []
      }
  }
}

/** One chain after the other; any order of chains within a stage has to come to the same. */
export const applyChains = (holding: Holding, chains: ReadonlyArray<Chain>): Holding => {
  const made = new Map<number, RuleId>()
  return chains
    .flatMap((chain) => [...chain.steps, ...chain.always])
    .reduce((state, step) => applyStep(state, step, made), holding)
}

/** As a run does it: what it opens is marked before anything else happens. */
export const applyPlan = (holding: Holding, { cleanup, traffic }: Plan, marks: ReadonlyArray<Tag>): Holding => {
  const before = new Set(holding.firewall.map(({ id }) => id))
  const served = applyChains(holding, traffic)
  const firewall = served.firewall.map((rule) => (before.has(rule.id) ? rule : { ...rule, tags: marks }))
  const known = new Set((holding.forwards ?? []).map(({ id }) => id))
  const forwards = (served.forwards ?? []).map((one) => (known.has(one.id) ? one : { ...one, tags: marks }))
  return applyChains({ ...served, firewall, forwards }, cleanup)
}
